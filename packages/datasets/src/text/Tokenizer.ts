/** Text to tokens and back. */
import { DataError } from '@strata-ml/core';
import { type BytePairFile, BytePairTokenizer } from './BytePairTokenizer.js';
import { type CharacterFile, CharacterTokenizer } from './CharacterTokenizer.js';

/** A vocabulary. `decode(encode(text))` is the text, for every well-formed text that the vocabulary covers. */
export interface Tokenizer {
  /** Tokens are 0 … vocabularySize − 1. */
  readonly vocabularySize: number;
  /** Token of the end of a text, if the vocabulary has one. */
  readonly endToken: number | undefined;
  /** @throws {@link DataError} if the vocabulary has no token for a part of the text. */
  encode(text: string): Int32Array;
  /** Bytes that are no UTF-8 become U+FFFD. @throws {@link DataError} if a token is out of range. */
  decode(tokens: ArrayLike<number>): string;
  /** What one token stands for; a character may take several tokens, so join bytes before decoding them. */
  bytesOf(token: number): Uint8Array;
  /** Plain data for {@link tokenizerFromFile}, to be saved beside a model. */
  toJSON(): TokenizerFile;
}

/** A tokenizer as JSON. */
export type TokenizerFile = CharacterFile | BytePairFile;

/**
 * The tokenizer that a {@link Tokenizer.toJSON} described.
 *
 * @throws {@link DataError} if the data are of no known type, or contradict themselves.
 */
export function tokenizerFromFile(file: TokenizerFile): Tokenizer {
  switch (file?.type) {
    case 'characters':
      return new CharacterTokenizer(file);
    case 'bpe':
      return new BytePairTokenizer(file);
    default: {
      const { type } = file as { type?: unknown };
      throw new DataError(`tokenizerFromFile: type must be \`characters\` or \`bpe\`, got ${JSON.stringify(type)}`);
    }
  }
}
