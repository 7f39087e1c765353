import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';

interface Report {
  readonly sum: number;
  readonly budgetBytes: number;
  readonly currentBytes: number;
}

/** Uses the built package, as worker threads of a program do. */
function device(workerData: Readonly<Record<string, number>>): Promise<Report> {
  const worker = new Worker(new URL('./entries/worker.mjs', import.meta.url), { workerData });
  return new Promise((resolve, reject) => {
    let report: Report | undefined;
    worker.on('message', (message: Report) => {
      report = message;
    });
    worker.on('error', reject);
    worker.on('exit', (code) =>
      report && code === 0 ? resolve(report) : reject(new Error(`worker ended with ${code}`)),
    );
  });
}

it('works in several threads at once, each with its own arena and budget', async () => {
  const [a, b] = await Promise.all([
    device({ memoryBytes: 1 << 20, value: 1, steps: 300 }),
    device({ memoryBytes: 1 << 21, value: 2, steps: 300 }),
  ]);
  expect(a!.sum).toBeCloseTo(Math.exp(0.064), 5);
  expect(b!.sum).toBeCloseTo(Math.exp(0.256), 5);
  expect(a).toMatchObject({ budgetBytes: 1 << 20, currentBytes: 16384 });
  expect(b).toMatchObject({ budgetBytes: 1 << 21, currentBytes: 16384 });
});

it('starts and ends many times in one process', async () => {
  for (let i = 0; i < 5; i++) {
    const { sum } = await device({ memoryBytes: 1 << 20, value: 1, steps: 2 });
    expect(sum).toBeCloseTo(Math.exp(0.064), 5);
  }
});
