/** Suite `engine`: single operations on every engine, beside PyTorch and scipy on one thread. */
import { fileURLToPath } from 'node:url';
import type { ContenderEngine } from '../contenders/startEngine.js';
import type { Case, Contender, Suite } from '../harness/types.js';
import { families, type Row } from '../operations/catalogue.js';
import { dataFolder } from './dataFolder.js';
import { peersFirst, pythonPeer } from './python.js';

const program = fileURLToPath(new URL('./engineOps.js', import.meta.url));

/** Shown names; `cpu` is so much slower that one round tells enough, and no call is waited for long. */
const ENGINES: readonly (readonly [name: string, engine: ContenderEngine, limits?: Partial<Contender>])[] = [
  ['native', 'native'],
  ['wasm', 'wasm'],
  ['wasm stock', 'wasm-stock'],
  ['tensorflow', 'tensorflow'],
  ['cpu', 'cpu', { maxRounds: 1, timeoutS: 5 }],
];

/** Seconds for one operation: inputs, check and measurement. */
const TIMEOUT_S = 30;

/** One case per operation; a family of operations is measured in one process per contender and round. */
export const engine: Suite = {
  name: 'engine',
  description: 'single operations on native, wasm (ours and stock), tensorflow and cpu beside PyTorch, one thread',
  cases: () => Object.entries(families).flatMap(([family, rows]) => rows.map((row) => operation(family, row))),
};

function operation(group: string, { name, spec, work }: Row): Case {
  const graph = spec.op === 'spmm' && spec.graph !== 'uniform' ? spec.graph : undefined;
  const folder = graph === undefined ? undefined : dataFolder(graph);
  const missing =
    graph !== undefined && folder === undefined ? { missing: `no data set ${graph}; set STRATA_DATA` } : {};
  const item = { ...spec, ...(folder === undefined ? {} : { folder }) };
  const ours = ENGINES.map(
    ([name, engine, limits]): Contender => ({
      name,
      version: '',
      command: process.execPath,
      args: [program, engine],
      timeoutS: TIMEOUT_S,
      item,
      ...limits,
      ...missing,
    }),
  );
  const peers = [pythonPeer('PyTorch', { library: 'torch', program: 'engine_ops.py', args: [] })];
  if (spec.op === 'spmm') peers.push(pythonPeer('scipy', { library: 'scipy', program: 'spmm_scipy.py', args: [] }));
  return {
    name,
    params: { operation: JSON.stringify(spec), threads: 1 },
    kind: 'measured',
    unit: 's',
    contenders: peersFirst(
      peers.map((peer) => ({ ...peer, item, ...missing })),
      ours,
    ),
    group,
    work,
  };
}
