/** Program: `denseStep.js NETWORK ENGINE THREADS` trains a network of `denseModels.ts`; the median seconds of a step. */
import { initEngine, median } from '@strata-ml/core';
import { type DenseModelName, denseModels } from './denseModels.js';
import { type ContenderEngine, startEngine } from './startEngine.js';
import { secondsOf, timeCall } from './timing.js';

/** After so many steps the loss is compared between contenders. */
const COMPARED_STEPS = 5;
/** Seconds of a step above which those steps, less the first two, are the measurement. */
const LONG = 0.5;
/** Seconds of measurement. */
const BUDGET = 2;

async function main([network = 'mlp', engine = 'native', threads = '1']: string[]): Promise<void> {
  // Stock tfjs registers no gradients in Node; ours come with the first engine.
  if (engine === 'wasm-stock') await initEngine({ prefer: 'cpu' });
  if (engine === 'native') await initEngine({ prefer: 'native', threads: Number(threads) });
  else await startEngine(engine as ContenderEngine);
  const { variables, optimizer, loss } = denseModels[network as DenseModelName]();
  const step = (): number => {
    const value = optimizer.minimize(loss, true, variables)!;
    const [result] = value.dataSync();
    value.dispose();
    return result!;
  };
  let compared = 0;
  const seconds = Array.from({ length: COMPARED_STEPS }, () =>
    secondsOf(() => {
      compared = step();
    }),
  );
  const warm = median(seconds.slice(2));
  const value = warm > LONG ? warm : timeCall(step, BUDGET);
  console.log(
    JSON.stringify({ value, extra: { [`loss at step ${COMPARED_STEPS}`]: Number(compared.toPrecision(5)) } }),
  );
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  // An engine that has no such kernel cannot take part; any other failure is a mistake.
  const kernel = /Kernel '(\w+)' not registered/.exec((error as Error).message)?.[1];
  if (!kernel) throw error;
  console.log(JSON.stringify({ missing: `no kernel ${kernel}` }));
}
