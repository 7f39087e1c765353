/**
 * Matrix products without the scalar path: tfjs-wasm sends only plain, unbatched products to XNNPACK, and everything
 * else (the two products of a gradient among them) to a loop 10 to 60 times slower. Here operands are transposed first
 * and batches are walked, so that XNNPACK does all of them.
 */
import * as tf from '@tensorflow/tfjs-core';
import {
  addressOf,
  elements,
  floatsAt,
  type KernelArgs,
  replaceKernel,
  type StockKernel,
  type WasmBackend,
} from './backend.js';
import { transposeInto } from './transpose.js';

type Product = (a: number, b: number, out: number, m: number, k: number, n: number) => void;

/** Replaces BatchMatMul and _FusedMatMul. */
export function replaceMatMul(): void {
  replaceKernel('BatchMatMul', (stock) => (args) => (isPlain(args) ? stock(args) : matMul(args)));
  replaceKernel('_FusedMatMul', (stock) => (args) => (isPlain(args) ? stock(args) : fusedMatMul(args)));
}

/** What the stock kernel sends to XNNPACK itself; an empty operand it sends as well, and returns what lay in memory. */
function isPlain({ inputs, attrs }: KernelArgs): boolean {
  const { a, b } = inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
  if (a.dtype !== 'float32' || b.dtype !== 'float32') return true;
  // Stock takes a bias of one number per column only.
  if (inputs.bias && inputs.bias.shape.length !== 1) return false;
  const isOne = (t: tf.TensorInfo) => t.shape.length === 2 || (t.shape.length === 3 && t.shape[0] === 1);
  const isEmpty = elements(a.shape) === 0 || elements(b.shape) === 0;
  return !attrs.transposeA && !attrs.transposeB && isOne(a) && isOne(b) && !isEmpty;
}

function matMul({ inputs, backend, attrs }: KernelArgs): tf.TensorInfo {
  const { a, b } = inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
  for (const t of [a, b]) {
    tf.util.assert(t.shape.length >= 2, () => `matMul: operands must have rank 2 or more, got [${t.shape}]`);
  }
  const transposeA = Boolean(attrs.transposeA);
  const transposeB = Boolean(attrs.transposeB);
  const [aRows, aCols] = a.shape.slice(-2) as [number, number];
  const [bRows, bCols] = b.shape.slice(-2) as [number, number];
  const [m, k] = transposeA ? [aCols, aRows] : [aRows, aCols];
  const [kb, n] = transposeB ? [bCols, bRows] : [bRows, bCols];
  tf.util.assert(
    k === kb,
    () =>
      `matMul: inner dimensions must be equal, got ${k} and ${kb} of [${a.shape}] and [${b.shape}] with ` +
      `transposeA=${transposeA}, transposeB=${transposeB}`,
  );
  const batchShape = tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const out = backend.makeOutput([...batchShape, m, n], 'float32');
  const total = m * n * elements(batchShape);
  if (total === 0) return out;
  if (k === 0) {
    floatsAt(backend, addressOf(backend, out), total).fill(0);
    return out;
  }

  const scratch: number[] = [];
  const allocate = (floats: number): number => {
    const address = backend.wasm._malloc(4 * floats) >>> 0;
    scratch.push(address);
    return address;
  };
  try {
    const multiply = productOf(backend);
    const isSwapped =
      costOf(transposeB ? 0 : k * n, transposeA ? 0 : m * k, m * k, m * n) <
      costOf(transposeA ? m * k : 0, transposeB ? k * n : 0, k * n, 0);
    const needsA = isSwapped !== transposeA;
    const needsB = isSwapped !== transposeB;
    const aScratch = needsA ? allocate(m * k) : 0;
    const bScratch = needsB ? allocate(k * n) : 0;
    const outScratch = isSwapped ? allocate(m * n) : 0;
    const flip = (from: number, rows: number, cols: number, to: number): number => {
      transposeInto(floatsAt(backend, from, rows * cols), rows, cols, floatsAt(backend, to, rows * cols));
      return to;
    };
    const aBatches = batchIndices(a.shape.slice(0, -2), batchShape);
    const bBatches = batchIndices(b.shape.slice(0, -2), batchShape);
    for (let i = 0; i < aBatches.length; i++) {
      const aAt = addressOf(backend, a) + 4 * m * k * aBatches[i]!;
      const bAt = addressOf(backend, b) + 4 * k * n * bBatches[i]!;
      const outAt = addressOf(backend, out) + 4 * m * n * i;
      const left = needsA ? flip(aAt, aRows, aCols, aScratch) : aAt;
      const right = needsB ? flip(bAt, bRows, bCols, bScratch) : bAt;
      if (isSwapped) {
        multiply(right, left, outScratch, n, k, m);
        flip(outScratch, n, m, outAt);
      } else {
        multiply(left, right, outAt, m, k, n);
      }
    }
  } finally {
    for (const address of scratch) backend.wasm._free(address);
  }
  return out;
}

