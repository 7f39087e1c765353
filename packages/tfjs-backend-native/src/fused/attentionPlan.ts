/** Shapes of attention, checked once, and which scores count. */
import { OptionError, readTensor, ShapeError } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';

/** Options of `attention` and `selfAttention`. */
export interface AttentionOptions {
  /** Query t sees keys 0 … t only. @defaultValue `false` */
  readonly causal?: boolean;
  /** Factor of the scores. @defaultValue 1/√(width of a query) */
  readonly scale?: number;
  /**
   * bool: keys that may be seen; float32: added to the scaled scores. Shape broadcasts to `[…, queries, keys]`; it gets no
   * gradient. @defaultValue none
   */
  readonly mask?: tf.Tensor;
}

/** Options of `selfAttention`. */
export interface SelfAttentionOptions extends AttentionOptions {
  /**
   * What lies beside each other in a row: all queries, then all keys, then all values (`parts`); or query, key and value
   * of the first head, then those of the second (`heads`): a slice of the columns is then a set of heads.
   * @defaultValue `'parts'`
   */
  readonly order?: 'parts' | 'heads';
}

/** One call of attention, as numbers: `matrices` products of `[queries, width]` by `[width, keys]`. */
export interface AttentionPlan {
  readonly matrices: number;
  readonly queries: number;
  readonly keys: number;
  readonly width: number;
  readonly valueWidth: number;
  readonly scale: number;
  readonly causal: boolean;
  /** First element of each matrix in the additive mask, and how its rows advance (0: one row for all queries). */
  readonly mask?: { readonly starts: readonly number[]; readonly rowStep: number };
}

/** @param lead - the leading dimensions of the scores */
export function planAttention(
  where: string,
  lead: readonly number[],
  sizes: Pick<AttentionPlan, 'queries' | 'keys' | 'width' | 'valueWidth'>,
  { causal = false, scale, mask }: AttentionOptions,
): AttentionPlan {
  if (scale !== undefined && !(scale > 0 && scale < Infinity)) throw new OptionError(where, 'scale', scale, '> 0');
  const plan: AttentionPlan = {
    ...sizes,
    matrices: tf.util.sizeFromShape([...lead]),
    causal,
    scale: scale ?? 1 / Math.sqrt(sizes.width),
  };
  return mask ? { ...plan, mask: planMask(where, mask, lead, sizes.queries, sizes.keys) } : plan;
}

function planMask(
  where: string,
  mask: tf.Tensor,
  lead: readonly number[],
  queries: number,
  keys: number,
): NonNullable<AttentionPlan['mask']> {
  const full = [...lead, queries, keys];
  const shape = [...new Array<number>(Math.max(0, full.length - mask.rank)).fill(1), ...mask.shape];
  const rank = full.length;
  const fits = shape.length === rank && shape.every((dim, i) => dim === full[i] || (dim === 1 && i < rank - 1));
  if (!fits) throw new ShapeError(where, 'mask', mask.shape, `something that broadcasts to [${full}], every key given`);
  if (mask.dtype !== 'bool' && mask.dtype !== 'float32') {
    throw new OptionError(where, 'dtype of mask', mask.dtype, '`bool` or `float32`');
  }
  const rowStep = shape[rank - 2] === 1 ? 0 : keys;
  let starts = [0];
  let block = shape[rank - 2]! * keys;
  for (let i = rank - 3; i >= 0; i--) {
    const step = shape[i] === 1 ? 0 : block;
    starts = Array.from({ length: full[i]! }, (_, at) => at).flatMap((at) => starts.map((start) => start + at * step));
    block *= shape[i]!;
  }
  return { starts, rowStep };
}

/** The mask as numbers to add: 0 and −∞ for a bool mask. */
export function additiveMask(mask: tf.Tensor): tf.Tensor {
  if (mask.dtype === 'float32') return mask;
  return tf.tensor(
    Float32Array.from(readTensor(mask), (seen) => (seen ? 0 : -Infinity)),
    mask.shape,
  );
}
