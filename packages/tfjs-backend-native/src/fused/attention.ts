/** Scaled dot-product attention as one operation: the scores of all queries are never in memory at once. */
import {
  maskedSoftmaxGradientInto,
  maskedSoftmaxInto,
  OptionError,
  readTensor,
  ShapeError,
  unfilledTensor,
} from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';
import { NativeBackend } from '../NativeBackend.js';
import {
  type AttentionOptions,
  type AttentionPlan,
  additiveMask,
  planAttention,
  type SelfAttentionOptions,
} from './attentionPlan.js';
import { asOperation } from './gradients.js';
import { type HeadsLayout, nativeAttention, nativeAttentionGradient } from './nativeAttention.js';

/**
 * softmax(scale · q·kᵀ + mask) · v, differentiable in q, k and v.
 *
 * On `native` the scores live a few hundred KiB at a time and are computed again for the gradient: memory grows with the
 * inputs, not with queries × keys. On other backends it is composed of their products and keeps the softmax. A query that
 * sees no key gives zeros.
 * Vaswani et al.: "Attention is all you need", 2017, arXiv:1706.03762; recomputation as in Dao et al.:
 * "FlashAttention", 2022, arXiv:2205.14135 (by blocks of queries; rows are whole, so no running maximum is needed).
 *
 * @param q - float32 `[…, queries, width]`
 * @param k - float32 `[…, keys, width]`
 * @param v - float32 `[…, keys, valueWidth]`
 * @returns float32 `[…, queries, valueWidth]`
 * @throws ShapeError if the shapes do not fit; OptionError if an option is out of range.
 */
export function attention<T extends tf.Tensor>(q: T, k: tf.Tensor, v: tf.Tensor, options: AttentionOptions = {}): T {
  const where = 'attention';
  const lead = q.shape.slice(0, -2);
  const [queries, width] = q.shape.slice(-2) as [number, number];
  const [keys, valueWidth] = v.shape.slice(-2) as [number, number];
  if (q.rank < 2) throw new ShapeError(where, 'q', q.shape, '[…, queries, width]');
  if (!tf.util.arraysEqual(k.shape, [...lead, keys, width])) {
    throw new ShapeError(where, 'k', k.shape, `[${[...lead, keys, width]}] for the shapes of q and v`);
  }
  if (!tf.util.arraysEqual(v.shape.slice(0, -2), lead)) {
    throw new ShapeError(where, 'v', v.shape, `[${[...lead, 'keys', 'valueWidth']}]`);
  }
  const plan = planAttention(where, lead, { queries, keys, width, valueWidth }, options);
  const outShape = [...lead, queries, valueWidth];
  const layout: HeadsLayout = { heads: 1, parts: 'separate' };
  return operation<T>([q, k, v], outShape, plan, layout, options.mask);
}

/**
 * {@link attention} of a sequence to itself, by several heads, from one product: no transposes around it.
 *
 * @param qkv - queries, keys and values beside each other, each with its heads beside each other (or head by head, with
 * `order`); the output of one linear layer. float32 `[batch, tokens, 3 · heads · width]`
 * @returns float32 `[batch, tokens, heads · width]`
 * @throws ShapeError if the last dimension is no multiple of 3 · heads; OptionError if an option is out of range.
 */
export function selfAttention(qkv: tf.Tensor3D, heads: number, options: SelfAttentionOptions = {}): tf.Tensor3D {
  const where = 'selfAttention';
  const { order = 'parts' } = options;
  if (order !== 'parts' && order !== 'heads') throw new OptionError(where, 'order', order, '`parts` or `heads`');
  const [batch, tokens, total] = qkv.shape;
  const width = total / (3 * heads);
  if (!(Number.isInteger(heads) && heads > 0 && Number.isInteger(width))) {
    throw new ShapeError(where, 'qkv', qkv.shape, `[batch, tokens, 3 · ${heads} · width]`);
  }
  const plan = planAttention(
    where,
    [batch, heads],
    { queries: tokens, keys: tokens, width, valueWidth: width },
    options,
  );
  return operation([qkv], [batch, tokens, heads * width], plan, { heads, parts: 'together', order }, options.mask);
}

