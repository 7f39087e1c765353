/**
 * Program: `offloadRun.js JSON` trains some epochs from a prepared graph, if asked in a memory cgroup of its own, and prints
 * seconds per epoch without the first. The graph is drawn and prepared when it is not there yet.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { calibrateStorage, initEngine, Rng } from '@strata-ml/core';
import { rmat } from '@strata-ml/graph';
import {
  type GraphStore,
  type OffloadMode,
  openGraphStore,
  prepareGraph,
  randomFeatures,
  trainOffload,
} from '@strata-ml/storage-offload';

interface Plan {
  readonly scale: number;
  readonly edgeFactor: number;
  readonly width: number;
  readonly layers: number;
  readonly parts: number;
  readonly mode: OffloadMode;
  readonly cachePolicy: 'belady' | 'none';
  readonly hostMB: number;
  readonly deviceMB: number;
  readonly epochs: number;
  /** Most memory of the process, page cache included; 0 for no limit. */
  readonly limitMB: number;
}

const CGROUP = '/sys/fs/cgroup/memory';
const text = process.argv[2] ?? '{}';
const plan = JSON.parse(text) as Plan;
const isChild = process.argv[3] === 'limited';
const folder = join(
  process.env.STRATA_BENCH_DIR ?? tmpdir(),
  `strata-offload-${plan.scale}-${plan.parts}-${plan.width}`,
);

if (plan.limitMB > 0 && !isChild) {
  // Preparing is not what is measured, and may take more.
  await (await openPrepared()).close();
  runLimited();
} else {
  await train();
}

/** Starts this program again in a cgroup; says so if there is none to be had. */
function runLimited(): void {
  const group = join(CGROUP, `strata-offload-${process.pid}`);
  try {
    mkdirSync(group);
    writeFileSync(join(group, 'memory.limit_in_bytes'), String(plan.limitMB * 2 ** 20));
  } catch {
    process.stdout.write(`${JSON.stringify({ missing: 'no memory cgroup can be made here' })}\n`);
    return;
  }
  const script = `echo $$ > ${group}/cgroup.procs && exec "$0" "$@"`;
  const args = ['-c', script, process.execPath, process.argv[1]!, text, 'limited'];
  const run = spawnSync('/bin/sh', args, { encoding: 'utf8' });
  rmdirSync(group);
  if (run.status === 0) process.stdout.write(run.stdout);
  else if (run.signal === 'SIGKILL' || run.status === 137) {
    process.stdout.write(`${JSON.stringify({ missing: `killed: more than ${plan.limitMB} MB` })}\n`);
  } else throw new Error(`offloadRun: ${run.stderr.slice(-2000)}`);
}

async function openPrepared(): Promise<GraphStore> {
  if (existsSync(join(folder, 'meta.json'))) return openGraphStore(folder);
  const { scale, edgeFactor, width, parts } = plan;
  const graph = rmat({ scale, edgeFactor, rng: new Rng(1) });
  const n = graph.numVertices;
  const rng = new Rng(2);
  const labels = Int32Array.from({ length: n }, (_, v) => rng.intAt(16, v));
  const train = Int32Array.from({ length: n >> 1 }, (_, v) => 2 * v);
  const split = { train, val: Int32Array.of(1), test: Int32Array.of(3) };
  const source = { graph, features: randomFeatures(width), labels, classes: 16, split };
  return prepareGraph(source, { folder, parts, weights: 'none' });
}

async function train(): Promise<void> {
  const { width, layers, mode, cachePolicy, hostMB, deviceMB, epochs } = plan;
  const store = await openPrepared();
  try {
    const drive = await calibrateStorage(store.device, { bytes: 128 * 2 ** 20, randomReads: 100 });
    const engine = await initEngine({ memoryBytes: deviceMB * 2 ** 20, threads: availableParallelism() });
    const { metrics } = await trainOffload(store, {
      engine,
      mode,
      cachePolicy,
      hostMemory: hostMB * 2 ** 20,
      model: { model: 'sage', layers, hidden: width, dropout: 0.5 },
      epochs,
      evalEvery: 2 ** 30,
    });
    const mb = (bytes: number) => Math.round(bytes / 2 ** 20);
    const extra = {
      'first epoch, s': metrics.firstEpochSeconds,
      'wait, s': metrics.waitSeconds,
      'read, MB': mb(metrics.storage.bytesRead),
      'written, MB': mb(metrics.storage.bytesWritten),
      'hits, %': Math.round(100 * metrics.hitRate),
      'host peak, MB': mb(metrics.peakHostBytes),
      'device peak, MB': mb(Math.max(...metrics.peakDeviceBytes)),
      'RSS, MB': mb(metrics.peakRssBytes),
      'drive read, MB/s': mb(drive.readBytesPerSecond),
      'drive write, MB/s': mb(drive.writeBytesPerSecond),
      'I/O': metrics.storage.mode,
      alpha: store.meta.partitioner.alpha,
      rho: store.meta.partitioner.rho,
      loss: metrics.finalTrainLoss,
    };
    process.stdout.write(`${JSON.stringify({ value: metrics.epochSeconds.median, extra })}\n`);
  } finally {
    await store.close();
  }
}
