/** The task of an encoder: tokens hidden in their text. */
import { OptionError, type Rng } from '@strata-ml/core';
import { IGNORED_TARGET } from './gptHead.js';

/** Options of {@link maskTokens}. */
export interface MaskOptions {
  /** Token that stands for a hidden one. */
  readonly maskToken: number;
  /** Random tokens are drawn below it. */
  readonly vocabulary: number;
  /** Share of the tokens to be guessed, in [0, 1]. @defaultValue `0.15` */
  readonly rate?: number;
}

/**
 * Hides tokens as BERT does: of those to be guessed 80 % become the mask, 10 % a random token, 10 % stay; all others get
 * {@link IGNORED_TARGET} as target. What happens to a token depends on the generator and its place only.
 *
 * Devlin et al.: "BERT", NAACL 2019, arXiv:1810.04805, section 3.1.
 *
 * @param tokens - int32, left as they are
 * @throws {@link OptionError} if the rate is out of range.
 */
export function maskTokens(
  tokens: Int32Array,
  rng: Rng,
  { maskToken, vocabulary, rate = 0.15 }: MaskOptions,
): { readonly inputs: Int32Array; readonly targets: Int32Array } {
  if (!(rate >= 0 && rate <= 1)) throw new OptionError('maskTokens', 'rate', rate, 'in [0, 1]');
  const inputs = tokens.slice();
  const targets = new Int32Array(tokens.length).fill(IGNORED_TARGET);
  for (const [i, token] of tokens.entries()) {
    if (rng.uniformAt(i, 0) >= rate) continue;
    targets[i] = token;
    const kind = rng.uniformAt(i, 1);
    if (kind < 0.8) inputs[i] = maskToken;
    else if (kind < 0.9) inputs[i] = rng.intAt(vocabulary, i, 2);
  }
  return { inputs, targets };
}
