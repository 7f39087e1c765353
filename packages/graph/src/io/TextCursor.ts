/** A position in a text of numbers that knows its line: what the readers with a structured format are written on. */
import { DataError } from '@strata-ml/core';
import { type LineBlock, lineBlocks, type ReadControl } from './lineBlocks.js';
import { isSeparator, numberEnd, parseNumber, tokenAt } from './parseNumber.js';

/** Walks the lines of one file; {@link forEachLine} moves it from block to block. */
export class TextCursor {
  readonly path: string;
  /** Number of the current line, from 1. */
  line = 1;
  #bytes: Uint8Array = new Uint8Array(0);
  #pos = 0;

  constructor(path: string) {
    this.path = path;
  }

  /** Starts a block. */
  load({ bytes }: LineBlock): void {
    this.#bytes = bytes;
    this.#pos = 0;
  }

  get offset(): number {
    return this.#pos;
  }

  /** Moves to the next token of the line; false if there is none. */
  hasToken(): boolean {
    const bytes = this.#bytes;
    let pos = this.#pos;
    let byte = bytes[pos]!;
    while (byte !== 10 && isSeparator(byte)) byte = bytes[++pos]!;
    this.#pos = pos;
    return byte !== 10;
  }

  /** The byte at the cursor, as a character. */
  peek(): string {
    return String.fromCharCode(this.#bytes[this.#pos]!);
  }

  /** Rest of the line as text; the cursor stays. */
  restOfLine(): string {
    return Buffer.from(this.#bytes.subarray(this.#pos, this.#bytes.indexOf(10, this.#pos)))
      .toString('latin1')
      .trim();
  }

  /** Goes behind the line's newline. */
  nextLine(): void {
    this.#pos = this.#bytes.indexOf(10, this.#pos) + 1;
    this.line++;
  }

  /** Reads a number; NaN and infinities are returned as such. @throws {@link DataError} */
  readNumber(what: string): number {
    if (!this.hasToken()) throw this.error(`${what} must be a number, got the end of the line`);
    const value = parseNumber(this.#bytes, this.#pos);
    if (numberEnd < 0) throw this.error(`${what} must be a number, got ${this.#show()}`);
    this.#pos = numberEnd;
    return value;
  }

  /** Reads a finite number. @throws {@link DataError} */
  readFinite(what: string): number {
    const value = this.readNumber(what);
    if (!Number.isFinite(value)) throw this.error(`${what} must be finite, got ${value}`);
    return value;
  }

  /** Reads an integer in min … max. @throws {@link DataError} */
  readInteger(what: string, min: number, max: number, remedy = ''): number {
    if (!this.hasToken()) throw this.error(`${what} must be an integer, got the end of the line`);
    const value = parseNumber(this.#bytes, this.#pos);
    if (numberEnd < 0 || !Number.isInteger(value)) throw this.error(`${what} must be an integer, got ${this.#show()}`);
    if (value < min || value > max) {
      throw this.error(`${what} must be in ${min} … ${max}, got ${value}${remedy && `; ${remedy}`}`);
    }
    this.#pos = numberEnd;
    return value;
  }

  /** `<path>:<line>: <message>` */
  error(message: string): DataError {
    return new DataError(`${this.path}:${this.line}: ${message}`, { path: this.path, line: this.line });
  }

  #show(): string {
    return JSON.stringify(tokenAt(this.#bytes, this.#pos).slice(0, 40));
  }
}

/**
 * Steps through the lines of a file, comments left out. The loop body reads from the cursor and need not reach the end
 * of its line.
 *
 * @param comment - lines whose first character is one of these are skipped
 */
export async function forEachLine(
  path: string,
  control: ReadControl,
  comment: string,
  onLine: (cursor: TextCursor) => void,
): Promise<TextCursor> {
  const cursor = new TextCursor(path);
  for await (const block of lineBlocks(path, control)) {
    cursor.load(block);
    while (cursor.offset < block.end) {
      if (!comment.includes(cursor.peek())) onLine(cursor);
      cursor.nextLine();
    }
  }
  return cursor;
}
