/** Suite `pipeline`: what a step takes on stages and links of known speed, against the simulator. */
import { fileURLToPath } from 'node:url';
import type { Case, Suite } from '../harness/types.js';

const program = fileURLToPath(new URL('./pipelineRun.js', import.meta.url));

const steps = [
  { schedule: 'gpipe', p2p: 'async', stages: 4, microBatches: 8 },
  { schedule: '1f1b', p2p: 'async', stages: 4, microBatches: 8 },
  { schedule: '1f1b', p2p: 'batchedSync', stages: 4, microBatches: 8 },
  { schedule: '1f1b', p2p: 'async', stages: 2, microBatches: 8 },
  { schedule: 'interleaved', p2p: 'async', stages: 4, microBatches: 8 },
];

/** The trainer's own runtime, with stages that sleep instead of computing, over emulated links. */
export const pipeline: Suite = {
  name: 'pipeline',
  description: 'steps of the pipeline runtime with stages and links of known speed, against the simulator',
  cases: () =>
    steps.map((step): Case => {
      const { schedule, p2p, stages, microBatches } = step;
      return {
        name: `${schedule}, ${p2p}, p=${stages}, M=${microBatches}`,
        params: { schedule, p2p, stages, microBatches, forward: '80 ms', backward: '160 ms', message: '20 ms' },
        kind: 'emulated',
        unit: 's',
        contenders: ['simulated', 'runtime'].map((what) => ({
          name: what,
          version: '',
          command: process.execPath,
          args: [program, JSON.stringify({ what, ...step })],
        })),
      };
    }),
};
