/** Several fake ranks in one thread: a sum over ranks becomes right once every rank has told its share. */
import type { GraphContext } from '../../src/index.js';

type Statistics = Pick<GraphContext, 'training' | 'allReduceSum' | 'globalRows'>;

/**
 * Runs `ranks` functions that call `allReduceSum` in the same order, again and again, each pass knowing one more call's
 * shares of the other ranks; after `calls + 1` passes every sum was right. Returns the results of the last pass.
 */
export function runFakeRanks<T>(ranks: ((context: Statistics) => T)[], calls: number, globalRows: number): T[] {
  const shares: (Float64Array | undefined)[][] = ranks.map(() => []);
  let results: T[] = [];
  for (let pass = 0; pass <= calls; pass++) {
    results = ranks.map((run, rank) => {
      let call = 0;
      return run({
        training: true,
        globalRows,
        allReduceSum(stats) {
          shares[rank]![call] = stats.slice();
          for (let other = 0; other < ranks.length; other++) {
            const share = shares[other]![call];
            if (other !== rank && share) for (let i = 0; i < stats.length; i++) stats[i]! += share[i]!;
          }
          call++;
        },
      });
    });
  }
  return results;
}
