/**
 * The WebAssembly instructions that element-wise loops need, as byte lists, and the module around them.
 *
 * Twenty operators in three broadcast forms are sixty nearly equal loops: generating them at start is shorter than a
 * compiler in the tool chain, and leaves no binary in the repository.
 * Encoding: https://webassembly.github.io/spec/core/binary/
 */

/** Instructions, encoded. */
export type Code = readonly number[];

/** Value types. */
export const I32 = 0x7f;
export const F32 = 0x7d;
export const V128 = 0x7b;

/** Unsigned LEB128. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
  return bytes;
}

function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const low = rest & 127;
    rest >>= 7;
    const isLast = (rest === 0 && (low & 64) === 0) || (rest === -1 && (low & 64) !== 0);
    bytes.push(isLast ? low : low | 128);
    if (isLast) return bytes;
  }
}

/** Concatenates. */
export const seq = (...parts: readonly Code[]): number[] => parts.flat();
export const get = (local: number): number[] => [0x20, ...unsigned(local)];
export const set = (local: number, value: Code): number[] => [...value, 0x21, ...unsigned(local)];
export const i32 = (value: number): number[] => [0x41, ...signed(value)];
export const add = (x: Code, y: Code): number[] => [...x, ...y, 0x6a];
export const sub = (x: Code, y: Code): number[] => [...x, ...y, 0x6b];
export const multiply = (x: Code, y: Code): number[] => [...x, ...y, 0x6c];
/** A 32-bit integer in memory. */
export const loadInt = (address: Code): number[] => [...address, 0x28, 2, 0];
export const equals = (x: Code, y: Code): number[] => [...x, ...y, 0x46];
export const lessThan = (x: Code, y: Code): number[] => [...x, ...y, 0x49];
/** Moves `count` bytes. */
export const copyBytes = (to: Code, from: Code, count: Code): number[] => [...to, ...from, ...count, 0xfc, 0x0a, 0, 0];
/** Repeats `body` while `condition` holds, tested first. */
export const whileLoop = (condition: Code, body: Code): number[] => [
  ...[0x02, 0x40, 0x03, 0x40], // block, loop
  ...condition,
  ...[0x45, 0x0d, 1], // leave the block unless it holds
  ...body,
  ...[0x0c, 0, 0x0b, 0x0b], // again
];

/** `yes` if `condition` holds, else `no`. */
export const ifElse = (condition: Code, yes: Code, no: Code): number[] => [
  ...condition,
  ...[0x04, 0x40],
  ...yes,
  0x05,
  ...no,
  0x0b,
];

const simd = (opcode: number, ...operands: readonly Code[]): number[] => [
  ...operands.flat(),
  0xfd,
  ...unsigned(opcode),
];
const loadWith =
  (opcode: number) =>
  (address: Code, offset = 0): number[] => [...simd(opcode, address), 0, ...unsigned(offset)];
const storeLaneWith =
  (opcode: number) =>
  (address: Code, value: Code): number[] => [...simd(opcode, address, value), 0, 0, 0];

export const load = loadWith(0x00);
export const loadSplat = loadWith(0x09);
export const loadOne = loadWith(0x5c);
export const loadByteSplat = loadWith(0x07);
export const store = (address: Code, value: Code, offset = 0): number[] => [
  ...simd(0x0b, address, value),
  0,
  ...unsigned(offset),
];
export const storeOne = storeLaneWith(0x5a);
export const storeByte = storeLaneWith(0x58);
export const splat = (value: Code): number[] => simd(0x13, value);
/** Four times the same float32, as a constant. */
export const float = (value: number): number[] => {
  const bytes = new Uint8Array(Float32Array.of(value, value, value, value).buffer);
  return [0xfd, 0x0c, ...bytes];
};
/** Sixteen times the same byte. */
export const bytes16 = (value: number): number[] => [0xfd, 0x0c, ...new Array<number>(16).fill(value)];
export const lane = (value: Code, index: number): number[] => [...simd(0x1f, value), index];

