/** Fused optimizer steps over flat parameter buffers: one pass through memory, with PyTorch's formulas. */
import { OptionError, ShapeError } from './errors.js';
import { type KernelMemory, kernelSpace } from './kernelMemory.js';
import { copyIn, copyOut, placeOf, withScratch } from './staging.js';

// Elements at a time when buffers lie outside the kernel memory: four pieces stay in the second-level cache.
const CHUNK = 8192;

/** Options of {@link adamStep}. */
export interface AdamOptions {
  /** Which step this is, from 1: it corrects the bias of the moments. */
  readonly step: number;
  /** Learning rate. */
  readonly lr: number;
  /** Decay of the first moment, in [0, 1). @defaultValue `0.9` */
  readonly beta1?: number;
  /** Decay of the second moment, in [0, 1). @defaultValue `0.999` */
  readonly beta2?: number;
  /** Added to the root of the second moment. @defaultValue `1e-8` */
  readonly epsilon?: number;
  /** Weight decay λ. @defaultValue `0` */
  readonly weightDecay?: number;
  /** true: AdamW, parameters shrink by lr · λ; false: Adam, λ · parameter is added to the gradient. @defaultValue `false` */
  readonly decoupled?: boolean;
}

/** Options of {@link sgdStep}. */
export interface SgdOptions {
  /** Learning rate. */
  readonly lr: number;
  /** Share of the last change that is kept; needs a momentum buffer. @defaultValue `0` */
  readonly momentum?: number;
  /** λ: λ · parameter is added to the gradient. @defaultValue `0` */
  readonly weightDecay?: number;
}

/**
 * One step of Adam or AdamW, in place.
 *
 * All float32 `[n]`: `params`, the moments `m` and `v` (zeros before step 1) change, `grads` does not. p ← p −
 * lr/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + ε). O(n), allocates nothing that stays.
 * Kingma, Ba: "Adam", ICLR 2015, arXiv:1412.6980; Loshchilov, Hutter: "Decoupled weight decay regularization",
 * ICLR 2019, arXiv:1711.05101.
 *
 * @throws {@link ShapeError} if lengths differ; {@link OptionError} if `step` is not an integer ≥ 1 or a β not in [0, 1).
 * @example
 * const [p, m, v] = [Float32Array.of(1), new Float32Array(1), new Float32Array(1)];
 * adamStep(p, Float32Array.of(3), m, v, { step: 1, lr: 0.5 });
 * p; // => Float32Array [0.5]
 */
export function adamStep(
  params: Float32Array,
  grads: Float32Array,
  m: Float32Array,
  v: Float32Array,
  { step, lr, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0, decoupled = false }: AdamOptions,
): void {
  const where = 'adamStep';
  if (!Number.isInteger(step) || step < 1) throw new OptionError(where, 'step', step, 'an integer ≥ 1');
  for (const [name, beta] of Object.entries({ beta1, beta2 })) {
    if (!(beta >= 0 && beta < 1)) throw new OptionError(where, name, beta, 'in [0, 1)');
  }
  checkLengths(where, params, { grads, m, v });
  const stepSize = lr / (1 - beta1 ** step);
  const rootCorrection = 1 / Math.sqrt(1 - beta2 ** step);
  const decay = decoupled ? 0 : weightDecay;
  const shrink = decoupled ? 1 - lr * weightDecay : 1;
  const { space, kernels } = kernelSpace();
  eachPiece(space, [params, grads, m, v], [true, false, true, true], (count, [p, g, m1, v1]) => {
    const moments = [beta1, 1 - beta1, beta2, 1 - beta2] as const;
    kernels.adam(p!, g!, m1!, v1!, count, ...moments, stepSize, rootCorrection, epsilon, decay, shrink);
  });
}

/**
 * One step of stochastic gradient descent, in place: d = grad + λ·p; with momentum b ← μ·b + d, d = b; p ← p − lr·d.
 *
 * All float32 `[n]`; `params` and the momentum buffer (zeros before the first step) change. O(n).
 *
 * @param momentumBuffer - null without momentum
 * @throws {@link ShapeError} if lengths differ; {@link OptionError} if there is momentum but no buffer.
 */
export function sgdStep(
  params: Float32Array,
  grads: Float32Array,
  momentumBuffer: Float32Array | null,
  { lr, momentum = 0, weightDecay = 0 }: SgdOptions,
): void {
  const where = 'sgdStep';
  if (momentum !== 0 && !momentumBuffer)
    throw new OptionError(where, 'momentum', momentum, '0 without a momentum buffer');
  checkLengths(where, params, momentumBuffer ? { grads, momentumBuffer } : { grads });
  const { space, kernels } = kernelSpace();
  const arrays = momentumBuffer ? [params, grads, momentumBuffer] : [params, grads];
  eachPiece(space, arrays, [true, false, true], (count, [p, g, b]) => {
    kernels.sgd(p!, g!, b ?? 0, count, lr, momentum, weightDecay);
  });
}

/** Runs `work` on addresses of the arrays: all at once where they are in place, else piece by piece through scratch. */
function eachPiece(
  space: KernelMemory,
  arrays: readonly Float32Array[],
  isWritten: readonly boolean[],
  work: (count: number, addresses: readonly number[]) => void,
): void {
  const n = arrays[0]!.length;
  if (n === 0) return;
  const places = arrays.map((array) => placeOf(space, array));
  if (places.every((place) => place !== undefined)) {
    work(n, places);
    return;
  }
  const step = Math.min(n, CHUNK);
  withScratch(space, arrays.length * 4 * step, (scratch) => {
    for (let begin = 0; begin < n; begin += step) {
      const end = Math.min(n, begin + step);
      const addresses = places.map((place, i) => (place === undefined ? scratch + i * 4 * step : place + 4 * begin));
      arrays.forEach((array, i) => {
        if (places[i] === undefined) copyIn(space, array.subarray(begin, end), addresses[i]!);
      });
      work(end - begin, addresses);
      arrays.forEach((array, i) => {
        if (places[i] === undefined && isWritten[i]) copyOut(space, addresses[i]!, array.subarray(begin, end));
      });
    }
  });
}

function checkLengths(where: string, params: Float32Array, others: Readonly<Record<string, Float32Array>>): void {
  for (const [name, { length }] of Object.entries(others)) {
    if (length !== params.length) throw new ShapeError(where, name, [length], `[${params.length}], as params`);
  }
}
