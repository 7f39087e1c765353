/** Which token comes next, given scores: temperature, top-k and top-p. */
import { NonFiniteError, OptionError } from '@strata-ml/core';

/** How {@link tokenDistribution} shapes the scores. */
export interface SamplingOptions {
  /** Scores are divided by it; below 1 sharpens, 0 always takes the best token. @defaultValue `1` */
  readonly temperature?: number;
  /** Only so many best tokens may come, equal ones from the lowest. @defaultValue all */
  readonly topK?: number;
  /** Only the fewest best tokens that together reach this probability, in (0, 1]. @defaultValue `1` */
  readonly topP?: number;
}

/** Tokens that may come, and how likely each is; the probabilities sum to 1. */
export interface TokenDistribution {
  readonly tokens: Int32Array;
  readonly probabilities: Float64Array;
}

/**
 * The distribution of the next token: softmax(logits / temperature), cut to the top k, then to the top p of what is left.
 *
 * Top-p is nucleus sampling: Holtzman et al.: "The curious case of neural text degeneration", ICLR 2020, arXiv:1904.09751.
 *
 * @param logits - float32 `[vocabulary]`
 * @returns tokens in descending order of probability, or of their number where nothing is cut
 * @throws {@link OptionError} if an option is out of range; {@link NonFiniteError} if a score is NaN or ∞, or all are −∞.
 */
export function tokenDistribution(logits: Float32Array, options: SamplingOptions = {}): TokenDistribution {
  const { temperature = 1, topK = logits.length, topP = 1 } = checked(options);
  const best = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  if (!Number.isFinite(best)) {
    // Scores of −∞ rule tokens out; anything else that is no number is a mistake of the model.
    const index = Math.max(
      0,
      logits.findIndex((score) => !(score < Infinity)),
    );
    throw new NonFiniteError('tokenDistribution', index, logits[index]!, 'the weights are damaged or diverged');
  }
  if (temperature === 0) {
    return { tokens: Int32Array.of(logits.indexOf(best)), probabilities: Float64Array.of(1) };
  }
  let tokens = Int32Array.from(logits.keys());
  if (topK < logits.length || topP < 1) {
    tokens = tokens.sort((a, b) => logits[b]! - logits[a]! || a - b).slice(0, topK);
  }
  const weights = Float64Array.from(tokens, (token) => Math.exp((logits[token]! - best) / temperature));
  const total = weights.reduce((a, b) => a + b, 0);
  if (topP === 1) return { tokens, probabilities: weights.map((weight) => weight / total) };
  let kept = 0;
  let reached = 0;
  while (kept < weights.length && reached < topP * total) reached += weights[kept++]!;
  return { tokens: tokens.slice(0, kept), probabilities: weights.slice(0, kept).map((weight) => weight / reached) };
}

/**
 * Draws the next token from {@link tokenDistribution}.
 *
 * @param uniform - a number in [0, 1) that decides
 */
export function sampleToken(logits: Float32Array, options: SamplingOptions, uniform: number): number {
  const { tokens, probabilities } = tokenDistribution(logits, options);
  let reached = 0;
  for (const [i, probability] of probabilities.entries()) {
    reached += probability;
    if (uniform < reached) return tokens[i]!;
  }
  // Rounding may leave the sum a little below 1.
  return tokens.at(-1)!;
}

function checked(options: SamplingOptions): SamplingOptions {
  const { temperature = 1, topK = 1, topP = 1 } = options;
  const where = 'tokenDistribution';
  if (!(temperature >= 0 && temperature < Infinity)) throw new OptionError(where, 'temperature', temperature, '≥ 0');
  if (!(Number.isSafeInteger(topK) && topK >= 1)) throw new OptionError(where, 'topK', topK, 'a whole number ≥ 1');
  if (!(topP > 0 && topP <= 1)) throw new OptionError(where, 'topP', topP, 'in (0, 1]');
  return options;
}
