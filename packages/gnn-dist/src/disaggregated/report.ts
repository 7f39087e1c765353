/** What disaggregated training reports. */
import { StrataError, type TimingSummary, type TrafficRow } from '@strata-ml/core';
import type { FeatureNorm, ResolvedGnnSpec } from '@strata-ml/models';
import type { EpochRow, NamedArray } from '../report.js';

/** Where the time of a batch worker went, in shares of the time it was on duty, and what it did. */
export interface BatchWorkerStats {
  /** Drawing neighbours. */
  readonly sample: number;
  /** Gathering features and writing messages. */
  readonly slice: number;
  /** Waiting for room in a queue: back-pressure. */
  readonly blocked: number;
  /** Without work, because others had not finished the epoch. */
  readonly idle: number;
  readonly seconds: number;
  readonly batches: number;
  /** Share of the rows it gathered that lie in another batch worker's part. */
  readonly remoteShare: number;
  readonly bytes: number;
}

/** Where the time of a compute worker went, in shares of its epochs. */
export interface ComputeWorkerStats {
  /** Waiting for a batch: the idle share. */
  readonly receive: number;
  /** Preparing batches itself: aggregated layout only. */
  readonly prepare: number;
  readonly compute: number;
  /** Waiting for other compute workers. */
  readonly sync: number;
  readonly seconds: number;
  readonly batches: number;
  readonly seeds: number;
}

/** Occupancy of all workers and the state of the current epoch. The first epoch is left out once there is a second. */
export interface PipelineStats {
  readonly epoch: number;
  /** Batches of the epoch by state. */
  readonly batches: {
    readonly pending: number;
    readonly queued: number;
    readonly training: number;
    readonly trained: number;
    readonly lost: number;
  };
  readonly batchWorkers: readonly BatchWorkerStats[];
  readonly computeWorkers: readonly ComputeWorkerStats[];
}

/** A batch worker that was lost. */
export interface WorkerLoss {
  readonly worker: number;
  readonly epoch: number;
  /** Batches that it left behind, by id, and their training vertices. */
  readonly batches: readonly number[];
  readonly seeds: number;
  /** Others prepared them; if not, they were not trained in this epoch. */
  readonly requeued: boolean;
  readonly reason: string;
}

/** Sent to `onEvent`. */
export type DisaggregatedEvent =
  | { readonly type: 'setup'; readonly engine: string; readonly kernels: string; readonly seconds: number }
  | ({ readonly type: 'epoch'; readonly epochs: number } & EpochRow)
  | ({ readonly type: 'worker-lost' } & WorkerLoss);

/** Metrics of a run. */
export interface DisaggregatedMetrics {
  /** At the epoch of best validation accuracy. */
  readonly bestEpoch: number;
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  readonly valAccuracy: number;
  readonly testAccuracy: number;
  /** After the last epoch. */
  readonly finalValAccuracy: number;
  readonly finalTestAccuracy: number;
  /** The first excluded, if there are more. */
  readonly epochSeconds: TimingSummary;
  readonly batchesPerEpoch: number;
  /** Mean share of their epochs that compute workers waited for a batch. */
  readonly computeIdleShare: number;
  /** SHA-256 over all parameters, on every compute worker. */
  readonly parametersHashes: readonly string[];
  readonly parameters: number;
  readonly peakDeviceBytes: readonly number[];
  /** Bytes of messages from batch workers to compute workers in an epoch. */
  readonly batchBytesPerEpoch: number;
  /** Between compute workers in the last epoch, summed over them. */
  readonly traffic: readonly TrafficRow[];
  /** Seconds per batch of a batch worker and of a compute worker, and how many of the former keep the latter busy. */
  readonly balance: {
    readonly prepareSeconds: number;
    readonly computeSeconds: number;
    readonly batchWorkersNeeded: number;
  };
  /** In the currency of the given prices. */
  readonly costPerEpoch?: number;
}

/** What {@link trainDisaggregated} returns. */
export interface DisaggregatedReport {
  readonly status: 'ok' | 'aborted' | 'failed';
  readonly metrics: DisaggregatedMetrics;
  readonly timeline: { readonly epochs: readonly EpochRow[] };
  readonly stats: PipelineStats;
  readonly losses: readonly WorkerLoss[];
  readonly spec: ResolvedGnnSpec;
  readonly featureNorm: FeatureNorm;
  readonly weights: Readonly<Record<string, NamedArray>>;
  readonly buffers: Readonly<Record<string, NamedArray>>;
  readonly environment: { readonly engine: string; readonly kernels: string };
}

/** A batch worker was lost and its batches with it. `report` holds the model as it was after the epoch, and the losses. */
export class WorkerLostError extends StrataError {
  readonly report: DisaggregatedReport;

  constructor(report: DisaggregatedReport) {
    const last = report.losses.at(-1);
    super(
      'ERR_STRATA_WORKER_LOST',
      `trainDisaggregated: batch worker ${last?.worker} was lost in epoch ${last?.epoch} (${last?.reason}), ` +
        `${last?.seeds} training vertices were not trained; pass onWorkerLoss: 'requeue' to go on with the others`,
      { losses: report.losses },
    );
    this.report = report;
  }
}
