/** Measures the engine named on the command line and sends an {@link EngineMeasurement}. Runs as a child process. */
import * as tf from '@tensorflow/tfjs-core';
import { EngineUnavailableError, initEngine } from './choose.js';
import type { EngineName, KernelVariant } from './EngineReport.js';

/** What the child process sends. */
export interface EngineMeasurement {
  readonly available: boolean;
  readonly reason: string;
  readonly version?: string;
  readonly kernels?: KernelVariant;
  /** 10⁹ floating-point operations per second of a float32 product of two 512 × 512 matrices, one thread. */
  readonly gflops?: number;
}

const SIZE = 512;

async function measure(name: EngineName, seconds: number): Promise<EngineMeasurement> {
  let report: Awaited<ReturnType<typeof initEngine>>;
  try {
    report = await initEngine({ prefer: name, threads: 1 });
  } catch (error) {
    if (!(error instanceof EngineUnavailableError)) throw error;
    return { available: false, reason: String(error.details.reason) };
  }
  const values = Float32Array.from({ length: SIZE * SIZE }, (_, i) => Math.sin(i));
  const a = tf.tensor2d(values, [SIZE, SIZE]);
  const b = tf.tensor2d(
    values.map((v) => 1 - v),
    [SIZE, SIZE],
  );
  const product = (): void => {
    const c = tf.matMul(a, b);
    c.dataSync(); // not inside tidy: it would search the result for tensors, element by element
    c.dispose();
  };
  product(); // the first call compiles and allocates
  const times: number[] = [];
  for (const start = performance.now(); times.length < 3 || performance.now() - start < 1000 * seconds; ) {
    const begin = performance.now();
    product();
    times.push(performance.now() - begin);
  }
  times.sort((x, y) => x - y);
  const medianS = times[times.length >> 1]! / 1000;
  return {
    available: true,
    reason: report.candidates[0]?.reason ?? report.reason,
    version: report.version,
    kernels: report.kernels,
    gflops: (2 * SIZE ** 3) / medianS / 1e9,
  };
}

const [, , name, seconds] = process.argv;
measure(name as EngineName, Number(seconds))
  .catch((error: unknown) => ({
    available: false,
    reason: `failed: ${error instanceof Error ? error.message : error}`,
  }))
  .then((measurement) => process.send?.(measurement, () => process.disconnect()))
  .catch(() => process.exit(1));
