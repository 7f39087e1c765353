/** The table at the end of `lm train`. */
import type { LanguageModelReport, StepSeconds } from '@strata-ml/comm-compress';
import { formatBytes } from '@strata-ml/core';
import pc from 'picocolors';
import type { FigureKind } from '../../output/envelope.js';
import { count, seconds } from '../../output/format.js';
import { type FactRow, factTable } from '../../output/table.js';

/** Parts of a step that are not compute, by what people call them. */
export const waits = {
  pipeline: 'waiting for stages',
  tensor: 'tensor all-reduces',
  gradient: 'gradient average',
  embedding: 'embedding sync',
} as const satisfies Partial<Record<keyof StepSeconds, string>>;

/** Phases of traffic, by what people call them. */
export const phases: Readonly<Record<string, string>> = {
  'pipeline-forward': 'activations',
  'pipeline-backward': 'their gradients',
  'scatter-gather': 'gathered in stages',
  tensor: 'tensor all-reduces',
  gradient: 'gradients',
  embedding: 'tied embedding',
};

/** Lays out a report for people. */
export function trainingTable(
  report: LanguageModelReport,
  { trace, links }: { readonly trace: string | undefined; readonly links: FigureKind },
): string {
  const { metrics: m, files, timeline } = report;
  const rows: FactRow[] = [
    [
      'training loss',
      pc.bold(m.trainLoss.toFixed(4)),
      `nats per token, mean of the last steps of ${count(timeline.steps.length)}`,
    ],
    ...(Number.isFinite(m.valLoss)
      ? [
          [
            'validation loss',
            pc.bold(m.valLoss.toFixed(4)),
            `perplexity ${Math.exp(m.valLoss).toFixed(3)}`,
          ] satisfies FactRow,
        ]
      : []),
    [
      'step',
      seconds(m.stepSeconds.median),
      `median of ${m.stepSeconds.count}, ${seconds(m.stepSeconds.min)} to ${seconds(m.stepSeconds.max)}, measured`,
    ],
    ['tokens per second', count(Math.round(m.tokensPerSecond)), 'of the median step'],
    ['parameters', count(m.parameters), `SHA-256 ${m.parametersHash.slice(0, 12)}…`],
    [
      'device memory',
      formatBytes(Math.max(0, ...m.peakDeviceBytes)),
      m.parts.length > 1 ? 'peak of the fullest rank' : 'peak',
    ],
  ];
  for (const [phase, name] of Object.entries(phases)) {
    const bytes = bytesOf(report, phase);
    if (bytes > 0) rows.push([name, `${formatBytes(bytes)} / step`, `sent by all ranks, counted; links ${links}`]);
  }
  const [first] = m.parts;
  const waiting = Object.entries(waits).filter(([part]) => (first?.[part as keyof typeof waits] ?? 0) > 1e-4);
  if (first && waiting.length > 0) {
    const text = waiting.map(([part, name]) => `${name} ${seconds(first[part as keyof typeof waits])}`);
    rows.push(['rank 0', seconds(first.forward + first.backward), `computes; ${text.join(', ')}`]);
  }
  if (files.model) rows.push(['model', files.model]);
  if (files.checkpoint) rows.push(['checkpoint', files.checkpoint]);
  if (trace !== undefined) rows.push(['trace', trace, 'open in ui.perfetto.dev']);
  return factTable(rows);
}

function bytesOf({ metrics }: LanguageModelReport, phase: string): number {
  return metrics.traffic.filter((row) => row.phase === phase).reduce((sum, { bytes }) => sum + bytes, 0);
}
