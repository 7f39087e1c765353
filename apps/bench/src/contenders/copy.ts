/** Program: `copy.js THREADS BYTES` prints the bytes per second that many threads together copy, as a sample. */
import { performance } from 'node:perf_hooks';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const REPEATS = 10;

if (isMainThread) {
  const [threads = '2', bytes = '67108864'] = process.argv.slice(2);
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const workers = Array.from(
    { length: Number(threads) },
    () =>
      new Worker(new URL(import.meta.url), { workerData: { bytes: Number(bytes), gate, threads: Number(threads) } }),
  );
  const seconds = await Promise.all(workers.map((w) => new Promise<number>((resolve) => w.once('message', resolve))));
  console.log(JSON.stringify({ value: (Number(threads) * Number(bytes) * REPEATS) / Math.max(...seconds) }));
} else {
  const { bytes, gate, threads } = workerData as { bytes: number; gate: Int32Array; threads: number };
  const from = new Uint8Array(new SharedArrayBuffer(bytes)).fill(1);
  const to = new Uint8Array(new SharedArrayBuffer(bytes)).fill(2);
  to.set(from);
  Atomics.add(gate, 0, 1);
  while (Atomics.load(gate, 0) < threads) Atomics.wait(gate, 0, Atomics.load(gate, 0), 1);
  const start = performance.now();
  for (let i = 0; i < REPEATS; i++) to.set(from);
  parentPort?.postMessage((performance.now() - start) / 1000);
}
