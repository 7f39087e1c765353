/** The runs of one mode as one result: accuracies of the long run, times of all runs. */
import { type ChromeTrace, type LinkClass, median, summariseTimings, type TrafficRow } from '@strata-ml/core';
import type { TrainMode } from '../modes/registry.js';
import type { HaloBytes } from '../plan/traffic.js';
import type { EpochParts, EpochRow, TrainMetrics, TrainReport } from '../report.js';

/** One run of a mode within a comparison. */
export interface ComparedRun {
  /** From 1. */
  readonly round: number;
  /** Place in the round, from 1. */
  readonly position: number;
  readonly epochs: number;
  /** Median of the run's epochs, as in {@link TrainMetrics.epochSeconds}. */
  readonly epochSeconds: number;
}

/** What a comparison says of one mode. */
export interface ComparedMode {
  readonly mode: TrainMode;
  /** Of the run of the first round; `epochSeconds` and `parts` over the epochs of all rounds, memory their maximum. */
  readonly metrics: TrainMetrics;
  /** Of the run of the first round. */
  readonly timeline: { readonly epochs: readonly EpochRow[] };
  readonly runs: readonly ComparedRun[];
  /** Payload bytes of set-up, summed over ranks: plans, features and structures sent before the first epoch. */
  readonly setupBytes: HaloBytes;
  /** Median epoch of the first mode over this mode's. */
  readonly speedup: number;
  /**
   * Epochs after which this mode has sent no more bytes than the first one, set-up included; bytes between servers, or
   * inside the server if there is one. 0: from the start. `null`: never.
   */
  readonly amortisedAfterEpochs: number | null;
  /** Chrome trace of the last run, if asked for. */
  readonly trace?: ChromeTrace;
}

/** A run and what came out of it. */
export interface FinishedRun extends Omit<ComparedRun, 'epochs' | 'epochSeconds'> {
  readonly report: TrainReport;
}

/** Merges a mode's runs, in the order in which they ran; those of the first mode are the reference. */
export function summariseRuns(
  mode: TrainMode,
  runs: readonly FinishedRun[],
  reference: readonly FinishedRun[],
  link: LinkClass,
): ComparedMode {
  const { report } = runs[0]!;
  const last = runs.at(-1)!.report;
  const seconds = timedSeconds(runs);
  const epochSeconds = summariseTimings(seconds);
  const epoch = epochSeconds.median;
  const metrics: TrainMetrics = {
    ...report.metrics,
    epochSeconds,
    parts: mergedParts(
      runs.map((run) => run.report.metrics.parts),
      epoch,
    ),
    peakDeviceBytes: report.metrics.peakDeviceBytes.map((_, rank) =>
      Math.max(...runs.map((run) => run.report.metrics.peakDeviceBytes[rank]!)),
    ),
  };
  const referenceTraffic = reference[0]!.report.metrics.traffic;
  return {
    mode,
    metrics,
    timeline: report.timeline,
    runs: runs.map(({ round, position, report: { metrics: m, timeline } }) => ({
      round,
      position,
      epochs: timeline.epochs.length,
      epochSeconds: m.epochSeconds.median,
    })),
    setupBytes: {
      intraBytes: bytesOf(metrics.traffic, 'intra', true),
      interBytes: bytesOf(metrics.traffic, 'inter', true),
    },
    speedup: median(timedSeconds(reference)) / epoch,
    amortisedAfterEpochs: amortisedAfter(metrics.traffic, referenceTraffic, link),
    ...(last.trace ? { trace: last.trace } : {}),
  };
}

/**
 * Epochs after which a mode with traffic `own` has sent no more over `link` than one with traffic `reference`, set-up
 * included: the least e with s + e·b ≤ s′ + e·b′. 0 if there is nothing to pay back, `null` if it never is.
 */
export function amortisedAfter(
  own: readonly TrafficRow[],
  reference: readonly TrafficRow[],
  link: LinkClass,
): number | null {
  const extra = bytesOf(own, link, true) - bytesOf(reference, link, true);
  const saved = bytesOf(reference, link, false) - bytesOf(own, link, false);
  if (extra <= 0) return saved >= 0 ? 0 : null;
  return saved > 0 ? Math.ceil(extra / saved) : null;
}

function bytesOf(traffic: readonly TrafficRow[], link: LinkClass, isSetup: boolean): number {
  return traffic
    .filter((row) => row.class === link && (row.phase === 'setup') === isSetup)
    .reduce((sum, row) => sum + row.bytes, 0);
}

/** Seconds of the epochs that each run timed: the last ones, warm-up left out. */
function timedSeconds(runs: readonly FinishedRun[]): number[] {
  return runs.flatMap(({ report: { metrics, timeline } }) => {
    const { count } = metrics.epochSeconds;
    return count === 0 ? [] : timeline.epochs.slice(-count).map((row) => row.seconds);
  });
}

/** Medians over runs; compute is what is left of the epoch. */
function mergedParts(parts: readonly EpochParts[], epoch: number): EpochParts {
  const of = (part: keyof EpochParts) => median(parts.map((p) => p[part]));
  const [intra, inter, gradient, sampling] = [of('intra'), of('inter'), of('gradient'), of('sampling')];
  const compute = Math.max(0, epoch - intra - inter - gradient - sampling);
  return { compute, intra, inter, halo: intra + inter, gradient, sampling };
}
