/** The picture of suite `links`: speed-up over full-graph against the speed of the link, measured and predicted. */
import type { CaseResult, ContenderResult, SuiteResult } from './types.js';

const WIDTH = 860;
const HEIGHT = 420;
const MARGIN = { left: 64, right: 190, top: 44, bottom: 52 } as const;
/** Told apart by all kinds of colour vision (Okabe and Ito). */
const COLOURS = ['#0072b2', '#d55e00', '#009e73'] as const;

interface Point {
  readonly mbps: number;
  readonly measured: number;
  readonly predicted: number;
}

/** Speed-ups of each mode over the emulated links of one data set, slowest link first. */
function speedups({ rows }: Pick<SuiteResult, 'rows'>, data: string): ReadonlyMap<string, readonly Point[]> {
  const found = new Map<string, Point[]>();
  for (const row of rows.filter(({ kind, params }) => kind === 'emulated' && params.data === data)) {
    const reference = row.contenders[0];
    const base = facts(reference);
    for (const contender of row.contenders.slice(1)) {
      const mine = facts(contender);
      if (!base || !mine || !Number.isFinite(base.mbps)) continue;
      const point = { mbps: base.mbps, measured: speedup(row, contender), predicted: base.predicted / mine.predicted };
      found.set(contender.name, [...(found.get(contender.name) ?? []), point]);
    }
  }
  for (const points of found.values()) points.sort((a, b) => a.mbps - b.mbps);
  return found;
}

/** Mb/s at which a speed-up falls to 1, by straight lines between points over the logarithm of the speed; undefined if nowhere. */
function breakEven(points: readonly Point[]): number | undefined {
  for (let i = 0; i + 1 < points.length; i++) {
    const [a, b] = [points[i]!, points[i + 1]!];
    if (a.measured < 1 || b.measured >= 1) continue;
    const share = (a.measured - 1) / (a.measured - b.measured);
    return Math.exp(Math.log(a.mbps) + share * (Math.log(b.mbps) - Math.log(a.mbps)));
  }
  return undefined;
}

/** Draws one data set. */
export function linksPlot(result: Pick<SuiteResult, 'rows'>, data: string): string {
  const modes = [...speedups(result, data)];
  const all = modes.flatMap(([, points]) => points);
  const speeds = all.map(({ mbps }) => mbps);
  const low = Math.log10(Math.min(...speeds));
  const high = Math.log10(Math.max(...speeds));
  const top = Math.max(...all.flatMap(({ measured, predicted }) => [measured, predicted])) * 1.08;
  const x = (mbps: number) =>
    MARGIN.left + ((Math.log10(mbps) - low) / (high - low)) * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (value: number) => HEIGHT - MARGIN.bottom - (value / top) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const parts = [text(MARGIN.left, 22, `${data}: speed-up over full-graph, 2 × 2 devices, 3-layer SAGE`, 'start', 15)];
  for (let value = 0; value <= top; value++) {
    parts.push(line(MARGIN.left, y(value), WIDTH - MARGIN.right, y(value), value === 1 ? '#444' : '#ddd'));
    parts.push(text(MARGIN.left - 8, y(value) + 4, `${value}×`, 'end'));
  }
  for (const speed of new Set(speeds)) {
    parts.push(line(x(speed), y(0), x(speed), y(0) + 5, '#444'));
    parts.push(text(x(speed), y(0) + 20, speed >= 1000 ? `${speed / 1000} Gb/s` : `${Math.round(speed)} Mb/s`));
  }
  parts.push(text((MARGIN.left + WIDTH - MARGIN.right) / 2, HEIGHT - 10, 'link between servers (emulated)'));
  modes.forEach(([mode, points], i) => {
    const colour = COLOURS[i % COLOURS.length]!;
    const path = (of: 'measured' | 'predicted') =>
      points.map((p, at) => `${at === 0 ? 'M' : 'L'}${x(p.mbps).toFixed(1)} ${y(p[of]).toFixed(1)}`).join(' ');
    parts.push(`<path d="${path('measured')}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    parts.push(`<path d="${path('predicted')}" fill="none" stroke="${colour}" stroke-dasharray="5 4"/>`);
    for (const p of points) parts.push(`<circle cx="${x(p.mbps)}" cy="${y(p.measured)}" r="4" fill="${colour}"/>`);
    const even = breakEven(points);
    if (even !== undefined) {
      parts.push(
        `<path d="M${x(even)} ${y(1) - 8} l6 8 l-6 8 l-6 -8 z" fill="#fff" stroke="${colour}" stroke-width="2"/>`,
      );
    }
    const at = MARGIN.top + 24 + 66 * i;
    const left = WIDTH - MARGIN.right + 16;
    parts.push(line(left, at, left + 26, at, colour, 2), text(left + 32, at + 4, `${mode}, measured`, 'start'));
    parts.push(line(left, at + 18, left + 26, at + 18, colour, 1, '5 4'));
    parts.push(text(left + 32, at + 22, 'planner', 'start'));
    const note = even === undefined ? 'no break-even here' : `break-even ${Math.round(even)} Mb/s ◇`;
    parts.push(text(left, at + 40, note, 'start'));
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" ` +
    `role="img" aria-label="speed-up over full-graph against link speed on ${data}" font-family="sans-serif" font-size="12">` +
    `<rect width="100%" height="100%" fill="#fff"/>${parts.join('')}</svg>\n`
  );
}

/** Median over rounds of full-graph seconds by the mode's. */
function speedup(row: CaseResult, { ratio, median }: ContenderResult): number {
  const base = row.contenders[0]?.median ?? Number.NaN;
  return ratio ? 1 / ratio.median : base / (median ?? Number.NaN);
}

function facts(contender: ContenderResult | undefined): { mbps: number; predicted: number } | undefined {
  const extra = contender?.extra;
  if (!extra || contender?.median == null) return undefined;
  const rate = extra['Mb/s'];
  return { mbps: typeof rate === 'number' ? rate : Number.POSITIVE_INFINITY, predicted: Number(extra['predicted s']) };
}

function line(x1: number, y1: number, x2: number, y2: number, colour: string, width = 1, dashes = ''): string {
  const dash = dashes ? ` stroke-dasharray="${dashes}"` : '';
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${colour}" stroke-width="${width}"${dash}/>`;
}

function text(x: number, y: number, content: string, anchor = 'middle', size = 12): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" font-size="${size}" fill="#222">${content}</text>`;
}
