/** Suite `dense`: whole training steps of dense networks, beside PyTorch on one thread. */
import { fileURLToPath } from 'node:url';
import type { Contender, Suite } from '../harness/types.js';
import { peersFirst, pythonPeer } from './python.js';

const program = fileURLToPath(new URL('./denseStep.js', import.meta.url));

/** Forward, backward and Adam. */
export const dense: Suite = {
  name: 'dense',
  description: 'training steps of dense networks on native, wasm and cpu beside PyTorch, one thread',
  cases: () => [
    {
      name: 'MLP 784-512-512-10, batch 256, Adam',
      params: { batch: 256, threads: 1 },
      kind: 'measured',
      unit: 's',
      contenders: peersFirst(
        [pythonPeer('PyTorch', { library: 'torch', program: 'dense_step.py', args: [] })],
        ['native', 'wasm', 'cpu'].map(
          (engine): Contender => ({ name: engine, version: '', command: process.execPath, args: [program, engine] }),
        ),
      ),
    },
  ],
};
