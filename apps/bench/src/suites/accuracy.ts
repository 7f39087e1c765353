/** Suite `accuracy`: test accuracy of full-graph and mini-batch modes, beside what is published or known of the data. */
import { fileURLToPath } from 'node:url';
import type { Case, Contender, Suite } from '../harness/types.js';
import { dataFolder } from './dataFolder.js';

const program = fileURLToPath(new URL('./accuracyRun.js', import.meta.url));

/** A task, and what is known of it. */
interface Task {
  readonly data: string;
  /** Percent, and where from. */
  readonly known: number | string;
  readonly from: string;
  readonly seeds: readonly number[];
  readonly epochs: number;
  readonly model: 'gcn' | 'sage';
  /** Two steps an epoch on two devices. */
  readonly batchSize: number;
}

/** GCN of the paper: 2 layers of 16, dropout 0.5, Adam 0.01, L2 5e-4. Wider where there are more classes. */
const tasks: readonly Task[] = [
  {
    data: 'cora',
    known: 81.5,
    from: 'GCN, arXiv:1609.02907',
    seeds: [1, 2],
    epochs: 200,
    model: 'gcn',
    batchSize: 35,
  },
  {
    data: 'citeseer',
    known: 70.3,
    from: 'GCN, arXiv:1609.02907',
    seeds: [1, 2],
    epochs: 200,
    model: 'gcn',
    batchSize: 30,
  },
  { data: 'tolokers', known: 'none', from: '', seeds: [1], epochs: 60, model: 'sage', batchSize: 1470 },
  {
    data: 'coauthor-physics',
    known: 93.3,
    from: 'two-hop model on this split',
    seeds: [1],
    epochs: 30,
    model: 'sage',
    batchSize: 25,
  },
  {
    data: 'amazon-photo',
    known: 86.2,
    from: 'two-hop model on this split',
    seeds: [1],
    epochs: 120,
    model: 'gcn',
    batchSize: 40,
  },
  {
    data: 'coauthor-cs',
    known: 92.1,
    from: 'two-hop model on this split',
    seeds: [1],
    epochs: 40,
    model: 'gcn',
    batchSize: 75,
  },
];

/** Every task with every mode. */
export const accuracy: Suite = {
  name: 'accuracy',
  description:
    'test accuracy of full-graph, sampled and mini-batch modes beside published values; seconds are of whole runs',
  cases: () => tasks.map(accuracyCase),
};

function accuracyCase({ data, known, from, seeds, epochs, model, batchSize }: Task): Case {
  const isGcn = model === 'gcn';
  const base = {
    model: isGcn ? { model, layers: 2, hidden: data === 'coauthor-cs' ? 64 : 16 } : { model, layers: 3, hidden: 64 },
    optimizer: { lr: 0.01, ...(isGcn ? { weightDecay: 5e-4 } : {}) },
    epochs,
    evalEvery: epochs > 100 ? 2 : 5,
    haloFeatures: 'once',
  };
  // Mini-batch modes take two steps an epoch.
  const { haloFeatures: _, ...shared } = { ...base, epochs: Math.ceil(epochs / 2), cluster: '2x1' };
  // Published splits train on few vertices per class: all their neighbours can be drawn.
  const fanout = isGcn && data !== 'coauthor-cs' ? 25 : 10;
  const fanouts = new Array<number>(base.model.layers).fill(fanout);
  const runs: Readonly<Record<string, object>> = {
    'full-graph, 1 device': { train: { ...base, mode: 'full-graph' } },
    'full-graph': { train: { ...base, cluster: '2x2', mode: 'full-graph' } },
    'flx-eas': { train: { ...base, cluster: '2x2', mode: 'flx-eas' } },
    cob: { train: { ...shared, mode: 'cob', cob: { fanout, itersPerEpoch: 2 } } },
    distdgl: { train: { ...shared, mode: 'distdgl', distdgl: { fanouts, batchSize } } },
    disaggregated: {
      pipeline: {
        ...shared,
        batchWorkers: 1,
        computeWorkers: 2,
        sync: 'sync-grads',
        fanouts,
        batchSize,
      },
    },
  };
  return {
    name: data,
    params: { data, model: `${model} ${base.model.layers}×${base.model.hidden}`, epochs, 'known %': known, from },
    kind: 'measured',
    unit: 's',
    // Wide features are pulled as dense rows for every batch of three layers: too slow to be worth it.
    contenders: Object.entries(runs)
      .filter(([name]) => isGcn || !['cob', 'distdgl'].includes(name))
      .map(
        ([name, run]): Contender => ({
          name,
          version: '',
          command: process.execPath,
          args: [program, JSON.stringify({ data, seeds, ...run })],
          maxRounds: 1,
          ...(dataFolder(data) ? {} : { missing: `no data set ${data}; set STRATA_DATA` }),
        }),
      ),
  };
}
