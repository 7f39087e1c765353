/** The byte loop of the edge-list reader: whole lines in, two int32 columns and maybe a float32 one out. */
import { DataError } from '@strata-ml/core';
import { IdMap } from './IdMap.js';
import { isSeparator, numberEnd, parseNumber, tokenAt } from './parseNumber.js';

/** Largest id that int32 row pointers of n + 1 entries allow. */
const LARGEST_ID = 2 ** 31 - 2;

interface ParserOptions {
  /** Ids must be below this. */
  readonly limit: number | undefined;
  readonly compactIds: boolean;
  readonly skipLines: number;
  readonly weights: boolean;
}

/** What a parsed file holds. */
export interface ParsedEdges {
  readonly numVertices: number;
  readonly sources: Int32Array;
  readonly destinations: Int32Array;
  readonly weights?: Float32Array;
  readonly originalIds?: Float64Array;
}

export class EdgeListParser {
  readonly #path: string;
  readonly #options: ParserOptions;
  readonly #ids: IdMap | undefined;
  readonly #limit: number;
  #ends = new Int32Array(1 << 17);
  #weights: Float32Array<ArrayBuffer> | undefined;
  #count = 0;
  #line = 0;
  #columns = 0;
  #largest = -1;

  constructor(path: string, options: ParserOptions) {
    this.#path = path;
    this.#options = options;
    this.#ids = options.compactIds ? new IdMap() : undefined;
    this.#limit = options.compactIds ? 2 ** 53 : (options.limit ?? LARGEST_ID + 1);
  }

  /** Takes whole lines; `bytes[end − 1]` is a newline. */
  parse(bytes: Uint8Array, end: number): void {
    const limit = this.#limit;
    const ids = this.#ids;
    let ends = this.#ends;
    let weights = this.#weights;
    let count = this.#count;
    let line = this.#line;
    let largest = this.#largest;
    let pos = line === 0 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0; // byte order mark
    while (pos < end) {
      line++;
      let byte = bytes[pos]!;
      while (byte === 32 || byte === 9 || byte === 13) byte = bytes[++pos]!;
      if (byte === 10 || byte === 35 || byte === 37 || line <= this.#options.skipLines) {
        pos = byte === 10 ? pos + 1 : bytes.indexOf(10, pos) + 1;
        continue;
      }
      let source = -1;
      for (let field = 0; field < 2; field++) {
        const start = pos;
        let id = 0;
        while (byte >= 48 && byte <= 57) {
          id = id * 10 + (byte - 48);
          byte = bytes[++pos]!;
        }
        if (pos === start || !isSeparator(byte) || id >= limit) throw this.#badId(bytes, start, line, field);
        while (byte !== 10 && isSeparator(byte)) byte = bytes[++pos]!;
        if (ids) id = ids.numberOf(id);
        else if (id > largest) largest = id;
        if (field === 0) source = id;
        else {
          if (2 * count === ends.length) {
            const larger = new Int32Array(2 * ends.length);
            larger.set(ends);
            ends = this.#ends = larger;
          }
          ends[2 * count] = source;
          ends[2 * count + 1] = id;
        }
      }
      if (this.#columns === 0) {
        this.#columns = byte === 10 ? 2 : 3;
        if (this.#columns === 3 && this.#options.weights) weights = this.#weights = new Float32Array(1 << 16);
      }
      if ((byte === 10) !== (this.#columns === 2)) throw this.#badColumns(line);
      if (byte !== 10) {
        if (weights) {
          if (count === weights.length) {
            const larger = new Float32Array(2 * count);
            larger.set(weights);
            weights = this.#weights = larger;
          }
          const weight = parseNumber(bytes, pos);
          if (numberEnd < 0 || !Number.isFinite(weight)) throw this.#badWeight(bytes, pos, line);
          weights[count] = weight;
        }
        pos = bytes.indexOf(10, pos);
      }
      count++;
      pos++;
    }
    this.#count = count;
    this.#line = line;
    this.#largest = largest;
  }

  /** Pairs parsed since the last call, valid until the next block is parsed. For streams: without weights and `compactIds`. */
  take(): { readonly pairs: Int32Array; readonly count: number } {
    const count = this.#count;
    this.#count = 0;
    return { pairs: this.#ends, count };
  }

  /** Columns of all edges; to be called once. */
  finish(): ParsedEdges {
    const count = this.#count;
    const compacted = this.#ids?.sorted();
    const rankOf = compacted?.rankOf;
    const sources = new Int32Array(count);
    const destinations = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      const u = this.#ends[2 * i]!;
      const v = this.#ends[2 * i + 1]!;
      sources[i] = rankOf ? rankOf[u]! : u;
      destinations[i] = rankOf ? rankOf[v]! : v;
    }
    return {
      numVertices: compacted ? compacted.ids.length : this.#largest + 1,
      sources,
      destinations,
      ...(this.#weights ? { weights: this.#weights.subarray(0, count) } : {}),
      ...(compacted ? { originalIds: compacted.ids } : {}),
    };
  }

  #badId(bytes: Uint8Array, pos: number, line: number, field: number): DataError {
    const what = field === 0 ? 'source id' : 'destination id';
    const text = tokenAt(bytes, pos);
    const got = text === '' ? 'the end of the line' : JSON.stringify(text.slice(0, 40));
    if (/^-\d+$/.test(text))
      return this.#error(line, `${what} must not be negative, got ${text}; number vertices from 0`);
    if (!/^\d+$/.test(text)) {
      const remedy = line === 1 ? '; if this line is a header, skip it with skipLines: 1' : '';
      return this.#error(line, `${what} must be an integer ≥ 0, got ${got}${remedy}`);
    }
    const remedy = this.#options.limit !== undefined ? 'raise numVertices' : 'rename ids to 0 … n − 1 with compactIds';
    return this.#error(line, `${what} must be below ${this.#limit}, got ${text}; ${remedy}`);
  }

  #badColumns(line: number): DataError {
    const expected = this.#columns === 2 ? 'two columns' : 'a weight in the third column';
    return this.#error(line, `every edge must have ${expected} as the first edge has; add or remove the column`);
  }

  #badWeight(bytes: Uint8Array, pos: number, line: number): DataError {
    const got = JSON.stringify(tokenAt(bytes, pos).slice(0, 40));
    return this.#error(line, `weight must be a finite number, got ${got}; to ignore the column, set weights: false`);
  }

  #error(line: number, message: string): DataError {
    return new DataError(`${this.#path}:${line}: ${message}`, { path: this.#path, line });
  }
}
