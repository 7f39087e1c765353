/** What each rank did in one epoch, from the trace of a mode's last run. */
import * as Plot from '@observablehq/plot';
import type { ChromeEvent } from '@strata-ml/core';
import type { ComparedMode } from '@strata-ml/gnn-dist';
import { type ColourKey, drawSvg } from '../../../output/page/svg.js';

const kinds: Readonly<Record<string, string>> = {
  compute: 'compute',
  wait: 'waiting',
  comm: 'exchange',
  io: 'storage',
  other: 'sampling and switching',
};

/** Colours of the timeline. */
export const timelineKey: ColourKey = {
  domain: Object.values(kinds),
  range: ['#9ecae1', '#f0a27b', '#3b6fb6', '#5e3c99', '#e69f00'],
};

/** Spans narrower than this share of the picture cannot be seen. */
const visibleShare = 1 / 2000;
/** Core puts spans that overlap without nesting on rows of their own, that far apart. */
const laneStride = 1_000_000;

interface Drawn {
  readonly rank: string;
  readonly begin: number;
  readonly end: number;
  readonly kind: string;
  readonly name: string;
}

/** Draws the last epoch of the recorded run; empty if nothing was recorded. */
export function rankTimeline({ mode, runs, timeline, trace }: ComparedMode): string {
  if (!trace) return '';
  const spans = trace.traceEvents.filter((e) => e.ph === 'X' && e.name !== 'evaluate');
  const end = lastUpdate(spans);
  const recorded = runs.at(-1);
  if (end === 0 || !recorded) return '';
  // The recorded run is the one of the timeline only if there was one round: its median stands for its last epoch.
  const last = runs.length === 1 ? timeline.epochs.at(-1)?.seconds : undefined;
  const begin = Math.max(0, end - 1e6 * (last ?? recorded.epochSeconds));
  const drawn = spans.flatMap((e) => inWindow(e, begin, end));
  const ranks = [...new Set(spans.map((e) => e.tid % laneStride))].sort((a, b) => a - b);
  return drawSvg(`one epoch of ${mode} on every rank`, {
    height: 72 + 28 * ranks.length,
    marginLeft: 110,
    marginRight: 20,
    x: { label: 'milliseconds', domain: [0, (end - begin) / 1000] },
    y: { label: null, domain: ranks.map((rank) => `rank ${rank}`), padding: 0.2 },
    color: { domain: [...timelineKey.domain], range: [...timelineKey.range] },
    marks: [
      Plot.barX(drawn, {
        x1: 'begin',
        x2: 'end',
        y: 'rank',
        fill: 'kind',
        title: (d: Drawn) => `${d.name}: ${(d.end - d.begin).toPrecision(3)} ms`,
      }),
    ],
  });
}

function lastUpdate(spans: readonly ChromeEvent[]): number {
  return spans.reduce((max, e) => (e.name === 'update' ? Math.max(max, (e.ts ?? 0) + (e.dur ?? 0)) : max), 0);
}

/** The visible part of a span, in ms from the begin of the window. Lanes of asynchronous spans are left out. */
function inWindow({ name, cat = 'other', ts = 0, dur = 0, tid }: ChromeEvent, begin: number, end: number): Drawn[] {
  const from = Math.max(ts, begin);
  const to = Math.min(ts + dur, end);
  if (tid >= laneStride || to - from < visibleShare * (end - begin)) return [];
  const ms = (at: number) => (at - begin) / 1000;
  return [{ rank: `rank ${tid}`, begin: ms(from), end: ms(to), kind: kinds[cat] ?? cat, name }];
}
