/** The shape of a transformer of tokens. */
import { OptionError } from '@strata-ml/core';

/** Architecture of a GPT, or of an encoder of the same make; plain data. {@link gptConfig} fills in defaults and checks. */
export interface GptConfig {
  /** Transformer blocks. */
  readonly layers: number;
  /** Width h of the residual stream. */
  readonly width: number;
  /** Attention heads; divides the width. */
  readonly heads: number;
  /** Longest sequence, in tokens: so many positions are learned. */
  readonly context: number;
  /** Tokens there are; logits have so many columns. */
  readonly vocabulary: number;
  /** Rows of the embedding table, ≥ `vocabulary`: the rest only makes it divisible and never gets a logit. */
  readonly paddedVocabulary: number;
  /** Rate of dropout after the embedding and at the end of each branch, in [0, 1). */
  readonly dropout: number;
  /** Whether a token sees those before it only (GPT), or all of them (encoder, for masked language modelling). */
  readonly causal: boolean;
  /** Whether the head multiplies by the embedding table, or by a matrix of its own. */
  readonly tied: boolean;
  /** Added to the variances of layer normalisation. */
  readonly layerNormEpsilon: number;
}

/** What {@link gptConfig} takes: sizes without a default, the rest if it differs. */
export type GptOptions = Pick<GptConfig, 'layers' | 'width' | 'heads' | 'context' | 'vocabulary'> & Partial<GptConfig>;

/**
 * A checked configuration: causal, no padding, no dropout, tied head and epsilon 1e-5 unless said otherwise.
 *
 * @throws {@link OptionError} if a size is no whole number ≥ 1, the heads do not divide the width, or a rate is out of range.
 */
export function gptConfig(options: GptOptions): GptConfig {
  const { layers, width, heads, context, vocabulary } = options;
  const { paddedVocabulary = vocabulary, dropout = 0, causal = true, tied = true } = options;
  const { layerNormEpsilon = 1e-5 } = options;
  const sizes = { layers, width, heads, context, vocabulary, paddedVocabulary };
  for (const [name, value] of Object.entries(sizes)) {
    if (!(Number.isSafeInteger(value) && value >= 1))
      throw new OptionError('gptConfig', name, value, 'a whole number ≥ 1');
  }
  if (width % heads !== 0) throw new OptionError('gptConfig', 'heads', heads, `a divisor of the width ${width}`);
  if (paddedVocabulary < vocabulary) {
    throw new OptionError('gptConfig', 'paddedVocabulary', paddedVocabulary, `≥ the vocabulary, ${vocabulary}`);
  }
  if (!(dropout >= 0 && dropout < 1)) throw new OptionError('gptConfig', 'dropout', dropout, 'in [0, 1)');
  if (!(layerNormEpsilon > 0 && layerNormEpsilon < 1)) {
    throw new OptionError('gptConfig', 'layerNormEpsilon', layerNormEpsilon, 'in (0, 1)');
  }
  return { ...sizes, dropout, causal, tied, layerNormEpsilon };
}
