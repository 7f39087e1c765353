/** `strata gnn evaluate`. */
import { join } from 'node:path';
import { OptionError } from '@strata-ml/core';
import type { Command } from 'commander';
import { action } from '../../action.js';
import { addDataFlags, type DataFlags, loadTrainingData } from '../../data.js';
import { addCommonFlags, addEngineFlag, addSeedFlag, type CommonFlags } from '../../options.js';
import { percent } from '../../output/format.js';
import { factTable } from '../../output/table.js';

interface Flags extends CommonFlags, DataFlags {
  readonly checkpoint?: string;
  readonly model?: string;
  readonly engine: 'auto' | 'native' | 'tensorflow' | 'wasm' | 'cpu';
}

/** Adds `evaluate`. */
export function evaluateCommand(area: Command): void {
  const command = addDataFlags(area.command('evaluate').description('score a trained model on a data set'));
  command
    .option('--checkpoint <dir>', 'folder that gnn train --checkpoint wrote the model to')
    .option('--model <file>', 'instead of --checkpoint: the model file itself');
  addEngineFlag(addSeedFlag(addCommonFlags(command))).action(
    action<Flags>('gnn evaluate', async (flags, { output }) => {
      const { evaluateGnn, loadModel } = await import('@strata-ml/gnn-dist');
      const { initEngine } = await import('@strata-ml/core');
      const { checkpoint, model: file } = flags;
      if ((checkpoint === undefined) === (file === undefined)) {
        throw new OptionError('gnn evaluate', '--checkpoint or --model', 'neither or both', 'given, one of the two');
      }
      const model = loadModel(file ?? join(checkpoint ?? '', 'model.safetensors'));
      const data = await loadTrainingData(flags, output);
      const engine = await initEngine({ prefer: flags.engine });
      const scores = await evaluateGnn(model, data);
      output.print(
        `\n${factTable([
          ['test accuracy', percent(scores.testAccuracy)],
          ['validation', percent(scores.valAccuracy)],
          ['training', percent(scores.trainAccuracy)],
        ])}`,
      );
      return {
        config: { ...flags, spec: model.spec },
        metrics: { ...scores },
        environment: { engine: engine.name, kernels: engine.kernels },
      };
    }),
  );
}
