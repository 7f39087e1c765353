/** Suite `engine`: single operations on every engine, beside PyTorch and scipy on one thread. */
import { fileURLToPath } from 'node:url';
import type { Case, Contender, Suite } from '../harness/types.js';
import { peersFirst, pythonPeer } from './python.js';

const program = fileURLToPath(new URL('./engineOp.js', import.meta.url));

/** Names that `contenders/ops.ts` and `native/engine_op.py` both know, with the shapes they use. */
const OPERATIONS: readonly (readonly [name: string, shape: string])[] = [
  ['matMul-NN', '2048×512 · 512×512'],
  ['matMul-NT', '2048×512 · (512×512)ᵀ'],
  ['matMul-TN', '(512×2048)ᵀ · 512×512'],
  ['matMul-batched', '8 × 256×64 · 64×256'],
  ['exp', '2048×1024'],
  ['tanh', '2048×1024'],
  ['add', '2048×1024'],
  ['sum-axis0', '2048×1024'],
  ['sum-axis1', '2048×1024'],
  ['softmax', '2048×1024'],
  ['transpose', '2048×1024'],
  ['gather', '50,000 of 20,000×128'],
  ['conv2d', '16×32×32×64, 3×3×64×64'],
  ['conv2d-input', '16×32×32×64, 3×3×64×64'],
  ['conv2d-filter', '16×32×32×64, 3×3×64×64'],
  ['spmm', '169,343², 2.3 M entries, 128 columns'],
];

/** Start, check and measurement of one sample; kernels that need longer are printed as too slow. */
const TIMEOUT_S = 30;

/** One case per operation. */
export const engine: Suite = {
  name: 'engine',
  description: 'single operations on native, wasm and cpu beside PyTorch and scipy, one thread',
  cases: () => OPERATIONS.map(([name, shape]) => operation(name, shape)),
};

function operation(name: string, shape: string): Case {
  const ours = ['native', 'wasm', 'cpu'].map(
    (engine): Contender => ({
      name: engine,
      version: '',
      command: process.execPath,
      args: [program, engine, name],
      timeoutS: TIMEOUT_S,
    }),
  );
  const peers = [pythonPeer('PyTorch', { library: 'torch', program: 'engine_op.py', args: [name] })];
  if (name === 'spmm') peers.push(pythonPeer('scipy', { library: 'scipy', program: 'spmm_scipy.py', args: [] }));
  return {
    name: `${name} ${shape}`,
    params: { operation: name, shape, threads: 1 },
    kind: 'measured',
    unit: 's',
    contenders: peersFirst(peers, ours),
  };
}
