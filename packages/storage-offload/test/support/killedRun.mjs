// Program that the test of killed processes starts: `killedRun.mjs STORE CHECKPOINTS HOST_BYTES MODEL_JSON`.
import { initEngine } from '@strata-ml/core';
import { openGraphStore, trainOffload } from '../../dist/index.js';

const [folder, checkpointDir, hostMemory, model] = process.argv.slice(2);
const engine = await initEngine();
const store = await openGraphStore(folder);
const report = await trainOffload(store, {
  engine,
  checkpointDir,
  epochs: 12,
  resume: true,
  hostMemory: Number(hostMemory),
  model: JSON.parse(model),
  onEvent: ({ type }) => process.stdout.write(`${type}\n`),
});
await store.close();
process.stdout.write(`hash ${report.metrics.parametersHash}\n`);
