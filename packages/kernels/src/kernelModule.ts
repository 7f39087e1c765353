/** The compiled SIMD kernels: which build this thread runs, and their instances over a memory. */
import { readFileSync } from 'node:fs';
import { OptionError } from './errors.js';
import { type WasmMemory, wasm } from './webAssembly.js';

/** `simd`: baseline WebAssembly SIMD. `relaxed-simd`: with fused multiply-add, where the engine has it. */
export type KernelVariant = 'simd' | 'relaxed-simd';

/** The functions of assembly/index.ts. Pointers are byte offsets into the memory of the instance. */
export interface KernelExports {
  spmm(
    begin: number,
    end: number,
    indptr: number,
    indices: number,
    values: number,
    x: number,
    xStride: number,
    rowBytes: number,
    out: number,
    outStride: number,
    accumulate: number,
    ahead: number,
  ): void;
  spmmTile(
    begin: number,
    end: number,
    indptr: number,
    indices: number,
    values: number,
    x: number,
    out: number,
    outStride: number,
    accumulate: number,
    ahead: number,
  ): void;
  spmmTransposed(
    rows: number,
    indptr: number,
    indices: number,
    values: number,
    x: number,
    xStride: number,
    bytes: number,
    out: number,
  ): void;
  columnSums(x: number, rows: number, width: number, sums: number): void;
  packColumns(x: number, xStride: number, count: number, bytes: number, outStride: number, out: number): void;
  gatherRows(x: number, rowBytes: number, rows: number, count: number, out: number): void;
  scatterAddRows(out: number, rowBytes: number, rows: number, count: number, x: number): void;
  segmentSum(rows: number, indptr: number, x: number, rowBytes: number, out: number, mean: number): void;
  spmmMax(
    rows: number,
    indptr: number,
    indices: number,
    values: number,
    x: number,
    rowBytes: number,
    out: number,
    arg: number,
  ): void;
  edgeSoftmax(rows: number, indptr: number, scores: number, heads: number, out: number): void;
  edgeSoftmaxGradient(rows: number, indptr: number, alpha: number, dAlpha: number, heads: number, out: number): void;
  sddmm(
    rows: number,
    indptr: number,
    indices: number,
    a: number,
    b: number,
    heads: number,
    width: number,
    out: number,
  ): void;
  countMagnitudes(x: number, count: number, bins: number): void;
  countMagnitudesIn(x: number, count: number, low: number, width: number, shift: number, bins: number): void;
  collectMagnitudes(
    x: number,
    count: number,
    base: number,
    threshold: number,
    state: number,
    indices: number,
    values: number,
  ): void;
  quantize(x: number, count: number, bits: number, low: number, inverse: number, out: number): void;
  dequantize(packed: number, count: number, bits: number, low: number, step: number, out: number): void;
  packBits(codes: number, count: number, bits: number, out: number): void;
  unpackBits(packed: number, count: number, bits: number, out: number): void;
  moments(x: number, count: number, sums: number): void;
  packSigns(x: number, count: number, out: number): void;
  unpackSignsTo(packed: number, count: number, positive: number, negative: number, out: number): void;
  quantizeBlocks(
    x: number,
    count: number,
    block: number,
    isNorm: number,
    levels: number,
    words: number,
    codes: number,
    scales: number,
  ): void;
  dequantizeBlocks(codes: number, count: number, block: number, scales: number, out: number): void;
  ternary(x: number, count: number, inverse: number, words: number, out: number): void;
  randomWords(k0: number, k1: number, piece: number, count: number, out: number): void;
  product(
    a: number,
    rowStep: number,
    innerStep: number,
    rows: number,
    inner: number,
    b: number,
    columns: number,
    c: number,
    accumulate: number,
  ): void;
  orthonormalize(x: number, rows: number, width: number, tolerance: number): void;
  crc32cTables(tables: number): void;
  crc32c(data: number, count: number, tables: number, crc: number): number;
  xxHashStart(lanes: number, seed: bigint): void;
  xxHashFeed(lanes: number, data: number, count: number): void;
  xxHashEnd(lanes: number, data: number, count: number, total: bigint, seed: bigint): bigint;
  sumOfSquares(x: number, count: number): number;
  narrow16(x: number, count: number, form: number, out: number): void;
  widen16(x: number, count: number, brain: number, out: number): void;
  dropoutRows(
    x: number,
    width: number,
    ids: number,
    count: number,
    limit: number,
    scale: number,
    k0: number,
    k1: number,
    out: number,
  ): void;
  dropoutSparse(
    rows: number,
    indptr: number,
    indices: number,
    values: number,
    ids: number,
    limit: number,
    scale: number,
    k0: number,
    k1: number,
    outIndptr: number,
    outIndices: number,
    outValues: number,
  ): number;
  philoxBlocks(k0: number, k1: number, counters: number, groups: number, out: number): void;
  adam(
    params: number,
    grads: number,
    m: number,
    v: number,
    count: number,
    beta1: number,
    oneMinusBeta1: number,
    beta2: number,
    oneMinusBeta2: number,
    stepSize: number,
    rootCorrection: number,
    epsilon: number,
    decay: number,
    shrink: number,
  ): void;
  sgd(params: number, grads: number, buffer: number, count: number, lr: number, momentum: number, decay: number): void;
  layerNorm(
    x: number,
    rows: number,
    width: number,
    gamma: number,
    beta: number,
    epsilon: number,
    stats: number,
    out: number,
  ): void;
  layerNormGradient(
    x: number,
    dy: number,
    rows: number,
    width: number,
    gamma: number,
    stats: number,
    dx: number,
    dGamma: number,
    dBeta: number,
    scratch: number,
  ): void;
  maskedSoftmax(
    x: number,
    rows: number,
    columns: number,
    valid: number,
    step: number,
    scale: number,
    mask: number,
    maskStride: number,
    out: number,
  ): void;
  maskedSoftmaxGradient(
    p: number,
    dp: number,
    rows: number,
    columns: number,
    valid: number,
    step: number,
    scale: number,
    out: number,
  ): void;
  crossEntropy(x: number, targets: number, rows: number, columns: number, stats: number, gradient: number): void;
  activate(z: number, rows: number, columns: number, bias: number, form: number, out: number, derivative: number): void;
  activationGradient(
    dy: number,
    other: number,
    form: number,
    rows: number,
    columns: number,
    dz: number,
    sums: number,
  ): void;
  gelu(x: number, count: number, isErf: number, out: number, derivative: number): void;
  columnMoments(x: number, rows: number, columns: number, mean: number, squares: number): void;
  scaleColumns(
    x: number,
    rows: number,
    columns: number,
    factor: number,
    offset: number,
    other: number,
    relu: number,
    out: number,
  ): void;
  columnProducts(
    x: number,
    dy: number,
    y: number,
    rows: number,
    columns: number,
    mean: number,
    masked: number,
    sums: number,
    products: number,
  ): void;
  combineColumns(
    x: number,
    dy: number,
    y: number,
    rows: number,
    columns: number,
    a: number,
    b: number,
    c: number,
    dx: number,
  ): void;
}

