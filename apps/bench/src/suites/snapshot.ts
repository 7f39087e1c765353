/** Suite `snapshot`: storage bytes, time and accuracy of sampling from snapshots beside caches of whole lists of equal size. */
import { fileURLToPath } from 'node:url';
import type { Case, Contender, Suite } from '../harness/types.js';
import { dataFolder } from './dataFolder.js';

const program = fileURLToPath(new URL('./snapshotRun.js', import.meta.url));
/**
 * The labelled graph with features with the most edges, 519 thousand; its accuracy says nothing, as one class has 78 % of the
 * vertices. And one of 246 thousand edges and ten classes, trained as well.
 */
const DATA: Readonly<Record<string, readonly number[]>> = { tolokers: [], 'amazon-computers': [1, 2] };
const PLAN = { fanouts: [10, 10], batchSize: 512, epochs: 10, trainEpochs: 8 };
/** Settings of the published experiments, and one snapshot per layer: the largest of the caches here. */
const RATES = { alpha: 2, period: 50, refreshRate: 0.15 };
const LARGEST = { mode: 'fcr', ...RATES };

const samplers: Readonly<Record<string, object>> = {
  fbl: { mode: 'fbl' },
  lru: { mode: 'lru' },
  'static, degree': { mode: 'static' },
  'static, inclusion': { mode: 'static', order: 'inclusion' },
  fcr: LARGEST,
  'fcr-sc': { ...LARGEST, shared: true },
  ...Object.fromEntries(
    (['full', 'partial'] as const).flatMap((refresh) =>
      (['full', 'partial'] as const).flatMap((fetch) =>
        [false, true].map((shared) => [
          `otf ${refresh} refresh, ${fetch} fetch${shared ? ', sc' : ''}`,
          { ...RATES, mode: 'otf', refresh, fetch, shared },
        ]),
      ),
    ),
  ),
  swap: { ...RATES, mode: 'swap' },
};

/** All modes on one graph; `lru` and `static` get the bytes of `fcr`. */
export const snapshot: Suite = {
  name: 'snapshot',
  description: 'batches sampled from a drive: snapshots beside LRU and static caches of equal size',
  cases: () => Object.entries(DATA).map(([data, seeds]) => sampling(data, seeds)),
};

function sampling(data: string, seeds: readonly number[]): Case {
  return {
    name: data,
    params: { data, ...PLAN, fanouts: PLAN.fanouts.join('/'), 'runs of training': seeds.length },
    kind: 'measured',
    unit: 's',
    contenders: Object.entries(samplers).map(
      ([name, sampler]): Contender => ({
        name,
        version: '',
        command: process.execPath,
        args: [program, JSON.stringify({ data, seeds, ...PLAN, sampler, sizeOf: LARGEST })],
        ...(dataFolder(data) ? {} : { missing: `no data set ${data}; set STRATA_DATA` }),
      }),
    ),
  };
}
