/** Training modes side by side: same data, partition and seed, runs interleaved so that drifts of the machine hit all. */
import { OptionError } from '@strata-ml/core';
import { type ComparedMode, type FinishedRun, summariseRuns } from './compare/summariseRuns.js';
import { checkGraphData, type GraphData } from './data.js';
import { type TrainMode, trainModes } from './modes/registry.js';
import { resolveTrainOptions, type TrainOptions } from './options.js';
import { makePartition } from './partitioning.js';
import type { TrainEvent } from './report.js';
import { trainGnn } from './train.js';

/** Options of {@link compareModes}. */
export interface CompareOptions
  extends Omit<TrainOptions, 'mode' | 'checkpointDir' | 'checkpointEvery' | 'resume' | 'onEvent'> {
  /** Modes to run, each once; the first is what the others are compared with. */
  readonly modes: readonly TrainMode[];
  /** How often each mode runs. The order is flipped in every second round. @defaultValue `2` */
  readonly rounds?: number;
  /** Epochs of the runs after the first round, which only add timings. @defaultValue `15`, or `epochs` if that is less */
  readonly roundEpochs?: number;
  /** Record the last run of each mode and keep its Chrome trace. @defaultValue `false` */
  readonly trace?: boolean;
  /** Called on the caller's thread as the comparison goes on. */
  readonly onEvent?: (event: CompareEvent) => void;
}

/** Sent to `onEvent`: the partition once, the begin of each run, and its events. */
export type CompareEvent =
  | Extract<TrainEvent, { type: 'partition' }>
  | {
      readonly type: 'run';
      readonly mode: TrainMode;
      readonly round: number;
      /** From 1. */
      readonly run: number;
      readonly runs: number;
      readonly epochs: number;
    }
  | { readonly type: 'train'; readonly mode: TrainMode; readonly round: number; readonly event: TrainEvent };

/** What {@link compareModes} returns. */
export interface CompareReport {
  /** `aborted`: the modes are those whose first run got an epoch done. */
  readonly status: 'ok' | 'aborted';
  /** False on MPI ranks other than 0, which get no modes. */
  readonly isRoot: boolean;
  /** In the order asked for. */
  readonly modes: readonly ComparedMode[];
  /** World rank of each vertex, int32 `[n]`. */
  readonly partOf: Int32Array;
  readonly environment: { readonly engine: string; readonly kernels: string };
}

/**
 * Trains with one mode after the other on the same data, partition and seed. The first round trains `epochs` epochs and
 * gives accuracies and traffic; further rounds run fewer epochs, every second one in the opposite order, and add timings.
 *
 * @throws {@link OptionError} before any rank starts if a mode is unknown, named twice, or its options are out of range;
 *   whatever {@link trainGnn} throws if a run fails.
 */
export async function compareModes(data: GraphData, options: CompareOptions): Promise<CompareReport> {
  const { modes, rounds = 2, roundEpochs, onEvent, trace = false, ...shared } = options;
  check(modes, rounds, roundEpochs);
  const { resolved } = modes.map((mode) => resolveTrainOptions({ ...shared, mode }, data))[0]!;
  checkGraphData(data);
  const { partOf, metrics: partition } = makePartition(data, resolved, (event) => {
    if (event.type === 'partition') onEvent?.(event);
  });
  const finished = new Map<TrainMode, FinishedRun[]>(modes.map((mode) => [mode, []]));
  let [isAborted, isRoot, run] = [false, true, 0];
  const environment = { engine: '', kernels: '' };

  for (let round = 1; round <= rounds && !isAborted; round++) {
    const epochs = round === 1 ? resolved.epochs : Math.min(roundEpochs ?? 15, resolved.epochs);
    for (const [i, mode] of (round % 2 ? modes : modes.toReversed()).entries()) {
      if (options.signal?.aborted) isAborted = true;
      if (isAborted) break;
      onEvent?.({ type: 'run', mode, round, run: ++run, runs: rounds * modes.length, epochs });
      const report = await trainGnn(data, {
        ...shared,
        mode,
        epochs,
        partition: partOf,
        // Only the first round's accuracies count.
        ...(round === 1 ? {} : { evalEvery: epochs }),
        trace: trace && round === rounds,
        onEvent: (event) => {
          if (event.type !== 'partition') onEvent?.({ type: 'train', mode, round, event });
        },
      });
      isRoot = report.isRoot;
      isAborted = report.status === 'aborted';
      Object.assign(environment, report.environment);
      if (report.timeline.epochs.length === 0) continue;
      const metrics = { ...report.metrics, partition };
      finished.get(mode)!.push({ round, position: i + 1, report: { ...report, metrics } });
    }
  }
  const done = [...finished].filter(([, runs]) => runs.length > 0);
  const link = resolved.cluster.devicesPerServer.length > 1 ? 'inter' : 'intra';
  return {
    status: isAborted ? 'aborted' : 'ok',
    isRoot,
    modes: done.map(([mode, runs]) => summariseRuns(mode, runs, done[0]![1], link)),
    partOf,
    environment,
  };
}

function check(modes: readonly TrainMode[], rounds: number, roundEpochs: number | undefined): void {
  const where = 'compareModes';
  if (modes.length === 0) throw new OptionError(where, 'modes', modes, 'at least one mode');
  for (const [i, mode] of modes.entries()) {
    if (!trainModes.includes(mode)) throw new OptionError(where, 'modes', mode, `one of ${trainModes.join(', ')}`);
    if (modes.indexOf(mode) !== i) throw new OptionError(where, 'modes', mode, 'named once');
  }
  for (const [option, got] of Object.entries({ rounds, roundEpochs })) {
    if (got !== undefined && !(Number.isSafeInteger(got) && got >= 1)) {
      throw new OptionError(where, option, got, 'an integer ≥ 1');
    }
  }
}
