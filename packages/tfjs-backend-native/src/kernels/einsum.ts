/**
 * Einsum of one or two operands as what it is: sums, transposes and one matrix product.
 *
 * Every label belongs to the batch (in both operands and the result), to the contraction (in both, not in the result), to
 * one operand (in it and the result), or is summed up beforehand (in one operand only). Diagonals (a label twice in an
 * operand) and three operands are left to the inherited kernel.
 */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../NativeBackend.js';
import { product } from './matMul.js';
import { areFloat, type NativeKernels, sizeOf } from './NativeKernel.js';
import { reduceKernels } from './reduce.js';
import { transposeKernels } from './transpose.js';

export const einsumKernels: NativeKernels = {
  Einsum({ inputs, attrs: { equation }, backend }) {
    const operands = inputs as TensorInfo[];
    const parsed = parse(equation, operands);
    if (!parsed || !areFloat(backend, ...operands)) return undefined;
    return parsed.terms.length === 1
      ? single(backend, operands[0]!, parsed.terms[0]!, parsed.result)
      : double(backend, operands, parsed.terms, parsed.result);
  },
};

interface Equation {
  readonly terms: readonly string[];
  readonly result: string;
}

/** The labels; undefined for forms (and mistakes) that the inherited kernel shall deal with. */
function parse(equation: string, operands: readonly TensorInfo[]): Equation | undefined {
  const match = /^([a-zA-Z]*)(?:,([a-zA-Z]*))?->([a-zA-Z]*)$/.exec(equation.replace(/\s/g, ''));
  if (!match) return undefined;
  const [, first, second, result] = match;
  const terms = second === undefined ? [first!] : [first!, second];
  const isDistinct = (labels: string) => new Set(labels).size === labels.length;
  const sizes = new Map<string, number>();
  if (terms.length !== operands.length || ![...terms, result!].every(isDistinct)) return undefined;
  for (const [i, term] of terms.entries()) {
    const { shape } = operands[i]!;
    if (shape.length !== term.length || sizeOf(shape) === 0) return undefined;
    for (const [axis, label] of [...term].entries()) {
      if ((sizes.get(label) ?? shape[axis]) !== shape[axis]) return undefined;
      sizes.set(label, shape[axis]!);
    }
  }
  return [...result!].every((label) => sizes.has(label)) ? { terms, result: result! } : undefined;
}

function single(backend: NativeBackend, x: TensorInfo, labels: string, result: string): TensorInfo {
  const reduced = sumOver(
    backend,
    x,
    labels,
    [...labels].filter((label) => !result.includes(label)),
  );
  return consume(backend, reduced.info, (info) => arrange(backend, info, reduced.labels, result));
}

function double(
  backend: NativeBackend,
  [a, b]: readonly TensorInfo[],
  [first, second]: readonly string[],
  result: string,
): TensorInfo {
  const alone = (labels: string, other: string) =>
    [...labels].filter((label) => !other.includes(label) && !result.includes(label));
  const left = sumOver(backend, a!, first!, alone(first!, second!));
  const right = sumOver(backend, b!, second!, alone(second!, first!));
  const shared = [...left.labels].filter((label) => right.labels.includes(label));
  const batch = shared.filter((label) => result.includes(label)).join('');
  const inner = shared.filter((label) => !result.includes(label)).join('');
  const rows = [...left.labels].filter((label) => !right.labels.includes(label)).join('');
  const columns = [...right.labels].filter((label) => !left.labels.includes(label)).join('');
  const sizeIn = (labels: string, operand: Labelled) =>
    sizeOf([...labels].map((label) => operand.info.shape[operand.labels.indexOf(label)]!));
  const [batches, depth] = [sizeIn(batch, left), sizeIn(inner, left)];
  const [height, width] = [sizeIn(rows, left), sizeIn(columns, right)];
  const shapeOf = [...batch, ...rows].map((label) => left.info.shape[left.labels.indexOf(label)]!);
  const outShape = [...shapeOf, ...[...columns].map((label) => right.info.shape[right.labels.indexOf(label)]!)];
  // Either order of the contraction is a product without a transpose: take the one that the operand has.
  const isLeftTurned = left.labels === batch + inner + rows;
  const isRightTurned = right.labels === batch + columns + inner;
  const x = consume(backend, left.info, (info) =>
    arrange(backend, info, left.labels, isLeftTurned ? left.labels : batch + rows + inner),
  );
  const y = consume(backend, right.info, (info) =>
    arrange(backend, info, right.labels, isRightTurned ? right.labels : batch + inner + columns),
  );
  const xShaped = { ...x, shape: isLeftTurned ? [batches, depth, height] : [batches, height, depth] };
  const yShaped = { ...y, shape: isRightTurned ? [batches, width, depth] : [batches, depth, width] };
  const { info } = product(backend, 'Einsum', xShaped, yShaped, isLeftTurned, isRightTurned);
  backend.disposeData(x.dataId);
  backend.disposeData(y.dataId);
  return consume(backend, { ...info, shape: outShape }, (out) => arrange(backend, out, batch + rows + columns, result));
}

/** A tensor of one's own: whoever has it disposes it. */
interface Labelled {
  readonly info: TensorInfo;
  readonly labels: string;
}

function sumOver(backend: NativeBackend, x: TensorInfo, labels: string, summed: readonly string[]): Labelled {
  if (summed.length === 0) return { info: backend.share(x), labels };
  const axis = summed.map((label) => labels.indexOf(label));
  const info = reduceKernels.Sum!({ inputs: { x }, attrs: { axis, keepDims: false }, backend }) as TensorInfo;
  return { info, labels: [...labels].filter((label) => !summed.includes(label)).join('') };
}

function arrange(backend: NativeBackend, x: TensorInfo, labels: string, wanted: string): TensorInfo {
  if (labels === wanted) return backend.share(x);
  const perm = [...wanted].map((label) => labels.indexOf(label));
  return transposeKernels.Transpose!({ inputs: { x }, attrs: { perm }, backend }) as TensorInfo;
}

/** Gives `x` to `use` and frees it afterwards. */
function consume(backend: NativeBackend, x: TensorInfo, use: (x: TensorInfo) => TensorInfo): TensorInfo {
  try {
    return use(x);
  } finally {
    backend.disposeData(x.dataId);
  }
}
