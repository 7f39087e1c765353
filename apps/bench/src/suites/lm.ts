/** Suite `lm`: training steps of a small GPT on one device, beside PyTorch on one thread. */
import { fileURLToPath } from 'node:url';
import type { Case, Contender, Suite } from '../harness/types.js';
import { peersFirst, pythonPeer } from './python.js';

const program = (name: string) => fileURLToPath(new URL(`./${name}.js`, import.meta.url));

const SIZES: readonly (readonly [width: number, batch: number])[] = [
  [128, 8],
  [128, 32],
  [256, 8],
  [256, 32],
];
/** Seconds for one process. */
const TIMEOUT_S = 60;

/** Forward, backward and AdamW. */
export const lm: Suite = {
  name: 'lm',
  description: 'training steps of a GPT with 4 layers and 128 tokens beside PyTorch, on one thread',
  cases: () => SIZES.map(([width, batch]) => stepCase(width, batch)),
};

function stepCase(width: number, batch: number): Case {
  const args = [String(width), String(batch)];
  const ours = (name: string, contender: string, engine: string, maxRounds?: number): Contender => ({
    name,
    version: '',
    command: process.execPath,
    args: [program(contender), ...args, engine],
    timeoutS: TIMEOUT_S,
    ...(maxRounds ? { maxRounds } : {}),
  });
  return {
    name: `GPT, 4 layers of ${width}, ${width / 32} heads, 128 tokens, batch ${batch}, AdamW`,
    params: { width, batch },
    kind: 'measured',
    unit: 's',
    contenders: peersFirst(
      [pythonPeer('PyTorch', { library: 'torch', program: 'lm_step.py', args, threads: 1 })],
      [
        ours('native', 'lmStep', 'native'),
        ours('lm train, 1 rank', 'lmTrainer', 'native'),
        // The composed operations, where no fused ones are; one round tells enough.
        ...(width === 128 && batch === 8 ? [ours('wasm', 'lmStep', 'wasm', 1)] : []),
      ],
    ),
  };
}
