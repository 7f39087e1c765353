/**
 * Bias and GELU by its tanh form over an array in the arena, with the derivative: SIMD loops around ONNX Runtime's tanh,
 * which has wider vectors than WebAssembly and uses all threads.
 */

import { withScratch } from '../kernels/scratch.js';
import { runUnary } from '../kernels/unary.js';
import type { NativeBackend } from '../NativeBackend.js';

/** Elements that pass through all steps together: they stay in the second-level cache. */
const CHUNK = 65_536;
/** Elements below which one loop that does everything is faster. */
const SMALL = 4096;

/** Whether {@link geluTail} gains anything. */
export const isLongGelu = (size: number): boolean => size >= SMALL;

/**
 * `z = gelu(z + bias)`, in place; `slope` receives the derivative.
 *
 * @param z - address of `[rows, columns]`
 * @param bias - address of `[columns]`
 * @param slope - address of `[rows, columns]`, if wanted
 */
export function geluTail(
  backend: NativeBackend,
  z: number,
  bias: number,
  rows: number,
  columns: number,
  slope: number | undefined,
): void {
  const step = Math.max(1, Math.floor(CHUNK / columns));
  const bytes = columns * 4;
  const { simd } = backend;
  withScratch(backend.arena, 'linear', (scratch) => {
    const own = slope === undefined ? scratch.take(Math.min(step, rows) * bytes) : 0;
    for (let first = 0; first < rows; first += step) {
      const count = Math.min(step, rows - first);
      const at = z + first * bytes;
      const tanh = slope === undefined ? own : slope + first * bytes;
      simd.geluArgument(at, bias, tanh, count, columns, bytes, 0, bytes);
      runUnary(backend, 'Tanh', tanh, tanh, count * columns);
      if (slope === undefined) simd.geluOfTanh(at, tanh, 1, count * columns, 0, 0);
      else simd.geluAndSlope(at, tanh, 1, count * columns, 0, 0);
    }
  });
}
