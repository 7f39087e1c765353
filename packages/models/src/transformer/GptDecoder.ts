/** A GPT that reads token after token and remembers keys and values, so that each costs one row of work. */
import { readTensor, unfilledTensor } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';
import type { GptConfig } from './GptConfig.js';
import { blockWith } from './gptBlock.js';
import { embedFrom } from './gptEmbedding.js';
import { gptHead } from './gptHead.js';
import { transformerOperations } from './operations.js';
import type { TransformerWeights } from './TransformerOptions.js';

/** Keys and values of the tokens read so far, in one layer: float32 `[context, width]` each, heads beside each other. */
interface LayerCache {
  readonly keys: Float32Array;
  readonly values: Float32Array;
}

/**
 * Scores of the next token after a growing sequence; the same as `gptLogits` of the whole, to rounding.
 *
 * Holds 2 · layers · context · width floats beside the weights, which stay the caller's.
 */
export class GptDecoder {
  readonly #weights: TransformerWeights;
  readonly #config: GptConfig;
  readonly #caches: readonly LayerCache[];
  #length = 0;

  /** @param weights - whole, by the names of `gptParameters` */
  constructor(weights: TransformerWeights, config: GptConfig) {
    this.#weights = weights;
    this.#config = config;
    const size = config.context * config.width;
    this.#caches = Array.from({ length: config.layers }, () => ({
      keys: new Float32Array(size),
      values: new Float32Array(size),
    }));
  }

  /** Tokens read so far; at most the context. */
  get length(): number {
    return this.#length;
  }

  /** Forgets all tokens. */
  reset(): void {
    this.#length = 0;
  }

  /**
   * Reads tokens and gives the scores of the one after them, float32 `[vocabulary]`.
   *
   * @param tokens - at least one
   * @throws {@link ShapeError} if the sequence becomes longer than the context; {@link DataError} if a token is out of range.
   */
  read(tokens: ArrayLike<number>): Float32Array {
    const count = tokens.length;
    const logits = tf.tidy(() => {
      const ids = tf.tensor2d(Int32Array.from(tokens), [1, count], 'int32');
      let x = embedFrom(this.#length, ids, this.#weights, this.#config);
      for (const [layer, cache] of this.#caches.entries()) {
        x = blockWith((qkv) => this.#attend(qkv, cache), x, this.#weights, layer, this.#config);
      }
      const last = tf.slice(x, [0, count - 1, 0], [1, 1, this.#config.width]);
      return gptHead(last, this.#weights, this.#config).dataSync<'float32'>().slice();
    });
    this.#length += count;
    return logits;
  }

  #attend(qkv: tf.Tensor3D, cache: LayerCache): tf.Tensor {
    const { heads, width } = this.#config;
    remember(readTensor(qkv), cache, this.#length, width, heads);
    // The first tokens see each other only: that is what the engine's own attention is for.
    if (this.#length === 0) return transformerOperations().selfAttention(qkv, heads, { causal: true, order: 'heads' });
    const count = qkv.shape[1];
    return unfilledTensor([1, count, width], (out) => {
      const rows = readTensor(qkv);
      for (let i = 0; i < count; i++) {
        for (let head = 0; head < heads; head++)
          attendOne(rows, i, head, cache, this.#length + i + 1, out, width, heads);
      }
    });
  }
}

/** Puts keys and values of new rows, ordered (head, {q, k, v}, dimension), where they stay. */
function remember(rows: Float32Array, { keys, values }: LayerCache, from: number, width: number, heads: number): void {
  const size = width / heads;
  for (let at = 0, to = from * width; at < rows.length; at += 3 * size, to += size) {
    keys.set(rows.subarray(at + size, at + 2 * size), to);
    values.set(rows.subarray(at + 2 * size, at + 3 * size), to);
  }
}

/** One head of one query over the first `visible` tokens. */
function attendOne(
  rows: Float32Array,
  row: number,
  head: number,
  { keys, values }: LayerCache,
  visible: number,
  out: Float32Array,
  width: number,
  heads: number,
): void {
  const size = width / heads;
  const query = (row * heads + head) * 3 * size;
  const shares = new Float64Array(visible);
  let best = -Infinity;
  for (let t = 0; t < visible; t++) {
    let score = 0;
    for (let c = 0, at = t * width + head * size; c < size; c++) score += rows[query + c]! * keys[at + c]!;
    shares[t] = score / Math.sqrt(size);
    best = Math.max(best, shares[t]!);
  }
  let total = 0;
  for (let t = 0; t < visible; t++) total += shares[t] = Math.exp(shares[t]! - best);
  const to = row * width + head * size;
  out.fill(0, to, to + size);
  for (let t = 0; t < visible; t++) {
    const share = shares[t]! / total;
    for (let c = 0, at = t * width + head * size; c < size; c++) out[to + c]! += share * values[at + c]!;
  }
}
