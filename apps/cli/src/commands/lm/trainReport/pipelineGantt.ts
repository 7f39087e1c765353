/** What each rank did in the last step, from the recorded spans. */
import * as Plot from '@observablehq/plot';
import type { LanguageModelReport } from '@strata-ml/comm-compress';
import { type ColourKey, drawSvg } from '../../../output/page/svg.js';

const kinds = {
  forward: 'forward',
  backward: 'backward',
  update: 'update',
  wait: 'waiting',
  comm: 'communication',
} as const;

/** Colours of the picture. */
export const spanKey: ColourKey = {
  domain: Object.values(kinds),
  range: ['#9ecae1', '#4292c6', '#74c476', '#f0a27b', '#e69f00'],
};

/** Spans narrower than this share of the picture cannot be seen. */
const VISIBLE_SHARE = 1 / 2000;

interface Drawn {
  readonly rank: string;
  readonly begin: number;
  readonly end: number;
  readonly kind: string;
  readonly name: string;
}

/** Draws the last training step; empty if nothing was recorded. Numbers on bars are micro-batches. */
export function pipelineGantt({ recordings = [] }: LanguageModelReport): string {
  const updates = recordings.flatMap(({ spans }) => spans.filter(({ name }) => name === 'update'));
  const end = Math.max(0, ...updates.map(({ endMs }) => endMs));
  // The step began after the last update of the one before.
  const begin = Math.max(
    0,
    ...recordings.map(({ spans }) => spans.filter(({ name }) => name === 'update').at(-2)?.endMs ?? 0),
  );
  if (end === 0) return '';
  const drawn = recordings.flatMap(({ rank, spans }) =>
    spans.flatMap(({ name, category, beginMs, endMs }): Drawn[] => {
      const [from, to] = [Math.max(beginMs, begin), Math.min(endMs, end)];
      if (to - from < VISIBLE_SHARE * (end - begin) || category === 'other') return [];
      return [{ rank: `rank ${rank}`, begin: from - begin, end: to - begin, kind: kindOf(name, category), name }];
    }),
  );
  const ranks = recordings.map(({ rank }) => `rank ${rank}`);
  return drawSvg('one step on every rank', {
    height: 72 + 34 * ranks.length,
    marginLeft: 70,
    marginRight: 20,
    x: { label: 'milliseconds', domain: [0, end - begin] },
    y: { label: null, domain: ranks, padding: 0.2 },
    color: { domain: [...spanKey.domain], range: [...spanKey.range] },
    marks: [
      Plot.barX(drawn, {
        x1: 'begin',
        x2: 'end',
        y: 'rank',
        fill: 'kind',
        stroke: 'white',
        strokeWidth: 0.4,
        title: (d: Drawn) => `${d.name}: ${(d.end - d.begin).toPrecision(3)} ms`,
      }),
      Plot.text(
        drawn.filter(({ kind }) => kind === kinds.forward || kind === kinds.backward),
        {
          x: (d: Drawn) => (d.begin + d.end) / 2,
          y: 'rank',
          text: (d: Drawn) => d.name.slice(d.name.indexOf('.') + 1),
        },
      ),
    ],
  });
}

function kindOf(name: string, category: string): string {
  if (/^F\d/.test(name)) return kinds.forward;
  if (/^B\d/.test(name)) return kinds.backward;
  if (name === 'update') return kinds.update;
  return category === 'wait' ? kinds.wait : kinds.comm;
}
