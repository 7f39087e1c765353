/** Rank entry: all-reduces a float32 buffer and returns the median seconds of one call, slowest rank. */
import { performance } from 'node:perf_hooks';
import { median, type RankEntry } from '@strata-ml/core';

/** What to all-reduce and how often. */
export interface AllReduceWork {
  readonly bytes: number;
  readonly repeats: number;
}

const entry: RankEntry<AllReduceWork, number> = (ctx, { bytes, repeats }) => {
  const length = bytes / 4;
  const data = new Float32Array(length).map((_, i) => (i % 97) / 97 + ctx.rank);
  const first = data[5]!;
  ctx.world.allReduce(data);
  const expected = ctx.worldSize * (first - ctx.rank) + (ctx.worldSize * (ctx.worldSize - 1)) / 2;
  if (Math.abs(data[5]! - expected) > 1e-3) throw new Error(`wrong sum: ${data[5]} instead of ${expected}`);
  const seconds: number[] = [];
  for (let i = -warmUpCalls(bytes); i < repeats; i++) {
    data.fill(1);
    ctx.world.barrier();
    const start = performance.now();
    ctx.world.allReduce(data);
    if (i >= 0) seconds.push((performance.now() - start) / 1000);
  }
  if (data[length - 1] !== ctx.worldSize) throw new Error(`wrong sum: ${data[length - 1]}`);
  const slowest = Float64Array.of(median(seconds));
  ctx.world.allReduce(slowest, { op: 'max' });
  return slowest[0]!;
};

export default entry;

/** Calls before the measurement: JavaScript is compiled by use. The C program makes as many. */
function warmUpCalls(bytes: number): number {
  if (bytes <= 65_536) return 3000;
  return bytes <= 1_048_576 ? 100 : 3;
}