let chosen: { readonly variant: KernelVariant; readonly module: object } | undefined;
const instances = new WeakMap<WasmMemory, KernelExports>();

/**
 * The build of the kernels that this thread runs: `relaxed-simd` where the JavaScript engine accepts it, else `simd`.
 *
 * The environment variable `STRATA_KERNELS` (`simd` or `relaxed-simd`), read before the first kernel runs, overrides.
 * The builds differ in rounding only: a fused multiply-add rounds once, `simd` twice.
 *
 * @throws {@link OptionError} if `STRATA_KERNELS` is another word, or asks for what this Node cannot run.
 */
export function kernelVariant(): KernelVariant {
  return load().variant;
}

/** The kernels over `memory`; one instance per memory. */
export function kernelsOver(memory: WasmMemory): KernelExports {
  let kernels = instances.get(memory);
  if (!kernels) {
    kernels = new wasm.Instance(load().module, { env: { memory } }).exports as KernelExports;
    instances.set(memory, kernels);
  }
  return kernels;
}

function load(): { readonly variant: KernelVariant; readonly module: object } {
  if (chosen) return chosen;
  const asked = process.env.STRATA_KERNELS;
  if (asked !== undefined && asked !== '' && asked !== 'simd' && asked !== 'relaxed-simd') {
    throw new OptionError('kernels', 'STRATA_KERNELS', asked, '`simd` or `relaxed-simd`');
  }
  if (asked !== 'simd') {
    const bytes = read('relaxed-simd');
    if (wasm.validate(bytes)) {
      chosen = { variant: 'relaxed-simd', module: new wasm.Module(bytes) };
      return chosen;
    }
    if (asked === 'relaxed-simd') {
      throw new OptionError(
        'kernels',
        'STRATA_KERNELS',
        asked,
        `\`simd\` on Node ${process.version}`,
        'use Node 22 or newer',
      );
    }
  }
  chosen = { variant: 'simd', module: new wasm.Module(read('simd')) };
  return chosen;
}

/** Written so that it is right from src/ and from dist/: both lie beside dist/. */
function read(variant: KernelVariant): Uint8Array<ArrayBuffer> {
  const url =
    variant === 'simd'
      ? new URL('../dist/kernels.simd.wasm', import.meta.url)
      : new URL('../dist/kernels.relaxed-simd.wasm', import.meta.url);
  return readFileSync(url);
}
