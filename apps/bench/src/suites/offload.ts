/** Suite `offload`: an epoch of full-graph training from a drive beside one in memory, snapshots and the system's paging. */
import { fileURLToPath } from 'node:url';
import type { Case, Contender, Suite } from '../harness/types.js';

const program = fileURLToPath(new URL('./offloadRun.js', import.meta.url));
/** The process may take this beside its two budgets: Node, libraries, buffers of the drive. */
const MARGIN_MB = 300;

interface Size {
  readonly scale: number;
  readonly parts: number;
  readonly hostMB: number;
  readonly deviceMB: number;
  /** Host memory of mode `snapshot`: two gathered inputs must fit. */
  readonly snapshotMB: number;
  /** Host memory that holds everything. */
  readonly ampleMB: number;
}

/** The larger one is the acceptance case: 2²⁰ vertices, 16 million edges, width 128. */
const SIZES: readonly Size[] = [
  { scale: 17, parts: 4, hostMB: 64, deviceMB: 128, snapshotMB: 128, ampleMB: 1024 },
  { scale: 20, parts: 24, hostMB: 256, deviceMB: 128, snapshotMB: 384, ampleMB: 6144 },
];
const SHARED = { edgeFactor: 8, width: 128, layers: 3, epochs: 2 };

/** R-MAT graphs: nearly every partition reads rows of every other one, so this is the hard case for a partition cache. */
export const offload: Suite = {
  name: 'offload',
  description: 'full-graph training from a drive beside memory, snapshots and paging',
  cases: () => SIZES.map(epochCase),
};

function epochCase({ scale, parts, hostMB, deviceMB, snapshotMB, ampleMB }: Size): Case {
  const limitMB = hostMB + deviceMB + MARGIN_MB;
  const base = { ...SHARED, scale, parts, hostMB, deviceMB, mode: 'regather', cachePolicy: 'belady', limitMB };
  const contender = (name: string, change: object): Contender => ({
    name,
    version: '',
    command: process.execPath,
    args: [program, JSON.stringify({ ...base, ...change })],
    timeoutS: 1200,
    maxRounds: 1,
  });
  return {
    name: `R-MAT 2^${scale}`,
    params: {
      vertices: 2 ** scale,
      parts,
      ...SHARED,
      'host, MB': hostMB,
      'device, MB': deviceMB,
      'limit, MB': limitMB,
    },
    kind: 'measured',
    unit: 's',
    contenders: [
      contender('regather, cache', {}),
      contender('the same, everything in memory', { hostMB: ampleMB, limitMB: 0 }),
      contender('in memory, autograd', { mode: 'in-memory', deviceMB: 3584, limitMB: 0 }),
      contender('regather, no cache', { cachePolicy: 'none' }),
      // Its gathered inputs do not fit the device of the others: it gets a larger one.
      contender('snapshot', {
        mode: 'snapshot',
        hostMB: snapshotMB,
        deviceMB: 1024,
        limitMB: snapshotMB + 1024 + MARGIN_MB,
      }),
      contender('naive swap', { mode: 'naive-swap' }),
    ],
  };
}
