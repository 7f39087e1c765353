/** Suite `offload-partition`: what a partition costs training from a drive, and what cache policies read on it. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Case, Contender, Suite } from '../harness/types.js';

const partitionProgram = fileURLToPath(new URL('./offloadPartitionRun.js', import.meta.url));
const cacheProgram = fileURLToPath(new URL('./offloadCacheRun.js', import.meta.url));
const PARTS = 16;
const graphs = [
  ['coauthor-physics', 'coauthor-physics'],
  ['R-MAT, 65,536 vertices', 'rmat-16-16'],
] as const;
/** Budgets, of what a run without any reading would hold. */
const shares = [0.25, 0.5, 0.75];

/** Partitioners one by one in processes of their own; cache policies on the partition of `switching`. */
export const offloadPartition: Suite = {
  name: 'offload-partition',
  description: 'rows gathered and read, cut, memory and time of partitioners; bytes that cache policies read',
  cases: () => [
    ...graphs.map(([name, graph]) => partitionCase(name, graph)),
    ...graphs.flatMap(([name, graph]) => shares.map((share) => cacheCase(name, graph, share))),
  ],
};

function partitionCase(name: string, graph: string): Case {
  const isMissing = spawnSync('gpmetis', ['-help'], { stdio: 'ignore' }).error !== undefined;
  const contender = (method: string): Contender => ({
    name: method,
    version: '',
    command: process.execPath,
    args: [partitionProgram, graph, method, String(PARTS)],
    ...(method === 'gpmetis' && isMissing ? { missing: 'no gpmetis; install the package metis' } : {}),
  });
  return {
    name: `partition ${name}`,
    params: { graph, parts: PARTS },
    kind: 'measured',
    unit: 's',
    contenders: ['switching', 'spinner', '2ps-l', 'gpmetis', 'multilevel', 'grem', 'fennel', 'random'].map(contender),
  };
}

function cacheCase(name: string, graph: string, share: number): Case {
  return {
    name: `cache ${name}, ${100 * share} % of memory`,
    params: { graph, parts: PARTS, share, drive: '1 GB/s', model: 'GCN, 3 layers, width 128' },
    kind: 'simulated',
    unit: 's',
    contenders: ['belady', 'lru', 'frequency', 'none'].map((policy) => ({
      name: policy,
      version: '',
      command: process.execPath,
      args: [cacheProgram, graph, String(PARTS), String(share), policy],
      // Counts do not vary.
      maxRounds: 1,
    })),
  };
}
