/** Suite `disaggregated`: batch workers beside compute workers against as many threads that do both. */
import { fileURLToPath } from 'node:url';
import type { Case, Contender, Suite } from '../harness/types.js';
import { dataFolder } from './dataFolder.js';

const program = fileURLToPath(new URL('./disaggregatedRun.js', import.meta.url));
const DATA = ['amazon-computers', 'tolokers'];
const PLAN = {
  model: { model: 'sage', layers: 2, hidden: 64 },
  batchSize: 64,
  fanouts: [15, 10],
  sync: 'sync-grads',
  epochs: 5,
  evalEvery: 5,
};
/** Batch workers + compute workers; the first is aggregated: as many threads prepare and train. */
const SHAPES = [
  { name: 'aggregated 2', layout: 'aggregated', batchWorkers: 1, computeWorkers: 1 },
  { name: '1 + 1', batchWorkers: 1, computeWorkers: 1 },
  { name: '1 + 2', batchWorkers: 1, computeWorkers: 2 },
  { name: '2 + 2', batchWorkers: 2, computeWorkers: 2 },
];

/** Epochs, idle shares and what keeps compute workers waiting. */
export const disaggregated: Suite = {
  name: 'disaggregated',
  description: 'epochs and idle shares of batch workers + compute workers, against workers that do both',
  cases: () =>
    DATA.map(
      (data): Case => ({
        name: data,
        params: { data, batchSize: PLAN.batchSize, fanouts: PLAN.fanouts.join('/'), sync: PLAN.sync },
        kind: 'measured',
        unit: 's',
        contenders: SHAPES.map(
          ({ name, ...shape }): Contender => ({
            name,
            version: '',
            command: process.execPath,
            args: [program, JSON.stringify({ data, ...PLAN, ...shape })],
            ...(dataFolder(data) ? {} : { missing: `no data set ${data}; set STRATA_DATA` }),
          }),
        ),
      }),
    ),
};
