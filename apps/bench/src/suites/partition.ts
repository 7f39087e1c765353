/** Suite `partition`: cut, time and peak memory of the partitioners beside METIS, on graphs of millions of edges. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Case, Contender, Suite } from '../harness/types.js';

const program = fileURLToPath(new URL('./partitionRun.js', import.meta.url));
const PARTS = 8;
const VERTICES = 262_144;
/** Given as a number, so that memory can be seen not to grow with the edges: 2.5 edges a vertex. */
const CHUNK = { chunkEdges: 2.5 * VERTICES };

/** Every contender in a process of its own; gpmetis from its own graph file. */
export const partition: Suite = {
  name: 'partition',
  description: 'cut, time and peak memory of grem, multilevel, ldg, fennel beside gpmetis, up to 40 million edges',
  cases: () => [
    ...[80, 160, 320].map((degree) =>
      largeCase(`communities, mean degree ${degree}`, `community-${VERTICES}-${degree}`),
    ),
    ...[40, 80].map((factor) => largeCase(`R-MAT, edge factor ${factor}`, `rmat-18-${factor}`)),
    ...['plain_wave', 'tolokers', 'github-social-structure'].map(realCase),
  ],
};

function largeCase(name: string, graph: string): Case {
  const grem = (label: string, options: object) => contender(label, graph, 'grem', { ...CHUNK, ...options });
  return {
    name,
    params: { graph, parts: PARTS },
    kind: 'measured',
    unit: 's',
    contenders: [
      gpmetis(graph),
      grem('grem', {}),
      grem('grem, 3 passes', { passes: 3 }),
      grem('grem, recursive', { mode: 'recursive' }),
      grem('frozen greedy', { frozen: true }),
      // The smallest of each kind shows what the methods in memory do.
      ...(graph === 'community-262144-80' || graph === 'rmat-18-40' ? inMemory(graph) : []),
    ],
  };
}

const inMemory = (graph: string): Contender[] =>
  ['multilevel', 'ldg', 'fennel'].map((method) => contender(method, graph, method, {}));

function realCase(graph: string): Case {
  return {
    name: graph.replace('plain_', ''),
    params: { graph, parts: PARTS },
    kind: 'measured',
    unit: 's',
    contenders: [
      gpmetis(graph),
      contender('grem', graph, 'grem', {}),
      contender('grem, 5 passes', graph, 'grem', { passes: 5 }),
      ...inMemory(graph),
    ],
  };
}

function contender(name: string, graph: string, method: string, options: object): Contender {
  return {
    name,
    version: '',
    command: process.execPath,
    args: [program, graph, method, String(PARTS), JSON.stringify(options)],
  };
}

function gpmetis(graph: string): Contender {
  const isMissing = spawnSync('gpmetis', ['-help'], { stdio: 'ignore' }).error !== undefined;
  return {
    ...contender('gpmetis', graph, 'gpmetis', {}),
    ...(isMissing ? { missing: 'no gpmetis; install the package metis' } : {}),
  };
}