/**
 * Time of the moves around one product, in ns. out = op(A)·op(B) may also be computed as outᵀ = op(B)ᵀ·op(A)ᵀ; the two
 * forms transpose different operands, and XNNPACK repacks whichever stands on the right. Measured: transposing costs
 * about 3 ns per element, repacking 7.
 */
function costOf(left: number, right: number, packed: number, out: number): number {
  return 3 * (left + right + out) + 7 * packed;
}

/** For each batch of the output, the batch of an operand that broadcasts to it. */
function batchIndices(shape: readonly number[], outShape: readonly number[]): Int32Array {
  const indices = new Int32Array(elements(outShape));
  for (let i = 0; i < indices.length; i++) {
    let rest = i;
    let stride = 1;
    for (let axis = outShape.length - 1; axis >= 0; axis--) {
      const own = shape[axis - (outShape.length - shape.length)] ?? 1;
      const at = rest % outShape[axis]!;
      rest = (rest - at) / outShape[axis]!;
      if (own > 1) indices[i]! += at * stride;
      stride *= own;
    }
  }
  return indices;
}

/** One plain product on addresses, through tensors registered for the moment of the call. */
export function productOf(backend: WasmBackend): Product {
  const { wasm } = backend;
  let stock = wrapped.get(backend);
  if (!stock) {
    const n = 'number';
    stock = wasm.cwrap('BatchMatMul', null, [n, 'array', n, n, 'array', n, n, n, n]);
    wrapped.set(backend, stock);
  }
  const call = stock;
  const bytes = (...shape: number[]) => new Uint8Array(Int32Array.from(shape).buffer);
  return (a, b, out, m, k, n) => {
    const ids = [m * k, k * n, m * n].map((size, i) => {
      const id = backend.dataIdNextNumber++;
      wasm.tfjs.registerTensor(id, size, [a, b, out][i]!);
      return id;
    });
    call(ids[0], bytes(1, m, k), 3, ids[1], bytes(1, k, n), 3, 0, 0, ids[2]);
    // Frees the operator that XNNPACK keeps for the right operand as well.
    for (const id of ids) wasm.tfjs.disposeData(id);
  };
}

const wrapped = new WeakMap<WasmBackend, (...args: unknown[]) => unknown>();

/** The product, then bias and activation by the backend's own kernels. */
function fusedMatMul(args: KernelArgs): tf.TensorInfo {
  const { inputs, backend, attrs } = args;
  const run = (kernelName: string, kernelInputs: KernelArgs['inputs'], kernelAttrs: Record<string, unknown> = {}) =>
    (tf.getKernel(kernelName, 'wasm').kernelFunc as unknown as StockKernel)({
      inputs: kernelInputs,
      backend,
      attrs: kernelAttrs,
    });
  let out = matMul(args);
  const next = (result: tf.TensorInfo): void => {
    backend.disposeData(out.dataId);
    out = result;
  };
  if (inputs.bias) next(run('Add', { a: out, b: inputs.bias }));
  switch (attrs.activation) {
    case 'relu':
      next(run('Relu', { x: out }));
      break;
    case 'relu6':
      next(run('Relu6', { x: out }));
      break;
    case 'elu':
      next(run('Elu', { x: out }));
      break;
    case 'sigmoid':
      next(run('Sigmoid', { x: out }));
      break;
    case 'leakyrelu':
      next(run('LeakyRelu', { x: out }, { alpha: attrs.leakyreluAlpha }));
      break;
    case 'prelu':
      next(run('Prelu', { x: out, alpha: inputs.preluActivationWeights! }));
      break;
    default:
      break;
  }
  return out;
}