const unary =
  (opcode: number) =>
  (x: Code): number[] =>
    simd(opcode, x);
const binary =
  (opcode: number) =>
  (x: Code, y: Code): number[] =>
    simd(opcode, x, y);

/** float32x4 and 128-bit operators. */
export const v = {
  eq: binary(0x41),
  ne: binary(0x42),
  lt: binary(0x43),
  gt: binary(0x44),
  le: binary(0x45),
  ge: binary(0x46),
  and: binary(0x4e),
  or: binary(0x50),
  /** Where `mask` is set `x`, else `y`. */
  select: (x: Code, y: Code, mask: Code): number[] => simd(0x52, x, y, mask),
  ceil: unary(0x67),
  floor: unary(0x68),
  nearest: unary(0x6a),
  abs: unary(0xe0),
  neg: unary(0xe1),
  sqrt: unary(0xe3),
  add: binary(0xe4),
  sub: binary(0xe5),
  mul: binary(0xe6),
  div: binary(0xe7),
  min: binary(0xe8),
  max: binary(0xe9),
  /** Saturating: 32 to 16 bits, two vectors into one. */
  narrow32: binary(0x85),
  narrow16: binary(0x65),
  widen8: unary(0x89),
  widen16: unary(0xa9),
  isNonZero32: (x: Code): number[] => simd(0x38, x, bytes16(0)),
  xor: binary(0x51),
  neByte: binary(0x24),
  andNot: binary(0x4f),
  /** `x < y ? y : x`: a NaN in `y` is passed over. */
  largerOf: binary(0xeb),
  /** `y < x ? y : x`: a NaN in `y` is passed over. */
  smallerOf: binary(0xea),
  /** 32-bit integers in four lanes; comparisons give all bits or none. */
  addInt: binary(0xae),
  subInt: binary(0xb1),
  mulInt: binary(0xb5),
  minInt: binary(0xb6),
  maxInt: binary(0xb8),
  eqInt: binary(0x37),
  neInt: binary(0x38),
  ltInt: binary(0x39),
  gtInt: binary(0x3b),
  leInt: binary(0x3d),
  geInt: binary(0x3f),
  /** Towards zero; NaN gives 0, what does not fit the nearest end. */
  toInt: unary(0xf8),
  toFloat: unary(0xfa),
};

/** The 4-byte lanes `lanes` (0–3 of `x`, 4–7 of `y`) as one vector. */
export const shuffle32 = (x: Code, y: Code, lanes: readonly number[]): number[] => [
  ...simd(0x0d, x, y),
  ...lanes.flatMap((index) => [4 * index, 4 * index + 1, 4 * index + 2, 4 * index + 3]),
];
/** A function without result: parameter types, types of further locals, body. */
export interface WasmFunction {
  readonly name: string;
  readonly parameters: readonly number[];
  readonly locals: readonly number[];
  readonly body: Code;
}

/** A module that imports `env.memory` of exactly `pages` pages and exports the functions. */
export function wasmModule(functions: readonly WasmFunction[], pages: number): Uint8Array<ArrayBuffer> {
  const name = (text: string): number[] => vector([...new TextEncoder().encode(text)]);
  const list = (items: readonly Code[]): number[] => [...unsigned(items.length), ...items.flat()];
  const section = (id: number, body: Code): number[] => [id, ...vector(body)];
  const code = functions.map(({ locals, body }) => vector([...list(locals.map((type) => [1, type])), ...body, 0x0b]));
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, list(functions.map(({ parameters }) => [0x60, ...vector(parameters), 0]))),
    ...section(2, list([[...name('env'), ...name('memory'), 0x02, 0x01, ...unsigned(pages), ...unsigned(pages)]])),
    ...section(3, list(functions.map((_, index) => unsigned(index)))),
    ...section(7, list(functions.map((f, index) => [...name(f.name), 0x00, ...unsigned(index)]))),
    ...section(10, list(code)),
  ]);
}

function vector(bytes: Code): number[] {
  return [...unsigned(bytes.length), ...bytes];
}
