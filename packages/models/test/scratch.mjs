import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { gunzipSync } from 'node:zlib';
import { Rng } from '@strata-ml/core';
import * as tf from '@tensorflow/tfjs-core';

const req = createRequire(new URL('../../core/package.json', import.meta.url));
const engine = process.env.E ?? 'cpu';
if (engine === 'cpu') req('@tensorflow/tfjs-backend-cpu');
await tf.setBackend(engine);
await tf.ready();
const m = await import('../dist/index.js');
const [name, seeds = '1', optsText = '{}', rowNorm = '1', epochs = '200'] = process.argv.slice(2);
const dir = `${process.env.STRATA_DATA ?? '../../../shared/data'}/${name}/`;
const i32 = (f) => {
  const b = gunzipSync(readFileSync(dir + f));
  return new Int32Array(b.buffer.slice(b.byteOffset, b.byteOffset + b.length));
};
const meta = JSON.parse(readFileSync(dir + 'meta.json', 'utf8'));
const n = meta.num_nodes;
const e = i32('edges.i32.gz');
const adj = Array.from({ length: n }, (_, v) => [v]);
for (let i = 0; i < e.length; i += 2) {
  adj[e[i]].push(e[i + 1]);
  adj[e[i + 1]].push(e[i]);
}
const indptr = new Int32Array(n + 1);
adj.forEach((a, v) => {
  a.sort((x, y) => x - y);
  indptr[v + 1] = indptr[v] + a.length;
});
const graph = { numVertices: n, indptr, indices: Int32Array.from(adj.flat()) };
const fp = i32('feat.indptr.i32.gz'),
  fi = i32('feat.indices.i32.gz');
const values = new Float32Array(fi.length).fill(1);
if (rowNorm === '1')
  for (let v = 0; v < n; v++) for (let k = fp[v]; k < fp[v + 1]; k++) values[k] = 1 / (fp[v + 1] - fp[v]);
const features = { kind: 'csr', csr: { rows: n, cols: meta.num_features, indptr: fp, indices: fi, values } };
const labels = i32('labels.i32.gz');
const split = JSON.parse(readFileSync(dir + 'split.json', 'utf8'));
const S = Object.fromEntries(['train', 'val', 'test'].map((k) => [k, Int32Array.from(split[k])]));
const accs = [];
for (const seed of seeds.split(',').map(Number)) {
  const rng = new Rng(seed);
  const model = m.createGnn({
    model: 'gcn',
    layers: 2,
    hidden: 16,
    inputWidth: meta.num_features,
    numClasses: meta.num_classes,
    dropout: 0.5,
    seed,
    ...JSON.parse(optsText),
  });
  const ctx = m.localGraphContext({ graph, features, rng });
  const opt = m.createOptimizer({ lr: 0.01, weightDecay: 5e-4 });
  const flat = m.flattenParameters(model.parameters);
  let best = -1,
    bestTest = 0,
    last = 0,
    bestEpoch = 0;
  const t0 = performance.now();
  for (let epoch = 0; epoch < Number(epochs); epoch++) {
    const c = ctx.at({ epoch, training: true });
    const { gradients } = m.lossAndGradients(model.parameters, () =>
      m.crossEntropySum(model.forward(c), labels, S.train, S.train.length),
    );
    opt.step(flat, gradients);
    m.unflattenParameters(flat, model.parameters);
    const logits = model.forward(ctx);
    const va = m.accuracy(logits, labels, S.val).value;
    last = m.accuracy(logits, labels, S.test).value;
    logits.dispose();
    if (va > best) {
      best = va;
      bestTest = last;
      bestEpoch = epoch;
    }
  }
  accs.push(bestTest);
  console.log(
    name,
    'seed',
    seed,
    'best-val',
    best.toFixed(3),
    'test',
    bestTest.toFixed(3),
    'epoch',
    bestEpoch,
    'last',
    last.toFixed(3),
    `${((performance.now() - t0) / Number(epochs)).toFixed(1)} ms/epoch`,
    'tensors',
    tf.memory().numTensors,
  );
  model.dispose();
  ctx.dispose();
}
const mean = accs.reduce((a, b) => a + b) / accs.length;
console.log(
  name,
  optsText,
  'rowNorm',
  rowNorm,
  'mean',
  mean.toFixed(4),
  'sd',
  Math.sqrt(accs.reduce((a, b) => a + (b - mean) ** 2, 0) / accs.length).toFixed(4),
);
