/** One token per character. */
import { DataError } from '@strata-ml/core';
import type { Tokenizer } from './Tokenizer.js';

/** A {@link CharacterTokenizer} as JSON. */
export interface CharacterFile {
  readonly type: 'characters';
  /** All characters, in the order of their tokens. */
  readonly characters: string;
}

/** A token per Unicode code point of a fixed alphabet. */
export class CharacterTokenizer implements Tokenizer {
  readonly endToken = undefined;
  readonly #characters: readonly string[];
  readonly #tokens: ReadonlyMap<string, number>;

  /** @throws {@link DataError} if a character is there twice. */
  constructor({ characters }: Pick<CharacterFile, 'characters'>) {
    this.#characters = [...characters];
    this.#tokens = new Map(this.#characters.map((character, token) => [character, token]));
    if (this.#tokens.size !== this.#characters.length) {
      throw new DataError('CharacterTokenizer: characters must be different, one is there twice');
    }
  }

  /** The alphabet of a text, in the order of code points. */
  static of(text: string): CharacterTokenizer {
    const characters = [...new Set(text)].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!);
    return new CharacterTokenizer({ characters: characters.join('') });
  }

  get vocabularySize(): number {
    return this.#characters.length;
  }

  encode(text: string): Int32Array {
    const tokens = new Int32Array(text.length);
    let count = 0;
    for (const character of text) {
      const token = this.#tokens.get(character);
      if (token === undefined) {
        throw new DataError(
          `CharacterTokenizer: character ${count} must be in the alphabet of ${this.vocabularySize}, ` +
            `got ${JSON.stringify(character)}`,
          { position: count, character },
        );
      }
      tokens[count++] = token;
    }
    return tokens.slice(0, count);
  }

  decode(tokens: ArrayLike<number>): string {
    return Array.from(tokens, (token) => this.#character(token)).join('');
  }

  bytesOf(token: number): Uint8Array {
    return new TextEncoder().encode(this.#character(token));
  }

  toJSON(): CharacterFile {
    return { type: 'characters', characters: this.#characters.join('') };
  }

  #character(token: number): string {
    const character = this.#characters[token];
    if (character === undefined) {
      throw new DataError(`CharacterTokenizer: tokens must be in 0 … ${this.vocabularySize - 1}, got ${token}`);
    }
    return character;
  }
}
