/** Chrome trace JSON: opens in Perfetto (ui.perfetto.dev) and chrome://tracing. Process = server, thread = rank. */
import { atomicWrite } from '../atomicWrite.js';
import type { Span, TraceRecording } from './TraceBuffer.js';

/** One event of the Chrome trace format; times in µs. */
export interface ChromeEvent {
  readonly name: string;
  readonly ph: 'X' | 'M';
  readonly pid: number;
  readonly tid: number;
  readonly cat?: string;
  readonly ts?: number;
  readonly dur?: number;
  readonly args?: Readonly<Record<string, unknown>>;
}

/** A whole trace, ready for `JSON.stringify`. */
export interface ChromeTrace {
  readonly traceEvents: readonly ChromeEvent[];
  readonly displayTimeUnit: 'ms';
  readonly otherData: Readonly<Record<string, unknown>>;
}

/** Options of {@link toChromeTrace}. */
export interface ChromeTraceOptions {
  /** Where the times come from; a simulator's trace says `simulated`. @defaultValue `'measured'` */
  readonly kind?: 'measured' | 'emulated' | 'simulated';
}

/** Rows below a rank's own, for spans that overlap without nesting (asynchronous transfers). */
const LANE_STRIDE = 1_000_000;

/**
 * Turns the ranks' recordings into a Chrome trace. Time 0 is the begin of the first span. Spans of a rank that overlap
 * without nesting get further rows named `rank r (async)`, since a row can only show nested spans.
 */
export function toChromeTrace(
  recordings: readonly TraceRecording[],
  { kind = 'measured' }: ChromeTraceOptions = {},
): ChromeTrace {
  const zero = recordings.reduce(
    (min, r) => r.spans.reduce((m, s) => Math.min(m, s.beginMs), min),
    Number.POSITIVE_INFINITY,
  );
  const events: ChromeEvent[] = [];
  for (const server of new Set(recordings.map((r) => r.server))) {
    events.push({ name: 'process_name', ph: 'M', pid: server, tid: 0, args: { name: `server ${server}` } });
    events.push({ name: 'process_sort_index', ph: 'M', pid: server, tid: 0, args: { sort_index: server } });
  }
  for (const r of recordings) {
    const lanes = assignLanes(r.spans);
    const used = lanes.reduce((max, lane) => Math.max(max, lane), 0);
    for (let lane = 0; lane <= used; lane++) {
      const tid = r.rank + lane * LANE_STRIDE;
      const name = lane === 0 ? `rank ${r.rank}` : `rank ${r.rank} (async${lane > 1 ? ` ${lane}` : ''})`;
      events.push({ name: 'thread_name', ph: 'M', pid: r.server, tid, args: { name } });
      events.push({ name: 'thread_sort_index', ph: 'M', pid: r.server, tid, args: { sort_index: r.rank * 16 + lane } });
    }
    for (const [i, s] of r.spans.entries()) {
      events.push({
        name: s.name,
        ph: 'X',
        pid: r.server,
        tid: r.rank + lanes[i]! * LANE_STRIDE,
        cat: s.category,
        ts: microseconds(s.beginMs - zero),
        dur: microseconds(s.endMs - s.beginMs),
        ...(s.bytes > 0 || s.isOpen
          ? { args: { ...(s.bytes > 0 ? { bytes: s.bytes } : {}), ...(s.isOpen ? { open: true } : {}) } }
          : {}),
      });
    }
  }
  const dropped = Object.fromEntries(recordings.filter((r) => r.dropped > 0).map((r) => [`rank ${r.rank}`, r.dropped]));
  return {
    traceEvents: events,
    displayTimeUnit: 'ms',
    otherData: { kind, ranks: recordings.length, droppedSpans: dropped },
  };
}

/** Writes a Chrome trace: whole or not at all. */
export async function writeChromeTrace(path: string, trace: ChromeTrace): Promise<void> {
  await atomicWrite(path, pieces(trace));
}

/** One event a line, in pieces of about a thousand: a long trace does not become one giant string. */
function* pieces(trace: ChromeTrace): Generator<string> {
  yield `{"displayTimeUnit":"ms","otherData":${JSON.stringify(trace.otherData)},"traceEvents":[\n`;
  for (let i = 0; i < trace.traceEvents.length; i += 1000) {
    const text = trace.traceEvents
      .slice(i, i + 1000)
      .map((e) => JSON.stringify(e))
      .join(',\n');
    yield i + 1000 < trace.traceEvents.length ? `${text},\n` : `${text}\n`;
  }
  yield ']}\n';
}

/** The first row on which the span nests in, or follows, all spans placed there before it. Spans come sorted by begin. */
function assignLanes(spans: readonly Span[]): number[] {
  const stacks: number[][] = [];
  return spans.map((s) => {
    for (let lane = 0; ; lane++) {
      stacks[lane] ??= [];
      const ends = stacks[lane]!;
      while (ends.length > 0 && ends[ends.length - 1]! <= s.beginMs) ends.pop();
      if (ends.length === 0 || s.endMs <= ends[ends.length - 1]!) {
        ends.push(s.endMs);
        return lane;
      }
    }
  });
}

/** Nanosecond resolution, without the noise digits of float64. */
function microseconds(ms: number): number {
  return Math.round(ms * 1e6) / 1e3;
}
