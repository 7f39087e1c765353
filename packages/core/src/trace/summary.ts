/** What the spans of a run say: how busy each rank was, how much communication hid behind compute, who was critical. */

import { SPAN_CATEGORIES, type SpanCategory } from './category.js';
import type { TraceRecording } from './TraceBuffer.js';

/** Summary of one rank. Shares are fractions of the rank's own wall time, first begin to last end. */
export interface RankSummary {
  readonly rank: number;
  readonly server: number;
  readonly wallMs: number;
  /** Share of the wall time covered by at least one span of the category. Categories may overlap. */
  readonly busyShare: Readonly<Record<SpanCategory, number>>;
  /** Share of the communication time (`comm`, waits apart) during which compute ran too; 0 if there was none. */
  readonly overlapShare: number;
  readonly bytes: Readonly<Record<SpanCategory, number>>;
  readonly droppedSpans: number;
}

/** All spans of one name over all ranks. */
export interface PhaseSummary {
  readonly name: string;
  readonly category: SpanCategory;
  readonly spans: number;
  /** Total time of each rank, in ms, in the order of the recordings. */
  readonly msByRank: readonly number[];
  /** The rank that spent most time in it. */
  readonly criticalRank: number;
  /** Time of the critical rank over the mean: 1 is perfect balance. */
  readonly imbalance: number;
}

/** See {@link summariseTrace}. */
export interface TraceSummary {
  readonly ranks: readonly RankSummary[];
  /** Longest first. */
  readonly phases: readonly PhaseSummary[];
}

type Interval = readonly [begin: number, end: number];

/** Summarises recordings. Nested or overlapping spans of one category are counted once: intervals are united first. */
export function summariseTrace(recordings: readonly TraceRecording[]): TraceSummary {
  return { ranks: recordings.map(summariseRank), phases: summarisePhases(recordings) };
}

function summariseRank(r: TraceRecording): RankSummary {
  const begin = r.spans.reduce((min, s) => Math.min(min, s.beginMs), Number.POSITIVE_INFINITY);
  const end = r.spans.reduce((max, s) => Math.max(max, s.endMs), Number.NEGATIVE_INFINITY);
  const wallMs = r.spans.length === 0 ? 0 : end - begin;
  const united = (category: SpanCategory) =>
    unite(r.spans.filter((s) => s.category === category).map((s) => [s.beginMs, s.endMs] as const));
  const share = (ms: number, of: number) => (of > 0 ? ms / of : 0);
  const comm = united('comm');
  const perCategory = (value: (category: SpanCategory) => number) =>
    Object.fromEntries(SPAN_CATEGORIES.map((c) => [c, value(c)])) as Record<SpanCategory, number>;
  return {
    rank: r.rank,
    server: r.server,
    wallMs,
    busyShare: perCategory((c) => share(length(united(c)), wallMs)),
    overlapShare: share(length(intersect(comm, united('compute'))), length(comm)),
    bytes: perCategory((c) => r.spans.reduce((sum, s) => sum + (s.category === c ? s.bytes : 0), 0)),
    droppedSpans: r.dropped,
  };
}

function summarisePhases(recordings: readonly TraceRecording[]): PhaseSummary[] {
  const phases = new Map<string, { name: string; category: SpanCategory; spans: number; ms: number[] }>();
  for (const [i, r] of recordings.entries()) {
    for (const s of r.spans) {
      const key = `${s.category} ${s.name}`;
      let phase = phases.get(key);
      if (!phase) {
        phase = { name: s.name, category: s.category, spans: 0, ms: new Array<number>(recordings.length).fill(0) };
        phases.set(key, phase);
      }
      phase.spans++;
      phase.ms[i]! += s.endMs - s.beginMs;
    }
  }
  return [...phases.values()]
    .map(({ name, category, spans, ms }) => {
      const most = ms.indexOf(Math.max(...ms));
      const mean = ms.reduce((sum, v) => sum + v, 0) / ms.length;
      const imbalance = mean > 0 ? ms[most]! / mean : 1;
      return { name, category, spans, msByRank: ms, criticalRank: recordings[most]!.rank, imbalance };
    })
    .sort((a, b) => Math.max(...b.msByRank) - Math.max(...a.msByRank) || a.name.localeCompare(b.name));
}

function unite(intervals: readonly Interval[]): Interval[] {
  const united: [number, number][] = [];
  for (const [begin, end] of [...intervals].sort((a, b) => a[0] - b[0])) {
    const last = united[united.length - 1];
    if (last && begin <= last[1]) last[1] = Math.max(last[1], end);
    else united.push([begin, end]);
  }
  return united;
}

function intersect(a: readonly Interval[], b: readonly Interval[]): Interval[] {
  const both: Interval[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const begin = Math.max(a[i]![0], b[j]![0]);
    const end = Math.min(a[i]![1], b[j]![1]);
    if (begin < end) both.push([begin, end]);
    if (a[i]![1] < b[j]![1]) i++;
    else j++;
  }
  return both;
}

function length(intervals: readonly Interval[]): number {
  return intervals.reduce((sum, [begin, end]) => sum + end - begin, 0);
}
