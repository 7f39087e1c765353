/** Byte-level byte-pair encoding, as GPT-2 has it. */
import { DataError } from '@strata-ml/core';
import { byteCharacters, characterBytes } from './byteAlphabet.js';
import { mergePairs, type PairRanks } from './mergePairs.js';
import type { Tokenizer } from './Tokenizer.js';

/** A {@link BytePairTokenizer} as JSON. */
export interface BytePairFile {
  readonly type: 'bpe';
  /** All tokens in order, in GPT-2's alphabet of bytes; a name in angle brackets may end the list: the end of a text. */
  readonly tokens: readonly string[];
  /** Pairs to merge, best first: two tokens with a blank between. */
  readonly merges: readonly string[];
}

/**
 * What is merged apart: contractions, words, numbers and signs with the blank before them, and blanks. White space is
 * Unicode's, as in the original, not JavaScript's, which differs in U+0085 and U+FEFF.
 */
const PIECES =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/** Pieces whose tokens are remembered. */
const CACHED = 65_536;

/**
 * Every text has tokens, and its bytes come back: the 256 bytes are tokens themselves, and merges make longer ones.
 *
 * Sennrich, Haddow, Birch: "Neural machine translation of rare words with subword units", ACL 2016, arXiv:1508.07909, on
 * bytes as in Radford et al.: "Language models are unsupervised multitask learners", 2019.
 */
export class BytePairTokenizer implements Tokenizer {
  readonly endToken: number | undefined;
  readonly #file: BytePairFile;
  readonly #bytes: readonly Uint8Array[];
  /** Token of each byte. */
  readonly #single: Int32Array;
  readonly #ranks: PairRanks;
  readonly #cache = new Map<string, Int32Array>();

  /** @throws {@link DataError} if a byte has no token, a token is there twice, or a merge uses or makes none. */
  constructor(file: BytePairFile) {
    const { tokens, merges } = file;
    this.#file = file;
    const ids = new Map(tokens.map((token, id) => [token, id]));
    if (ids.size !== tokens.length) throw new DataError('BytePairTokenizer: tokens must differ, one is there twice');
    const idOf = (token: string, what: string): number => {
      const id = ids.get(token);
      if (id === undefined) throw new DataError(`BytePairTokenizer: ${what} must be a token, got ${token}`);
      return id;
    };
    const last = tokens.at(-1);
    this.endToken = last !== undefined && /^<\|.+\|>$/.test(last) ? tokens.length - 1 : undefined;
    this.#single = Int32Array.from(byteCharacters, (character, byte) => idOf(character, `byte ${byte}`));
    this.#bytes = tokens.map((token, id) =>
      id === this.endToken ? new TextEncoder().encode(token) : bytesOfToken(token),
    );
    const pairs = new Map<number, number>();
    const merged = new Int32Array(merges.length);
    for (const [rank, merge] of merges.entries()) {
      const [left = '', right = ''] = merge.split(' ');
      const where = `both sides and the result of merge ${rank}`;
      pairs.set(idOf(left, where) * tokens.length + idOf(right, where), rank);
      merged[rank] = idOf(left + right, where);
    }
    this.#ranks = { pairs, merged, size: tokens.length };
  }

  get vocabularySize(): number {
    return this.#file.tokens.length;
  }

  encode(text: string): Int32Array {
    const pieces: Int32Array[] = [];
    let count = 0;
    for (const [piece] of text.matchAll(PIECES)) {
      const tokens = this.#encodePiece(piece);
      pieces.push(tokens);
      count += tokens.length;
    }
    const all = new Int32Array(count);
    let at = 0;
    for (const tokens of pieces) {
      all.set(tokens, at);
      at += tokens.length;
    }
    return all;
  }

  decode(tokens: ArrayLike<number>): string {
    const parts = Array.from(tokens, (token) => this.bytesOf(token));
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(parts));
  }

  bytesOf(token: number): Uint8Array {
    const bytes = this.#bytes[token];
    if (!bytes) {
      throw new DataError(`BytePairTokenizer: tokens must be in 0 … ${this.vocabularySize - 1}, got ${token}`);
    }
    return bytes;
  }

  toJSON(): BytePairFile {
    return this.#file;
  }

  #encodePiece(piece: string): Int32Array {
    const known = this.#cache.get(piece);
    if (known) return known;
    const bytes = new TextEncoder().encode(piece);
    const tokens = mergePairs(
      Int32Array.from(bytes, (byte) => this.#single[byte]!),
      this.#ranks,
    );
    if (this.#cache.size >= CACHED) this.#cache.clear();
    this.#cache.set(piece, tokens);
    return tokens;
  }
}

/** One token per byte and no merges: needs no file and covers every text. */
export function byteTokenizer(): Tokenizer {
  return new BytePairTokenizer({ type: 'bpe', tokens: byteCharacters, merges: [] });
}

function bytesOfToken(token: string): Uint8Array {
  return Uint8Array.from(token, (character) => {
    const byte = characterBytes.get(character);
    if (byte === undefined) {
      throw new DataError(`BytePairTokenizer: tokens must be of the alphabet of bytes, got ${JSON.stringify(token)}`);
    }
    return byte;
  });
}
