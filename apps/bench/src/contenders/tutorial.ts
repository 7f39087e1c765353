/** Program: `tutorial.js ENGINE STEPS` trains the classifier of apps/fashion-mnist; the median seconds of a step. */

import { median } from '@strata-ml/core';
import { dataFolder, type Engine, seedMathRandom, train, useEngine } from '@strata-ml/fashion-mnist';
import type { ItemLine } from '../harness/types.js';

const BATCH = 128;
/** The first step compiles and allocates. */
const WARM_UP = 1;

/** Prints one line: the sample, or why there is none. */
async function main([engine = 'native', specs = '[{}]']: string[]): Promise<void> {
  const [{ steps = 20 }] = JSON.parse(specs) as [{ steps?: number }];
  const print = (line: ItemLine) => process.stdout.write(`${JSON.stringify(line)}\n`);
  try {
    seedMathRandom(1);
    await useEngine(engine as Engine);
    const maxSteps = WARM_UP + steps;
    const { stepSeconds, stepLosses } = await train({
      folder: dataFolder() ?? '',
      epochs: 1,
      batchSize: BATCH,
      count: BATCH * (maxSteps + 1),
      validation: 0,
      maxSteps,
    });
    const extra = { 'loss at step 3': stepLosses[2]!, steps };
    print({ item: 0, value: median(stepSeconds.slice(WARM_UP)), extra });
  } catch (error) {
    const { message, details } = error as Error & { details?: { readonly reason?: string } };
    const kernel = /Kernel '(\w+)' not registered/.exec(message)?.[1];
    print({ item: 0, missing: kernel ? `no kernel ${kernel}` : (details?.reason ?? message) });
  }
}

await main(process.argv.slice(2));
