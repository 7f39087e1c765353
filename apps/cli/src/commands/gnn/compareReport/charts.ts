/** Accuracy over time, time by part, bytes by class. */
import * as Plot from '@observablehq/plot';
import type { ComparedMode } from '@strata-ml/gnn-dist';
import { seconds as secondsText } from '../../../output/format.js';
import { legend } from '../../../output/page/html.js';
import { colourKey, drawSvg } from '../../../output/page/svg.js';
import { epochParts, partName } from '../compareRows.js';

const barHeight = 34;

/** Validation accuracy against seconds of training, evaluation left out, of each mode's first run. */
export function accuracyChart(modes: readonly ComparedMode[]): string {
  const key = colourKey(modes.map(({ mode }) => mode));
  const points = modes.flatMap(({ mode, timeline }) => {
    let time = 0;
    return timeline.epochs.flatMap(({ seconds, valAccuracy }) => {
      time += seconds;
      return valAccuracy === undefined ? [] : [{ mode, time, accuracy: 100 * valAccuracy }];
    });
  });
  const channels = { x: 'time', y: 'accuracy', stroke: 'mode' };
  const svg = drawSvg('validation accuracy over time', {
    height: 340,
    marginLeft: 50,
    x: { label: 'seconds of training', grid: true, zero: true },
    y: { label: 'validation accuracy, %', grid: true, nice: true },
    color: { domain: [...key.domain], range: [...key.range] },
    marks: [
      Plot.lineY(points, { ...channels, strokeWidth: 1.8 }),
      Plot.dot(points, Plot.selectLast({ ...channels, z: 'mode', fill: 'mode', r: 3.5 })),
    ],
  });
  return `${legend(key)}${svg}`;
}

/** The median epoch, stacked by what it was spent on. */
export function timeChart(modes: readonly ComparedMode[]): string {
  const key = colourKey(epochParts.map(partName));
  const bars = modes.flatMap(({ mode, metrics }) =>
    epochParts.map((part) => ({ mode, part: partName(part), ms: 1000 * metrics.parts[part] })),
  );
  const totals = modes.map(({ mode, metrics: { parts } }) => {
    const total = epochParts.reduce((sum, part) => sum + parts[part], 0);
    return { mode, ms: 1000 * total, text: secondsText(total) };
  });
  const svg = drawSvg('time of an epoch by part', {
    height: 74 + barHeight * modes.length,
    marginLeft: 110,
    marginRight: 70,
    x: { label: 'milliseconds per epoch', grid: true },
    y: { label: null, domain: modes.map(({ mode }) => mode), padding: 0.25 },
    color: { domain: [...key.domain], range: [...key.range] },
    marks: [
      Plot.barX(bars, { x: 'ms', y: 'mode', fill: 'part', title: (d) => `${d.part}: ${secondsText(d.ms / 1000)}` }),
      Plot.text(totals, { x: 'ms', y: 'mode', text: 'text', textAnchor: 'start', dx: 6 }),
      Plot.ruleX([0]),
    ],
  });
  return `${legend(key)}${svg}`;
}

/** Phases by what they carry; the order of the stacks. */
const carried: readonly (readonly [name: string, ...phases: string[]])[] = [
  ['rows, forward', 'forward'],
  ['their gradients, backward', 'backward'],
  ['features loaded', 'load'],
  ['gradients of parameters', 'gradient'],
  ['sampling', 'sampling'],
];
const otherPhases = 'other';

/** Bytes of one epoch over links between and inside servers, stacked by what they carry. */
export function bytesChart(modes: readonly ComparedMode[]): string {
  const classes = [
    ['between', 'inter'],
    ['inside', 'intra'],
  ] as const;
  const rows = modes.flatMap(({ mode, metrics }) =>
    classes.flatMap(([place, link]) =>
      metrics.traffic
        .filter((row) => row.class === link && row.phase !== 'setup' && row.bytes > 0)
        .map((row) => ({ mode, place, what: carriedBy(row.phase), bytes: row.bytes })),
    ),
  );
  const most = Math.max(0, ...modes.flatMap(({ mode }) => classes.map(([place]) => sum(rows, mode, place))));
  const [unit, divisor] = most >= 1e9 ? ['GB', 1e9] : most >= 1e6 ? ['MB', 1e6] : most >= 1e3 ? ['kB', 1e3] : ['B', 1];
  const key = colourKey([...carried.map(([name]) => name), otherPhases]);
  const used = key.domain.map((name) => rows.some((row) => row.what === name));
  const svg = drawSvg('bytes of an epoch by link class', {
    height: 74 + 2 * barHeight * modes.length,
    marginLeft: 110,
    marginRight: 70,
    x: { label: `${unit} per epoch`, grid: true },
    y: { label: null, domain: classes.map(([place]) => place), padding: 0.15, tickSize: 0 },
    fy: { label: null, domain: modes.map(({ mode }) => mode), padding: 0.18, axis: 'right' },
    color: { domain: [...key.domain], range: [...key.range] },
    marks: [
      Plot.barX(
        rows,
        Plot.groupY(
          { x: 'sum' },
          { x: (d) => d.bytes / divisor, y: 'place', fy: 'mode', fill: 'what', order: [...key.domain] },
        ),
      ),
      Plot.ruleX([0]),
    ],
  });
  return `${legend({ domain: key.domain.filter((_, i) => used[i]), range: key.range.filter((_, i) => used[i]) })}${svg}`;
}

function carriedBy(phase: string): string {
  return carried.find(([, ...phases]) => phases.includes(phase))?.[0] ?? otherPhases;
}

function sum(rows: readonly { mode: string; place: string; bytes: number }[], mode: string, place: string): number {
  return rows.reduce((total, row) => total + (row.mode === mode && row.place === place ? row.bytes : 0), 0);
}
