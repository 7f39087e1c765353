/**
 * Spans of compute, communication and I/O of one rank, recorded into a ring in shared memory: the parent can read what
 * a rank did last even if the rank died. One span costs well under a microsecond; nothing is allocated while recording.
 */
import { SPAN_CATEGORIES, type SpanCategory } from './category.js';
import { NAME_BYTES, OPEN_SLOTS, type TraceBuffer, views } from './TraceBuffer.js';

/** A rank's recorder. Disabled, every call is a no-op. */
export interface Trace {
  readonly isEnabled: boolean;
  /** Opens a span and returns its token; spans nest, and may also overlap (asynchronous transfers). */
  begin(name: string, category: SpanCategory): number;
  /** Closes the span; `bytes` is what it moved. */
  end(token: number, bytes?: number): void;
  /** Runs `body` inside a span. A promise closes the span when it settles. */
  span<T>(name: string, category: SpanCategory, body: () => T): T;
}

/** The recorder that records nothing. */
export const NO_TRACE: Trace = {
  isEnabled: false,
  begin: () => -1,
  end: () => {},
  span: (_name, _category, body) => body(),
};

/** Opens the recorder of a buffer. One thread writes to a buffer at a time. */
export function openTrace(buffer: TraceBuffer): Trace {
  return new RingTrace(buffer);
}

/** Milliseconds on the machine-wide monotonic clock, the same in every thread and process of one machine. */
export function createClock(): () => number {
  // performance.now() is cheap but starts at 0 in each thread; hrtime has one zero for all but allocates a BigInt.
  // A thread that loses its core between the two readings would be off by milliseconds: the tightest of some counts.
  let offset = 0;
  let tightest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 16; i++) {
    const before = performance.now();
    const machine = Number(process.hrtime.bigint()) / 1e6;
    const after = performance.now();
    if (after - before >= tightest) continue;
    tightest = after - before;
    offset = machine - (before + after) / 2;
  }
  return () => performance.now() + offset;
}

const CATEGORY_CODE = Object.fromEntries(SPAN_CATEGORIES.map((c, code) => [c, code])) as Record<SpanCategory, number>;

class RingTrace implements Trace {
  readonly isEnabled = true;
  readonly #header: Int32Array;
  readonly #times: Float64Array;
  readonly #kinds: Int32Array;
  readonly #openTimes: Float64Array;
  readonly #openKinds: Int32Array;
  readonly #names: Uint8Array;
  readonly #ids = new Map<string, number>();
  readonly #free: number[] = [];
  readonly #capacity: number;
  readonly #now = createClock();
  /** Spans closed so far; a float64 counts exactly to 2⁵³. */
  #count = 0;
  #nameBytes = 0;

  constructor(buffer: TraceBuffer) {
    const v = views(buffer);
    this.#header = v.header;
    this.#times = v.times;
    this.#kinds = v.kinds;
    this.#openTimes = v.openTimes;
    this.#openKinds = v.openKinds;
    this.#names = v.names;
    this.#capacity = buffer.capacity;
    for (let slot = OPEN_SLOTS - 1; slot >= 0; slot--) this.#free.push(slot);
  }

  begin(name: string, category: SpanCategory): number {
    const slot = this.#free.pop();
    if (slot === undefined) {
      Atomics.add(this.#header, 3, 1);
      return -1;
    }
    let id = this.#ids.get(name);
    if (id === undefined) id = this.#register(name);
    // Kind 0 marks an empty slot, so that the parent sees an open span only when it is complete.
    this.#openTimes[slot] = this.#now();
    this.#openKinds[slot] = ((id << 3) | CATEGORY_CODE[category]) + 1;
    return slot;
  }

  end(token: number, bytes = 0): void {
    if (token < 0) return;
    const kind = this.#openKinds[token];
    if (kind === undefined || kind === 0) return;
    const at = this.#count % this.#capacity;
    this.#times[3 * at] = this.#openTimes[token]!;
    this.#times[3 * at + 1] = this.#now();
    this.#times[3 * at + 2] = bytes;
    this.#kinds[at] = kind - 1;
    this.#openKinds[token] = 0;
    this.#free.push(token);
    this.#count++;
    this.#header[0] = this.#count >>> 0;
    this.#header[1] = Math.floor(this.#count / 2 ** 32);
  }

  span<T>(name: string, category: SpanCategory, body: () => T): T {
    const token = this.begin(name, category);
    let result: T;
    try {
      result = body();
    } catch (error) {
      this.end(token);
      throw error;
    }
    if (result instanceof Promise) return result.finally(() => this.end(token)) as T;
    this.end(token);
    return result;
  }

  /** Appends the name to the table: two bytes of length, then UTF-8. A full table maps new names to id 0, "(other)". */
  #register(name: string): number {
    const text = Buffer.from(name.slice(0, 200), 'utf8');
    let id = 0;
    if (this.#nameBytes + 2 + text.length <= NAME_BYTES) {
      this.#names[this.#nameBytes] = text.length & 255;
      this.#names[this.#nameBytes + 1] = text.length >> 8;
      this.#names.set(text, this.#nameBytes + 2);
      this.#nameBytes += 2 + text.length;
      id = Atomics.add(this.#header, 2, 1) + 1;
    }
    this.#ids.set(name, id);
    return id;
  }
}
