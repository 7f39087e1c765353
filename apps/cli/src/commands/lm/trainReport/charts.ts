/** Loss against steps, time and bytes; time by part; bytes by what they carry. */
import * as Plot from '@observablehq/plot';
import type { LanguageModelMetrics, StepRow, StepSeconds } from '@strata-ml/comm-compress';
import { seconds as secondsText } from '../../../output/format.js';
import { legend } from '../../../output/page/html.js';
import { colourKey, drawSvg } from '../../../output/page/svg.js';
import { phases, waits } from '../trainTable.js';

/** What a loss curve is drawn against. */
export type LossAxis = 'step' | 'time' | 'bytes';

const axes: Readonly<Record<LossAxis, string>> = {
  step: 'step',
  time: 'seconds of training',
  bytes: 'MB sent',
};

/** Training loss as a line, validation loss as dots. */
export function lossChart(steps: readonly StepRow[], axis: LossAxis): string {
  const key = colourKey(['training', 'validation']);
  const at = { step: 0, time: 0, bytes: 0 };
  const points = steps.map(({ step, loss, valLoss, seconds, bytes }) => {
    at.step = step;
    at.time += seconds;
    at.bytes += bytes / 1e6;
    return { x: at[axis], loss, valLoss };
  });
  const evaluated = points.filter(({ valLoss }) => valLoss !== undefined);
  const [training, validation] = key.range;
  const svg = drawSvg(`loss against ${axes[axis]}`, {
    height: 320,
    marginLeft: 50,
    x: { label: axes[axis], grid: true, zero: true },
    y: { label: 'loss, nats per token', grid: true, nice: true },
    marks: [
      Plot.lineY(points, { x: 'x', y: 'loss', stroke: training!, strokeWidth: 1.2 }),
      Plot.lineY(evaluated, { x: 'x', y: 'valLoss', stroke: validation!, strokeWidth: 1.8 }),
      Plot.dot(evaluated, { x: 'x', y: 'valLoss', fill: validation!, r: 3 }),
    ],
  });
  return `${legend(key)}${svg}`;
}

/** The median step of every rank, stacked by what it was spent on. */
export function partsChart(parts: readonly StepSeconds[]): string {
  const names = { forward: 'forward', backward: 'backward', ...waits, update: 'update' } as const;
  const key = colourKey(Object.values(names));
  const bars = parts.flatMap((seconds, rank) => {
    // All-reduces of tensor parallelism happen inside forward and backward; their share of both is taken out.
    const compute = seconds.forward + seconds.backward;
    const own = compute > 0 ? Math.max(0, compute - seconds.tensor) / compute : 0;
    const ownSeconds = { ...seconds, forward: seconds.forward * own, backward: seconds.backward * own };
    return (Object.keys(names) as (keyof typeof names)[]).map((part) => {
      return { rank: `rank ${rank}`, part: names[part], ms: 1000 * ownSeconds[part] };
    });
  });
  const svg = drawSvg('time of a step by part', {
    height: 74 + 34 * parts.length,
    marginLeft: 70,
    marginRight: 40,
    x: { label: 'milliseconds per step', grid: true },
    y: { label: null, domain: parts.map((_, rank) => `rank ${rank}`), padding: 0.25 },
    color: { domain: [...key.domain], range: [...key.range] },
    marks: [
      Plot.barX(bars, { x: 'ms', y: 'rank', fill: 'part', title: (d) => `${d.part}: ${secondsText(d.ms / 1000)}` }),
      Plot.ruleX([0]),
    ],
  });
  return `${legend(key)}${svg}`;
}

/** Bytes of one step by what they carry. */
export function bytesChart(traffic: LanguageModelMetrics['traffic']): string {
  const rows = Object.entries(phases).flatMap(([phase, name]) => {
    const bytes = traffic.filter((row) => row.phase === phase).reduce((sum, row) => sum + row.bytes, 0);
    return bytes > 0 ? [{ name, mb: bytes / 1e6 }] : [];
  });
  if (rows.length === 0) return '<p>One rank sends nothing.</p>';
  return drawSvg('bytes of a step by what they carry', {
    height: 74 + 34 * rows.length,
    marginLeft: 140,
    marginRight: 70,
    x: { label: 'MB per step', grid: true },
    y: { label: null, domain: rows.map(({ name }) => name), padding: 0.25 },
    marks: [
      Plot.barX(rows, { x: 'mb', y: 'name', fill: '#0072b2' }),
      Plot.text(rows, { x: 'mb', y: 'name', text: (d) => `${d.mb.toPrecision(3)} MB`, textAnchor: 'start', dx: 6 }),
      Plot.ruleX([0]),
    ],
  });
}
