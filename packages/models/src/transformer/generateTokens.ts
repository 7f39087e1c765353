/** Text generation, token by token. */
import { setImmediate } from 'node:timers/promises';
import { AbortedError, OptionError, Rng } from '@strata-ml/core';
import type { GptConfig } from './GptConfig.js';
import { GptDecoder } from './GptDecoder.js';
import { type SamplingOptions, sampleToken } from './sampling.js';
import type { TransformerWeights } from './TransformerOptions.js';

/** Options of {@link generateTokens}. */
export interface GenerateOptions extends SamplingOptions {
  /** Most tokens to make. @defaultValue `100` */
  readonly tokens?: number;
  /** Of the draws; the same seed and options give the same tokens. @defaultValue `1` */
  readonly seed?: number;
  /** The text ends where this one is drawn; it is not given out. @defaultValue none */
  readonly endToken?: number;
  /** Stops before the next token. */
  readonly signal?: AbortSignal;
}

/**
 * Continues a prompt, giving out each token as soon as it is drawn.
 *
 * Keys and values are kept, so a token costs one row of work. When the context is full, its later half is read again and
 * the earlier one forgotten: positions are learned, so they cannot move. Of a prompt longer than the context the end counts.
 *
 * @param prompt - tokens, at least one
 * @param weights - whole, by the names of `gptParameters`
 * @throws {@link OptionError} if the prompt is empty, the model is no causal one, or an option is out of range.
 * @throws {@link AbortedError} if the signal stops it.
 */
export async function* generateTokens(
  prompt: ArrayLike<number>,
  weights: TransformerWeights,
  config: GptConfig,
  options: GenerateOptions = {},
): AsyncGenerator<number, void, undefined> {
  const { tokens = 100, seed = 1, endToken, signal } = options;
  if (prompt.length === 0) throw new OptionError('generateTokens', 'prompt', 'no token', 'at least one token');
  if (!config.causal) throw new OptionError('generateTokens', 'causal', false, 'true; encoders see what comes after');
  if (!(Number.isSafeInteger(tokens) && tokens >= 0)) {
    throw new OptionError('generateTokens', 'tokens', tokens, 'a whole number ≥ 0');
  }
  const rng = new Rng(seed).split('generate');
  const decoder = new GptDecoder(weights, config);
  const seen = Array.from(prompt).slice(-config.context);
  let unread = seen;
  for (let made = 0; made < tokens; made++) {
    // Lets streams, timers and signals have their turn.
    await setImmediate();
    if (signal?.aborted) throw new AbortedError('generateTokens: aborted');
    if (decoder.length + unread.length > config.context) {
      decoder.reset();
      unread = seen.slice(-Math.max(1, config.context >> 1));
    }
    const token = sampleToken(decoder.read(unread), options, rng.uniformAt(made));
    if (token === endToken) return;
    yield token;
    seen.push(token);
    unread = [token];
  }
}
