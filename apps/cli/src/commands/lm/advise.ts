/** `strata lm advise`. */
import { writeFile } from 'node:fs/promises';
import { describeCluster, formatBytes } from '@strata-ml/core';
import type { Command } from 'commander';
import pc from 'picocolors';
import { action } from '../../action.js';
import { linkKind, placeOf } from '../../cluster.js';
import { integer } from '../../options.js';
import { percent, seconds } from '../../output/format.js';
import { checkWritableFile } from '../../output/Output.js';
import { columnTable, factTable } from '../../output/table.js';
import { addTrainFlags, type TrainFlags, tokenizerOf, trainOptions } from './trainFlags.js';

interface Flags extends TrainFlags {
  readonly profileSteps: number;
  readonly backwardCodec: string;
  readonly gradientCodec: string;
  readonly out?: string;
}

/** Adds `advise`. */
export function adviseCommand(area: Command): void {
  const command = area
    .command('advise')
    .description('measure a few steps, and say which compression is worth it on these links, if any')
    .option('--profile-steps <n>', 'steps that are measured', integer('--profile-steps', { min: 4 }), 8)
    .option('--backward-codec <name>', 'of gradients between stages', 'powersgd:16')
    .option('--gradient-codec <name>', 'of gradients between replicas', 'powersgd:32')
    .option('--out <file>', 'write the advice, for lm train --compress');
  addTrainFlags(command).action(
    action<Flags>(
      'lm advise',
      async (flags, { output, signal, rank }) => {
        const place = await placeOf({ cluster: `1x${flags.dp * flags.pp * flags.tp}`, ...flags }, rank);
        if (flags.out !== undefined) await checkWritableFile('--out', flags.out);
        const steps = flags.profileSteps;
        const options = { ...trainOptions(flags), steps, evaluateEvery: steps, evaluationSamples: 1 };
        const { analyzeCriticalPath, profileRun, trainLanguageModel } = await import('@strata-ml/comm-compress');
        const { loadTextDataset } = await import('@strata-ml/datasets');
        const { tokenizer, train, validation } = await loadTextDataset(flags.data, { tokenizer: tokenizerOf(flags) });
        output.print(describeCluster(place.cluster));
        const data = { train, validation, vocabulary: tokenizer.vocabularySize };
        const report = await trainLanguageModel(data, { ...options, ...place, signal });
        const codecs = { backward: flags.backwardCodec, gradients: flags.gradientCodec };
        const profile = profileRun(report, options, place.cluster, codecs);
        const path = analyzeCriticalPath(profile, {
          backwardCodec: flags.backwardCodec,
          gradientCodec: flags.gradientCodec,
        });
        const { median } = report.metrics.stepSeconds;
        const base = path.modes[0]!.prediction.stepS;
        output.print(
          `\n${factTable([
            ['step, measured', seconds(median), `${steps} steps without compression, ${linkKind(place)} links`],
            ['step, simulated', seconds(base), percent(base / median - 1).replace(/^(?=\d)/, '+')],
            ['backward messages, exposed', seconds(path.backwardExposedS), formatBytes(profile.messageBytes)],
            ['gradient average, exposed', path.gradientExposedS.map(seconds).join(' · '), 'by stage'],
            ['slack before it', path.slackS.map(seconds).join(' · '), 'by stage'],
            ['embedding sum', seconds(path.embeddingS)],
          ])}`,
        );
        const rows = path.modes.map(({ name, prediction }) => [
          name === path.best.name ? pc.bold(`→ ${name}`) : `  ${name}`,
          seconds(prediction.stepS),
          `${(base / prediction.stepS).toFixed(3)} ×`,
          seconds(Math.max(...prediction.gradientS)),
          seconds(prediction.embeddingS),
          seconds(prediction.codecS),
        ]);
        const head = ['  mode', 'step', 'speed', 'gradients', 'embedding', 'coding'];
        output.print(`\n${columnTable(head, rows, ['left', ...new Array<'right'>(5).fill('right')])}`);
        output.print(
          path.advice === undefined
            ? '\nnothing is worth it on these links: train without compression'
            : `\nadvice: ${JSON.stringify(path.advice)}`,
        );
        output.print('predictions are simulated from measured times');
        if (flags.out !== undefined && path.advice) await writeFile(flags.out, `${JSON.stringify(path.advice)}\n`);
        return {
          config: { ...flags, cluster: place.cluster },
          metrics: { ...path, profile, measuredStepSeconds: median },
          labels: { compute: 'simulated', links: 'simulated' },
          environment: report.environment,
        };
      },
      { isInterruptible: true },
    ),
  );
}
