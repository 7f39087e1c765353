/** Checks of compressed collectives, on every rank at once; gives what a test compares. */

import * as c from '@strata-ml/comm-compress';
import { Rng } from '@strata-ml/core';

const rng = new Rng(9);
/** Rank r's gradient: a common part and its own. */
export const gradient = (rank, n, step = 0) =>
  Float32Array.from({ length: n }, (_, i) => rng.normalAt(i, 1000 + step) + 0.5 * rng.normalAt(i, 10 * rank + step));

const cases = {
  fp32: [() => c.fp32()],
  fp16: [() => c.fp16()],
  bf16: [() => c.bf16(), { feedback: 'ef' }],
  int8: [() => c.int8(), { feedback: 'ef' }],
  'int8 in two phases': [() => c.int8(), { feedback: 'ef', aggregation: 'twoPhase' }],
  qsgd: [() => c.qsgd()],
  ternGrad: [() => c.ternGrad()],
  efSign: [() => c.efSign(), { feedback: 'ef' }],
  oneBitSGD: [() => c.oneBitSgd(), { feedback: 'ef' }],
  oneBit: [() => c.oneBit(), { feedback: 'ef' }],
  topK: [() => c.topK({ ratio: 0.02 }), { feedback: 'ef' }],
  'topK with momentum': [() => c.topK({ ratio: 0.02 }), { feedback: 'momentumEf' }],
  threshold: [() => c.threshold({ value: 1.5 }), { feedback: 'ef' }],
  randomK: [() => c.randomK({ ratio: 0.1 }), { feedback: 'ef' }],
  'randomK gathered': [() => c.randomK({ ratio: 0.1 }), { aggregation: 'gather' }],
  powerSGD: [() => c.powerSgd({ rank: 4 }), { feedback: 'ef' }],
  'powerSGD in fp16': [() => c.chain(c.powerSgd({ rank: 4 }), c.fp16()), { feedback: 'ef' }],
  'powerSGD gathered': [() => c.powerSgd({ rank: 4 }), { aggregation: 'gather' }],
  signSGD: [() => c.signSgd()],
};

const SHAPES = [
  [40, 52],
  [33, 100],
];

function bytesOf(group, phase) {
  return group.traffic
    .rows()
    .filter((r) => r.phase === phase)
    .reduce((sum, r) => sum + r.bytes, 0);
}

/** Two steps of each codec on two matrices and a vector. */
function compressors(group) {
  const out = {};
  for (const [name, [make, options = {}]] of Object.entries(cases)) {
    const phase = `test ${name}`;
    const codec = make();
    const compressor = new c.GradientCompressor(group, codec, { ...options, phase });
    const steps = [];
    for (let step = 0; step < 2; step++) {
      const before = bytesOf(group, phase);
      const old = SHAPES.map((_, i) => compressor.feedback?.errorOf(`w${i}`)?.slice());
      const tensors = SHAPES.map((shape, i) => ({
        key: `w${i}`,
        shape,
        values: gradient(group.rank, shape[0] * shape[1], 2 * i + step),
      }));
      const bias = gradient(group.rank, 17, 7);
      const stats = compressor.average([...tensors, { key: 'b', shape: [17], values: bias }]);
      steps.push({
        stats,
        bytes: bytesOf(group, phase) - before,
        means: tensors.map((t) => t.values),
        bias,
        old,
        errors: SHAPES.map((_, i) => compressor.feedback?.errorOf(`w${i}`)?.slice()),
      });
    }
    out[name] = {
      steps,
      payload: c.isFixedSize(codec) ? SHAPES.map((s) => codec.payloadBytes(s)) : null,
      state: codec.state?.(),
    };
  }
  return out;
}

function oneBitAdam(group) {
  const n = 100;
  const adam = new c.OneBitAdam(group, n, { lr: 0.05, freezeStep: 30 });
  const x = new Float32Array(n);
  const losses = [];
  let bytes = 0;
  for (let t = 0; t < 300; t++) {
    // Worker r pulls to its own optimum; element 5 has no gradient at all.
    const g = Float32Array.from(x, (v, i) => (i === 5 ? 0 : v - (i % 7) - 0.3 * rng.normalAt(i, group.rank)));
    const before = bytesOf(group, 'gradient');
    adam.step(x, g);
    bytes = bytesOf(group, 'gradient') - before;
    losses.push(Math.sqrt(x.reduce((s, v, i) => s + (i === 5 ? v : v - (i % 7)) ** 2, 0) / n));
  }
  return { x, losses, bytes };
}

export default function (ctx) {
  const group = ctx.world;
  const halves = group.split(group.rank % 2);
  const sum = gradient(group.rank, 64);
  c.allReduceCompressed(halves, 'x', sum, c.fp32());
  const powered = gradient(group.rank, 64);
  const single = c.allReduceCompressed(group, 'x', powered, c.powerSgd({ rank: 8 }), {
    shape: [8, 8],
    phase: 'single',
  });
  return { rank: group.rank, cases: compressors(group), adam: oneBitAdam(group), sub: sum, powered, single };
}
