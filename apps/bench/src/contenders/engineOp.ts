/** Program: `engineOp.js ENGINE OPERATION` checks an operation against its definition and prints its median seconds. */
import { type EngineName, initEngine } from '@strata-ml/core';
import { checksum } from './inputs.js';
import { operations } from './ops.js';
import { secondsOf, timeCall } from './timing.js';

const CHECKED = 64;
const TOLERANCE = 1e-4;
/** Seconds of a call above which the first call is the warm-up and the second the measurement. */
const LONG = 1;

async function main([engine = 'native', name = '']: string[]): Promise<void> {
  const prepare = operations[name];
  if (!prepare) throw new Error(`operation must be one of ${Object.keys(operations).join(', ')}, got ${name}`);
  await initEngine({ prefer: engine as EngineName, threads: 1 });
  const { run, element, flops, bytes } = prepare();
  const check = (): { error: number; sum: number; seconds: number } => {
    let result: ReturnType<typeof run> | undefined;
    const seconds = secondsOf(() => {
      result = run();
    });
    const values = result!.dataSync();
    const step = Math.max(1, Math.floor(values.length / CHECKED));
    let [worst, size] = [0, 0];
    for (let i = 0; i < values.length; i += step) {
      const expected = element(i);
      worst = Math.max(worst, Math.abs(values[i]! - expected));
      size = Math.max(size, Math.abs(expected));
    }
    const sum = checksum(values);
    result!.dispose();
    if (!(worst <= TOLERANCE * size)) throw new Error(`${name} on ${engine}: off by ${worst} of ${size}`);
    return { error: worst / size, sum, seconds };
  };
  const isLong = check().seconds > LONG;
  const median = isLong ? undefined : timeCall(() => run().dispose());
  const { error, sum, seconds } = check();
  const value = median ?? seconds;
  const rate = flops ? { 'GFLOP/s': flops / value / 1e9 } : { 'GB/s': (bytes ?? 0) / value / 1e9 };
  console.log(JSON.stringify({ value, extra: { ...rate, error, checksum: sum } }));
}

await main(process.argv.slice(2));