function operation<T extends tf.Tensor>(
  inputs: readonly tf.Tensor[],
  outShape: number[],
  plan: AttentionPlan,
  layout: HeadsLayout,
  mask: tf.Tensor | undefined,
): T {
  return asOperation<T>(inputs, (...inputs) => {
    const additive = mask ? [additiveMask(mask)] : [];
    const { backend } = tf.engine();
    if (backend instanceof NativeBackend && plan.matrices * plan.queries * plan.keys > 0) {
      return {
        value: nativeAttention(backend, inputs, additive[0], plan, layout, outShape) as tf.Tensor,
        saved: [...inputs, ...additive],
        gradient: (dy, saved) => {
          const [kept, keptMask] = [saved.slice(0, inputs.length), saved[inputs.length]];
          return nativeAttentionGradient(backend, kept, keptMask, dy, plan, layout);
        },
      };
    }
    const [q, k, v] = (layout.parts === 'together' ? splitHeads(inputs[0]!, plan, layout) : inputs.map(asMatrices)) as [
      tf.Tensor3D,
      tf.Tensor3D,
      tf.Tensor3D,
    ];
    const shares = softmaxOf(tf.matMul(q, k, false, true), additive[0], plan);
    const value = joinHeads([tf.matMul(shares, v)], outShape, plan, layout);
    return {
      value,
      saved: [q, k, v, shares],
      gradient: (dy, saved) => {
        const [q, k, v, shares] = saved as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
        const [d] = (layout.parts === 'together' ? splitHeads(dy, plan, layout) : [asMatrices(dy)]) as [tf.Tensor3D];
        const dScores = softmaxGradient(shares, tf.matMul(d, v, false, true), plan);
        const parts = [tf.matMul(dScores, k), tf.matMul(dScores, q, true), tf.matMul(shares, d, true)];
        if (layout.parts === 'together') return [joinHeads(parts, inputs[0]!.shape, plan, layout)];
        return parts.map((part, i) => tf.reshape(part, inputs[i]!.shape));
      },
    };
  });
}

const asMatrices = (x: tf.Tensor): tf.Tensor3D => tf.reshape(x, [-1, ...x.shape.slice(-2)] as [number, number, number]);

/** `[batch, tokens, parts · heads · width]` as so many tensors `[batch · heads, tokens, width]`. */
function splitHeads(x: tf.Tensor, { queries, width }: AttentionPlan, { heads, order }: HeadsLayout): tf.Tensor3D[] {
  const parts = x.shape[2]! / (heads * width);
  const batch = x.shape[0]!;
  const turned =
    order === 'heads'
      ? tf.transpose(tf.reshape(x, [batch, queries, heads, parts, width]), [3, 0, 2, 1, 4])
      : tf.transpose(tf.reshape(x, [batch, queries, parts, heads, width]), [2, 0, 3, 1, 4]);
  return Array.from({ length: parts }, (_, i) =>
    tf.reshape(tf.slice(turned, [i, 0, 0, 0, 0], [1, batch, heads, queries, width]), [batch * heads, queries, width]),
  );
}

/** The inverse of {@link splitHeads}. */
function joinHeads(
  parts: readonly tf.Tensor[],
  shape: number[],
  { queries, width, matrices }: AttentionPlan,
  { heads, parts: kind, order }: HeadsLayout,
): tf.Tensor {
  if (kind === 'separate') return tf.reshape(parts[0]!, shape);
  const stacked = tf.reshape(tf.concat([...parts], 0), [parts.length, matrices / heads, heads, queries, width]);
  return tf.reshape(tf.transpose(stacked, order === 'heads' ? [1, 3, 2, 0, 4] : [1, 3, 0, 2, 4]), shape);
}

function softmaxOf(scores: tf.Tensor3D, mask: tf.Tensor | undefined, plan: AttentionPlan): tf.Tensor3D {
  const size = plan.queries * plan.keys;
  return unfilledTensor<tf.Rank.R3>(scores.shape, (out) => {
    const [from, added] = [readTensor(scores), mask && readTensor(mask)];
    for (let m = 0; m < plan.matrices; m++) {
      const start = plan.mask?.starts[m] ?? 0;
      const rows = added?.subarray(start, start + (plan.mask!.rowStep === 0 ? plan.keys : size));
      const part = out.subarray(m * size, (m + 1) * size);
      maskedSoftmaxInto(from.subarray(m * size, (m + 1) * size), plan.keys, part, {
        scale: plan.scale,
        ...(plan.causal ? { valid: 1, step: 1 } : {}),
        ...(rows ? { mask: rows } : {}),
      });
    }
  });
}

function softmaxGradient(shares: tf.Tensor3D, d: tf.Tensor, plan: AttentionPlan): tf.Tensor3D {
  // Shares that do not count are 0, and so are their gradients.
  return unfilledTensor<tf.Rank.R3>(shares.shape, (out) =>
    maskedSoftmaxGradientInto(readTensor(shares), readTensor(d), plan.keys, out, { scale: plan.scale }),
  );
}
