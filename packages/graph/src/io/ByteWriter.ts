/** Formats numbers into a reused byte buffer: what the writers build their chunks with. */
import { gzipSync } from 'node:zlib';

const CAPACITY = 1 << 20;
/** Longest single piece: a number or a short line of text. */
const MARGIN = 1024;

export class ByteWriter {
  #bytes = Buffer.alloc(CAPACITY + MARGIN);
  #length = 0;

  get isFull(): boolean {
    return this.#length >= CAPACITY;
  }

  /** An integer ≥ 0. */
  integer(value: number): void {
    let digits = 1;
    for (let power = 10; value >= power; power *= 10) digits++;
    let rest = value;
    for (let at = this.#length + digits - 1; at >= this.#length; at--) {
      const quotient = Math.floor(rest / 10);
      this.#bytes[at] = 48 + rest - 10 * quotient;
      rest = quotient;
    }
    this.#length += digits;
  }

  /** At most {@link MARGIN} bytes of text. */
  text(text: string): void {
    this.#length += this.#bytes.write(text, this.#length, 'latin1');
  }

  byte(byte: number): void {
    this.#bytes[this.#length++] = byte;
  }

  /** What was written since the last call; valid until something else is written. */
  take(): Uint8Array {
    const view = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return view;
  }
}

/** Shortest decimal that reads back as the same float32. */
export function formatFloat32(value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const text = String(Number(value.toPrecision(digits)));
    if (Math.fround(Number(text)) === value) return text;
  }
  return String(Number(value.toPrecision(9)));
}

/** Compresses every chunk as a gzip member of its own (RFC 1952 allows to concatenate them), if the path ends in `.gz`. */
export function* maybeGzip(path: string, chunks: Iterable<Uint8Array>): Generator<Uint8Array> {
  for (const chunk of chunks) if (chunk.length > 0) yield path.endsWith('.gz') ? gzipSync(chunk) : chunk;
}
