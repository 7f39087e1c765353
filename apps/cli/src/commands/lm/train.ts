/** `strata lm train`. */
import { describeCluster, writeChromeTrace } from '@strata-ml/core';
import type { Command } from 'commander';
import { action } from '../../action.js';
import { linkKind, placeOf } from '../../cluster.js';
import { count } from '../../output/format.js';
import { checkWritableFile } from '../../output/Output.js';
import { compressionOptions } from './compressFlag.js';
import { addTrainFlags, type TrainFlags, tokenizerOf, trainOptions } from './trainFlags.js';
import { trainingTable } from './trainTable.js';
import { TrainView } from './trainView.js';

/** Adds `train`. */
export function trainLanguageModelCommand(area: Command): void {
  addTrainFlags(
    area.command('train').description('train a GPT on a text, over tensor ranks, pipeline stages and replicas'),
  ).action(
    action<TrainFlags>(
      'lm train',
      async (flags, { output, signal, rank }) => {
        const ranks = flags.dp * flags.pp * flags.tp;
        const place = await placeOf(rank.isMpi ? flags : { cluster: `1x${ranks}`, ...flags }, rank);
        const options = { ...trainOptions(flags), ...(await compressionOptions(flags.compress, flags.pp)) };
        for (const name of ['trace', 'report'] as const) {
          const path = flags[name];
          if (path !== undefined && rank.isRoot) await checkWritableFile(`--${name}`, path);
        }
        const { loadTextDataset } = await import('@strata-ml/datasets');
        const { name, tokenizer, train, validation } = await loadTextDataset(flags.data, {
          tokenizer: tokenizerOf(flags),
        });
        output.print(
          `${name}: ${count(train.length)} tokens to train, ${count(validation.length)} to validate · ` +
            `vocabulary of ${count(tokenizer.vocabularySize)}`,
        );
        output.print(describeCluster(place.cluster));

        const { trainLanguageModel } = await import('@strata-ml/comm-compress');
        const view = new TrainView(output, flags.logEvery);
        const report = await trainLanguageModel(
          { train, validation, vocabulary: tokenizer.vocabularySize, tokenizer: tokenizer.toJSON() },
          { ...options, ...place, signal, onEvent: (event) => view.show(event) },
        ).finally(() => view.stop());

        const links = linkKind(place);
        const config = {
          ...flags,
          ...options,
          cluster: place.cluster,
          transport: place.transport,
          model: report.config,
        };
        if (report.isRoot) {
          if (flags.trace !== undefined && report.trace) await writeChromeTrace(flags.trace, report.trace);
          output.print(`\n${trainingTable(report, { trace: flags.trace, links })}`);
          if (flags.report !== undefined) {
            const { writeTrainPage } = await import('./trainReport/page.js');
            await writeTrainPage(flags.report, { report, name, place, links, config });
            output.print(`report: ${flags.report}`);
          }
        }
        return {
          config,
          metrics: report.metrics,
          timeline: report.timeline,
          labels: { links },
          environment: report.environment,
          status: report.status,
        };
      },
      { isInterruptible: true },
    ),
  );
}
