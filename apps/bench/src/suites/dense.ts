/** Suite `dense`: whole training steps of dense networks, beside PyTorch at equal threads. */
import { fileURLToPath } from 'node:url';
import type { DenseModelName } from '../contenders/denseModels.js';
import type { Case, Contender, Suite } from '../harness/types.js';
import { peersFirst, pythonPeer } from './python.js';

const program = fileURLToPath(new URL('./denseStep.js', import.meta.url));

const NETWORKS: readonly (readonly [network: DenseModelName, name: string])[] = [
  ['mlp', 'MLP 784-512-512-10, batch 256, Adam'],
  ['resnet', 'ResNet-8, 32×32×3, batch 64, SGD with momentum'],
  ['transformer', 'transformer, 4 layers of 256, 8 heads, 128 tokens, batch 8, AdamW'],
];
/** Shown names of what has one thread only; `cpu` is so slow that one round tells enough. */
const SLOWER = [
  ['wasm', 'wasm', 2],
  ['wasm stock', 'wasm-stock', 2],
  ['cpu', 'cpu', 1],
] as const;
/** Seconds for one process. */
const TIMEOUT_S = 60;

/** Forward, backward and optimizer. */
export const dense: Suite = {
  name: 'dense',
  description: 'training steps of an MLP, a ResNet and a transformer beside PyTorch, on one thread and on two',
  cases: () => [1, 2].flatMap((threads) => NETWORKS.map(([network, name]) => stepCase(network, name, threads))),
};

function stepCase(network: DenseModelName, name: string, threads: number): Case {
  const ours = (shown: string, engine: string, maxRounds?: number): Contender => ({
    name: shown,
    version: '',
    command: process.execPath,
    args: [program, network, engine, String(threads)],
    timeoutS: TIMEOUT_S,
    ...(maxRounds ? { maxRounds } : {}),
  });
  return {
    name: threads === 1 ? name : `${name}, ${threads} threads`,
    params: { network, threads },
    kind: 'measured',
    unit: 's',
    contenders: peersFirst(
      [pythonPeer('PyTorch', { library: 'torch', program: 'dense_step.py', args: [network], threads })],
      [
        ours('native', 'native'),
        ...(threads === 1 ? SLOWER.map(([shown, engine, rounds]) => ours(shown, engine, rounds)) : []),
      ],
    ),
  };
}
