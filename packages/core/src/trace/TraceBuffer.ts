/**
 * How a trace lies in shared memory, and how it is read back.
 *
 * header int32[4]: closed spans (low, high word), names, lost spans · times float64[3·capacity]: begin, end (ms), bytes ·
 * kinds int32[capacity]: name id · 8 + category · open spans: times float64, kinds int32 (0 = empty) · name table.
 */
import { OptionError } from '../errors.js';
import { SPAN_CATEGORIES, type SpanCategory } from './category.js';

/** Spans that can be open at once. */
export const OPEN_SLOTS = 256;
/** Bytes of the name table. */
export const NAME_BYTES = 65_536;
const HEADER_BYTES = 64;

/** The shared memory of one rank's recorder. Plain data: it can be posted to a worker. */
export interface TraceBuffer {
  readonly rank: number;
  readonly server: number;
  readonly localRank: number;
  readonly capacity: number;
  readonly memory: SharedArrayBuffer;
}

/** One span. */
export interface Span {
  readonly name: string;
  readonly category: SpanCategory;
  /** Milliseconds on the machine-wide monotonic clock. */
  readonly beginMs: number;
  readonly endMs: number;
  readonly bytes: number;
  /** True if the span was still open when the trace was read: the rank died or was inside it. */
  readonly isOpen: boolean;
}

/** What one rank recorded. Plain data. */
export interface TraceRecording {
  readonly rank: number;
  readonly server: number;
  readonly localRank: number;
  /** Spans by begin time, outer before inner. */
  readonly spans: readonly Span[];
  /** Spans lost because the ring was full (the oldest) or too many were open at once. */
  readonly dropped: number;
}

/** Options of {@link createTraceBuffer}. */
export interface TraceBufferOptions {
  /** World rank; becomes the thread in the picture. @defaultValue `0` */
  readonly rank?: number;
  /** Server; becomes the process in the picture. @defaultValue `0` */
  readonly server?: number;
  /** Index on the server. @defaultValue `rank` */
  readonly localRank?: number;
  /** Closed spans kept; the oldest are dropped beyond. @defaultValue `65536` */
  readonly capacity?: number;
}

/**
 * Allocates the shared memory of one rank's recorder: 28 bytes per span plus 67 KiB. Send it to the rank's thread, call
 * {@link openTrace} there, and {@link readTrace} anywhere, at any time.
 *
 * @throws {@link OptionError} if `capacity` is not a whole number in [1, 2²⁴].
 */
export function createTraceBuffer(options: TraceBufferOptions = {}): TraceBuffer {
  const { rank = 0, server = 0, localRank = rank, capacity = 65_536 } = options;
  if (!Number.isInteger(capacity) || capacity < 1 || capacity > 2 ** 24) {
    throw new OptionError('createTraceBuffer', 'capacity', capacity, 'a whole number in [1, 2^24]');
  }
  const bytes = HEADER_BYTES + capacity * 28 + OPEN_SLOTS * 12 + NAME_BYTES;
  return { rank, server, localRank, capacity, memory: new SharedArrayBuffer(Math.ceil(bytes / 8) * 8) };
}

/** Typed views of a buffer's parts. float64 parts come first, so that all are aligned. */
export function views({ memory, capacity }: TraceBuffer) {
  const open = HEADER_BYTES + capacity * 24;
  const kinds = open + OPEN_SLOTS * 8;
  const openKinds = kinds + capacity * 4;
  return {
    header: new Int32Array(memory, 0, 4),
    times: new Float64Array(memory, HEADER_BYTES, 3 * capacity),
    openTimes: new Float64Array(memory, open, OPEN_SLOTS),
    kinds: new Int32Array(memory, kinds, capacity),
    openKinds: new Int32Array(memory, openKinds, OPEN_SLOTS),
    names: new Uint8Array(memory, openKinds + OPEN_SLOTS * 4, NAME_BYTES),
  };
}

/**
 * Reads what a recorder holds, also while its rank still runs or after it died. Spans still open end at the last time
 * the rank is known to have recorded anything.
 */
export function readTrace(buffer: TraceBuffer): TraceRecording {
  const v = views(buffer);
  const total = (v.header[0]! >>> 0) + (v.header[1]! >>> 0) * 2 ** 32;
  const kept = Math.min(total, buffer.capacity);
  const names = readNames(v.names, v.header[2]!);
  const spans: Span[] = [];
  let last = 0;
  const add = (kind: number, beginMs: number, endMs: number, bytes: number, isOpen: boolean) => {
    last = Math.max(last, endMs, beginMs);
    spans.push({
      name: names[kind >> 3] ?? '(other)',
      category: SPAN_CATEGORIES[kind & 7] ?? 'other',
      beginMs,
      endMs,
      bytes,
      isOpen,
    });
  };
  for (let i = total - kept; i < total; i++) {
    const at = i % buffer.capacity;
    add(v.kinds[at]!, v.times[3 * at]!, v.times[3 * at + 1]!, v.times[3 * at + 2]!, false);
  }
  const open: [number, number][] = [];
  for (let slot = 0; slot < OPEN_SLOTS; slot++) {
    const kind = v.openKinds[slot]!;
    if (kind !== 0) open.push([kind - 1, v.openTimes[slot]!]);
  }
  last = open.reduce((max, [, begin]) => Math.max(max, begin), last);
  for (const [kind, begin] of open) add(kind, begin, last, 0, true);
  spans.sort((a, b) => a.beginMs - b.beginMs || b.endMs - a.endMs);
  const { rank, server, localRank } = buffer;
  return { rank, server, localRank, spans, dropped: total - kept + v.header[3]! };
}

function readNames(table: Uint8Array, count: number): string[] {
  const names = ['(other)'];
  for (let i = 0, at = 0; i < count; i++) {
    const length = table[at]! | (table[at + 1]! << 8);
    // slice copies out of shared memory, which the decoder does not take.
    names.push(Buffer.from(table.slice(at + 2, at + 2 + length)).toString('utf8'));
    at += 2 + length;
  }
  return names;
}
