/** Suite `links`: full-graph training, flexible preloading and expansion-aware sampling over the speed of the link between servers. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Case, Contender, Suite } from '../harness/types.js';
import { dataFolder } from './dataFolder.js';

const program = fileURLToPath(new URL('./linksRun.js', import.meta.url));
const shaped = fileURLToPath(new URL('./linksShaped.js', import.meta.url));
/** The labelled graphs with features of most edges, 519 thousand (dense, narrow features), and of most vertices. */
const [LARGEST, WIDE] = ['tolokers', 'coauthor-physics'] as const;
const MODES = ['full-graph', 'flx', 'flx-eas'] as const;
/** Published shares of the full-graph epoch that the link between servers takes: 44.07 % to 85.81 %, and the middle. */
const PUBLISHED = [0.4407, 0.6494, 0.8581];
const LINKS = ['unlimited', '10Gbps', '1Gbps', ...PUBLISHED];
/** The graph of most vertices has 1.1 million parameters, whose gradients take as long as rows on a slow link: fewer points, once. */
const WIDE_LINKS = ['unlimited', '1Gbps', PUBLISHED[1]!];
/** What the two namespaces are shaped to. */
const SHAPED = ['1000mbit', '100mbit'];

/** Emulated links in shared memory, then a shaped link that MPI talks over. */
export const links: Suite = {
  name: 'links',
  description: 'full-graph, FLX and FLX-EAS on 2 × 2 devices over links of several speeds, predicted and measured',
  cases: () => [
    ...LINKS.map((link) => emulated(LARGEST, link)),
    ...WIDE_LINKS.map((link) => emulated(WIDE, link, 1)),
    ...SHAPED.map(overMpi),
  ],
};

function emulated(data: string, link: string | number, maxRounds?: number): Case {
  // Made by the first program of a run, read by the others: all stand on the same calibration.
  const calibration = join(tmpdir(), `strata-links-${process.pid}-${data}.json`);
  const missing = dataFolder(data) ? undefined : `no data set ${data}; set STRATA_DATA`;
  const speed = typeof link === 'number' ? `link takes ${(100 * link).toFixed(1)} % of full-graph` : link;
  return {
    name: `${data}, ${speed}`,
    group: `links ${data}`,
    params: { data, link, cluster: '2x2', model: 'sage 3×64' },
    kind: 'emulated',
    unit: 's',
    contenders: MODES.map(
      (mode): Contender => ({
        name: mode,
        version: '',
        command: process.execPath,
        args: [program, data, calibration],
        item: { mode, link },
        timeoutS: 300,
        ...(maxRounds === undefined ? {} : { maxRounds }),
        ...(missing ? { missing } : {}),
      }),
    ),
  };
}

function overMpi(rate: string): Case {
  const data = LARGEST;
  const missing = dataFolder(data) ? undefined : `no data set ${data}; set STRATA_DATA`;
  return {
    name: `${data}, MPI over TCP shaped to ${rate}`,
    group: 'links mpi',
    params: { data, link: rate, cluster: '2x2', model: 'sage 3×64' },
    kind: 'measured',
    unit: 's',
    contenders: MODES.map(
      (mode): Contender => ({
        name: mode,
        version: '',
        command: process.execPath,
        args: [shaped, data],
        item: { mode, rate },
        timeoutS: 300,
        ...(missing ? { missing } : {}),
      }),
    ),
  };
}
