/**
 * Measures where one way of computing a kernel becomes faster than the other; the constants in `src/kernels` are read
 * off these tables. Run `node scripts/thresholds.mjs` on an idle machine, or with a part of the titles: `… gradient`.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const directory = await mkdtemp(join(root, 'node_modules', '.cache-'));
const outfile = join(directory, 'internals.mjs');
await build({
  stdin: {
    contents: `
      import './src/register.js';
      export { blockedForward, blockedInputGradient, inputPhases } from './src/kernels/blockedConv.js';
      export { blockedFilterGradient } from './src/kernels/blockedFilterGradient.js';
      export { channelBlock } from './src/kernels/channelBlocks.js';
      export { gemm } from './src/kernels/matMul.js';
      export { patchFilterGradient, patchForward, patchInputGradient } from './src/kernels/patchConv.js';
      export { withScratch } from './src/kernels/scratch.js';`,
    resolveDir: root,
  },
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  packages: 'external',
});
const native = await import(pathToFileURL(outfile).href).finally(() => rm(directory, { recursive: true }));
await tf.setBackend('native');
const backend = tf.backend();
const memory = backend.arena.memory.buffer;
const pool = backend.arena.offsetBytes(backend.arena.allocate(64 * 1024 * 1024, 'thresholds'));
new Float32Array(memory, pool, 16 * 1024 * 1024).fill(0.5);

/** Microseconds of one call: the best of 30 batches of about half a millisecond. */
function microseconds(run) {
  for (let i = 0; i < 300; i++) run();
  const start = performance.now();
  run();
  const calls = Math.max(1, Math.round(0.5 / Math.max(1e-4, performance.now() - start)));
  let best = Number.POSITIVE_INFINITY;
  for (let batch = 0; batch < 30; batch++) {
    const from = performance.now();
    for (let i = 0; i < calls; i++) run();
    best = Math.min(best, (performance.now() - from) / calls);
  }
  return best * 1000;
}

function table(title, first, second, rows) {
  if (!title.includes(process.argv[2] ?? '')) return;
  console.log(`\n${title}: µs by ${first} | by ${second}`);
  for (const [name, a, b] of rows) {
    const [x, y] = [microseconds(a), microseconds(b)];
    console.log(
      `  ${name.padEnd(34)} ${x.toFixed(1).padStart(9)} | ${y.toFixed(1).padStart(9)}  ${x < y ? first : second}`,
    );
  }
}

const at = (megabytes) => pool + megabytes * 1024 * 1024;
const floats = (start, length) => new Float32Array(memory, start, length);

const operator = (op, inputs, attributes = {}) => {
  const names = ['x', 'w'].slice(0, inputs);
  return backend.operators.get(`threshold ${op}`, () => ({
    inputs: Object.fromEntries(names.map((name) => [name, 'float32'])),
    outputs: { y: 'float32' },
    nodes: [{ op, inputs: names, outputs: ['y'], attributes }],
  }));
};
for (const [op, f] of [
  ['Exp', Math.exp],
  ['Tanh', Math.tanh],
  ['Log', Math.log],
]) {
  const run = operator(op, 1);
  table(
    `${op} of n numbers`,
    'loop',
    'ONNX Runtime',
    [32, 64, 128, 256, 512, 1024].map((n) => {
      const [x, y] = [floats(at(0), n), floats(at(1), n)];
      return [
        `${n}`,
        () => {
          for (let i = 0; i < n; i++) y[i] = f(x[i]);
        },
        () => run.input(0, at(0), [n]).run(at(1), [n]),
      ];
    }),
  );
}
table(
  'Pow of n numbers',
  'loop',
  'ONNX Runtime',
  [16, 32, 64, 128, 256].map((n) => {
    const [x, y] = [floats(at(0), n), floats(at(1), n)];
    const run = operator('Pow', 2);
    return [
      `${n}`,
      () => {
        for (let i = 0; i < n; i++) y[i] = x[i] ** 1.7;
      },
      () => run.input(0, at(0), [n]).input(1, at(2), [1]).run(at(1), [n]),
    ];
  }),
);
table(
  'Softmax of n numbers, rows of 16',
  'loop',
  'ONNX Runtime',
  [16, 64, 128, 256, 512].map((n) => {
    const [x, y] = [floats(at(0), n), floats(at(1), n)];
    const run = operator('Softmax', 1, { axis: -1 });
    return [
      `${n}`,
      () => {
        for (let row = 0; row < n; row += 16) {
          let [max, sum] = [Number.NEGATIVE_INFINITY, 0];
          for (let i = row; i < row + 16; i++) max = Math.max(max, x[i]);
          for (let i = row; i < row + 16; i++) {
            y[i] = Math.exp(x[i] - max);
            sum += y[i];
          }
          for (let i = row; i < row + 16; i++) y[i] /= sum;
        }
      },
      () => run.input(0, at(0), [n / 16, 16]).run(at(1), [n / 16, 16]),
    ];
  }),
);
table(
  'Product of n×n matrices',
  'loop',
  'ONNX Runtime',
  [4, 8, 10, 12, 16, 24].map((n) => {
    const [x, y, out] = [floats(at(0), n * n), floats(at(1), n * n), floats(at(2), n * n)];
    return [
      `${n} (${n ** 3} products)`,
      () => {
        for (let i = 0; i < n; i++) {
          for (let j = 0; j < n; j++) {
            let sum = 0;
            for (let k = 0; k < n; k++) sum += x[i * n + k] * y[k * n + j];
            out[i * n + j] = sum;
          }
        }
      },
      () => native.gemm(backend, at(0), at(1), at(2), n, n, n, false, false),
    ];
  }),
);

const { computeConv2DInfo } = tf.backend_util;
const block = native.channelBlock(backend);
for (const form of ['forward', 'input gradient', 'filter gradient']) {
  const rows = [];
  for (const [channels, outs] of [
    [1, 16],
    [3, 16],
    [16, 1],
    [16, 2],
    [16, 3],
    [16, 16],
    [64, 64],
    [256, 256],
  ]) {
    for (const [batch, size] of [
      [1, 4],
      [1, 8],
      [2, 8],
      [4, 8],
      [8, 8],
      [8, 16],
    ]) {
      // A gradient of the input writes the channels that the forward convolution reads.
      const [inputs, outputs] = form === 'input gradient' ? [outs, channels] : [channels, outs];
      const info = computeConv2DInfo([batch, size, size, inputs], [3, 3, inputs, outputs], 1, 1, 'same');
      const scratched = (run) => () => native.withScratch(backend.arena, 'thresholds', run);
      const [image, filter, out] = [at(0), at(16), at(32)];
      const ways = {
        forward: [
          () => native.patchForward(backend, info, image, filter, out),
          scratched((s) => native.blockedForward(backend, s, info, block, image, filter, out)),
        ],
        'input gradient': [
          () => native.patchInputGradient(backend, info, image, filter, floats(out, batch * size * size * inputs)),
          scratched((s) => {
            const result = floats(out, batch * size * size * inputs);
            native.blockedInputGradient(backend, s, info, block, image, filter, result, native.inputPhases(info));
          }),
        ],
        'filter gradient': [
          () => native.patchFilterGradient(backend, info, image, filter, floats(out, 9 * inputs * outputs)),
          scratched((s) => native.blockedFilterGradient(backend, s, info, block, image, filter, out)),
        ],
      };
      rows.push([`${channels}→${outs} channels, ${batch * size * size} pixels`, ...ways[form]]);
    }
  }
  table(`Convolution 3×3, ${form}`, 'patches', 'blocks', rows);
}
