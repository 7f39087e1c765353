/**
 * Attention on the device memory: a group of matrices at a time, so that scores stay in the second-level cache.
 *
 * Matrix m of `[…, tokens, width]` inputs is contiguous. Heads that lie beside each other in the rows are gathered into
 * scratch blocks first, which costs less than a transpose of the whole: they are used while they are in the cache.
 */
import { unfilledTensor } from '@strata-ml/kernels';
import type * as tf from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../NativeBackend.js';
import type { AttentionPlan } from './attentionPlan.js';
import { ScoreKernels } from './scoreKernels.js';

/** How matrices lie in the tensors. */
export interface HeadsLayout {
  /** Matrices beside each other in a row. */
  readonly heads: number;
  /** `together`: one tensor holds queries, keys and values. */
  readonly parts: 'separate' | 'together';
  /** Of one tensor: all queries first, or all of the first head. */
  readonly order?: 'parts' | 'heads';
}

/** Bytes of scores in work at once. */
const GROUP_BYTES = 512 * 1024;

/** A stack of matrices `[rows, columns]` somewhere in memory; strides in bytes. */
interface Stack {
  readonly at: number;
  readonly rows: number;
  readonly columns: number;
  readonly rowStride: number;
  /** From head to head, and from batch item to batch item. */
  readonly headStride: number;
  readonly batchStride: number;
}

/** The value; shapes are checked by the caller. */
export function nativeAttention(
  backend: NativeBackend,
  inputs: readonly tf.Tensor[],
  mask: tf.Tensor | undefined,
  plan: AttentionPlan,
  layout: HeadsLayout,
  outShape: number[],
): tf.Tensor {
  const [q, k, v] = stacksOf(addresses(backend, inputs), plan, layout);
  return unfilledTensor(outShape, (values) => {
    const out = stacksOf([values.byteOffset], plan, layout, 1)[0]!;
    const work = new ScoreKernels(backend, plan, mask, groupOf(plan, layout), false);
    try {
      work.forGroups((first, count) => {
        const [qs, ks, vs] = [q!, k!, v!].map((stack, i) => gather(backend, work, stack, first, count, layout, i));
        const os = isContiguous(out, count) ? matrixAt(out, first, layout) : work.scratch(3);
        work.forRows((row, rows) => {
          work.scores(qs!, ks!, first, count, row, rows);
          work.weigh(vs!, os, count, row, rows);
        });
        scatter(backend, out, os, first, count, layout);
      });
    } finally {
      work.dispose();
    }
  });
}

/** Gradients in the inputs, each of its input's shape. */
export function nativeAttentionGradient(
  backend: NativeBackend,
  inputs: readonly tf.Tensor[],
  mask: tf.Tensor | undefined,
  dy: tf.Tensor,
  plan: AttentionPlan,
  layout: HeadsLayout,
): tf.Tensor[] {
  const [q, k, v] = stacksOf(addresses(backend, inputs), plan, layout);
  const d = stacksOf(addresses(backend, [dy]), plan, layout, 1)[0]!;
  return allocate(inputs, (results) => {
    const gradients = stacksOf(results, plan, layout);
    const work = new ScoreKernels(backend, plan, mask, groupOf(plan, layout), true);
    try {
      work.forGroups((first, count) => {
        const [qs, ks, vs, ds] = [q!, k!, v!, d].map((s, i) => gather(backend, work, s, first, count, layout, i));
        const [dq, dk, dv] = gradients.map((stack, i) =>
          isContiguous(stack, count) ? matrixAt(stack, first, layout) : work.scratch(4 + i),
        );
        work.forRows((row, rows) => {
          work.scores(qs!, ks!, first, count, row, rows);
          work.gradients({ q: qs!, k: ks!, v: vs!, d: ds! }, { q: dq!, k: dk!, v: dv! }, count, row, rows);
        });
        for (const [i, at] of [dq!, dk!, dv!].entries()) scatter(backend, gradients[i]!, at, first, count, layout);
      });
    } finally {
      work.dispose();
    }
  });
}

