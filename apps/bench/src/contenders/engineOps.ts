/**
 * Program: `engineOps.js ENGINE SPECS` checks operations against their definitions and prints the median seconds of
 * each, a line per operation. SPECS is a JSON array of `OperationSpec`.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { ItemLine, Sample } from '../harness/types.js';
import { type FusedOperations, prepare } from '../operations/prepare.js';
import type { OperationSpec } from '../operations/spec.js';
import { checksum } from './inputs.js';
import { type ContenderEngine, startEngine } from './startEngine.js';
import { secondsOf, timeCall } from './timing.js';

/** Elements of the result that are held to the definition, besides the last. */
const CHECKED = 64;
const TOLERANCE = 1e-4;
/** Seconds of a call above which the first call, which is checked, is the measurement. */
const LONG = 0.4;
/** Seconds of timed calls. */
const BUDGET = 0.15;

function measure(spec: OperationSpec, fused: FusedOperations): Sample {
  const { run, element } = prepare(spec, fused);
  const check = (): { error: number; sum: number; seconds: number } => {
    let result: tf.Tensor | undefined;
    const seconds = secondsOf(() => {
      result = run();
    });
    const values = result!.dataSync();
    result!.dispose();
    const step = Math.max(1, Math.floor(values.length / CHECKED));
    let [worst, size] = [0, 0];
    for (const i of [...Array(Math.ceil(values.length / step)).keys()].map((k) => k * step).concat(values.length - 1)) {
      const expected = element(i);
      worst = Math.max(worst, Math.abs(values[i]! - expected));
      size = Math.max(size, Math.abs(expected));
    }
    if (!(worst <= TOLERANCE * size)) throw new Error(`wrong result: off by ${worst} of ${size}`);
    return { error: worst / size, sum: checksum(values), seconds };
  };
  const first = check();
  if (first.seconds > LONG) {
    return { value: first.seconds, extra: { error: first.error, checksum: first.sum } };
  }
  const value = timeCall(() => run().dispose(), BUDGET);
  const { error, sum } = check();
  return { value, extra: { error, checksum: sum } };
}

/** What failed, in a few words. */
function reasonOf(error: unknown): string {
  const { message, details } = error as Error & { details?: { readonly reason?: string } };
  if (details?.reason) return details.reason;
  const kernel = /Kernel '(\w+)' not registered/.exec(message)?.[1];
  return kernel ? `no kernel ${kernel}` : message;
}

/** What users of the native backend have besides tfjs. */
async function fusedOperations(): Promise<FusedOperations> {
  const { gelu, layerNorm } = await import('@strata-ml/tfjs-backend-native');
  return { layerNorm, gelu: (x) => gelu(x, 'erf') };
}

async function main([engine = 'native', specs = '[]']: string[]): Promise<void> {
  const print = (line: ItemLine) => process.stdout.write(`${JSON.stringify(line)}\n`);
  try {
    await startEngine(engine as ContenderEngine);
  } catch (error) {
    print({ missing: reasonOf(error) });
    return;
  }
  const fused = engine === 'native' ? await fusedOperations() : {};
  for (const [item, spec] of (JSON.parse(specs) as OperationSpec[]).entries()) {
    tf.engine().startScope();
    try {
      print({ item, ...measure(spec, fused) });
    } catch (error) {
      print({ item, missing: reasonOf(error) });
    }
    tf.engine().endScope();
  }
}

await main(process.argv.slice(2));