/** Tensors like `inputs`, filled by `fill` through their addresses. */
function allocate(inputs: readonly tf.Tensor[], fill: (addresses: number[]) => void): tf.Tensor[] {
  const results: tf.Tensor[] = [];
  const next = (at: number[]): void => {
    const i = at.length;
    if (i === inputs.length) fill(at);
    else results[i] = unfilledTensor(inputs[i]!.shape, (values) => next([...at, values.byteOffset]));
  };
  next([]);
  return results;
}

const addresses = (backend: NativeBackend, tensors: readonly tf.Tensor[]): number[] =>
  tensors.map((tensor) => backend.address(tensor.dataId));

/** The stacks of q, k and v (or of the output alone, with `parts` 1) at the given tensors. */
function stacksOf(at: readonly number[], plan: AttentionPlan, layout: HeadsLayout, parts = 3): Stack[] {
  const { queries, keys, width, valueWidth } = plan;
  if (layout.parts === 'together') {
    const rowStride = 4 * parts * layout.heads * width;
    const isByHead = layout.order === 'heads';
    return Array.from({ length: parts }, (_, i) => ({
      at: at[0]! + 4 * i * (isByHead ? 1 : layout.heads) * width,
      rows: queries,
      columns: width,
      rowStride,
      headStride: 4 * (isByHead ? parts : 1) * width,
      batchStride: rowStride * queries,
    }));
  }
  const sizes =
    parts === 1
      ? [[queries, valueWidth]]
      : [
          [queries, width],
          [keys, width],
          [keys, valueWidth],
        ];
  return sizes.map(([rows, columns], i) => ({
    at: at[i]!,
    rows: rows!,
    columns: columns!,
    rowStride: 4 * columns!,
    headStride: 4 * rows! * columns!,
    batchStride: 4 * rows! * columns!,
  }));
}

/** Matrices that are worked on together: all heads of a batch item, or neighbours, as many as fit. */
function groupOf({ matrices, queries, keys }: AttentionPlan, { heads, parts }: HeadsLayout): number {
  const fitting = Math.max(1, Math.floor(GROUP_BYTES / (4 * queries * keys)));
  if (parts === 'separate') return Math.min(matrices, fitting);
  // A divisor of the heads, so that a group stays within its batch item.
  let group = Math.min(heads, fitting);
  while (heads % group !== 0) group--;
  return group;
}

const isContiguous = ({ rowStride, columns, headStride, rows }: Stack, count: number): boolean =>
  rowStride === 4 * columns && (count === 1 || headStride === 4 * rows * columns);

const matrixAt = ({ at, headStride, batchStride }: Stack, matrix: number, { heads }: HeadsLayout): number =>
  at + Math.floor(matrix / heads) * batchStride + (matrix % heads) * headStride;

/** First byte of matrices `first` … as `[count, rows, columns]`: their own, or that of scratch block `slot`. */
function gather(
  backend: NativeBackend,
  work: ScoreKernels,
  stack: Stack,
  first: number,
  count: number,
  layout: HeadsLayout,
  slot: number,
): number {
  const { rows, columns, rowStride, headStride } = stack;
  const from = matrixAt(stack, first, layout);
  if (isContiguous(stack, count)) return from;
  const to = work.scratch(slot);
  for (let i = 0; i < count; i++) {
    const target = to + 4 * i * rows * columns;
    backend.simd.copyRows(from + i * headStride, target, rows, 4 * columns, rowStride, 4 * columns);
  }
  return to;
}

/** Puts `[count, rows, columns]` at `from` where matrices `first` … lie. */
function scatter(
  backend: NativeBackend,
  stack: Stack,
  from: number,
  first: number,
  count: number,
  layout: HeadsLayout,
): void {
  const { rows, columns, rowStride, headStride } = stack;
  const to = matrixAt(stack, first, layout);
  if (from === to) return;
  for (let i = 0; i < count; i++) {
    const source = from + 4 * i * rows * columns;
    backend.simd.copyRows(source, to + i * headStride, rows, 4 * columns, 4 * columns, rowStride);
  }
}
