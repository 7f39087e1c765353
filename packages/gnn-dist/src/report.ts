/** What a training run reports: events while it goes on, metrics at the end. */
import type { ChromeTrace, TimingSummary, TrafficRow } from '@strata-ml/core';
import type { PartitionMetrics } from '@strata-ml/graph';
import type { FeatureNorm, ResolvedGnnSpec } from '@strata-ml/models';
import type { HaloBytes } from './plan/traffic.js';

/** One row of the timeline. */
export interface EpochRow {
  /** From 1. */
  readonly epoch: number;
  /** Training loss, mean over training vertices, with dropout on. */
  readonly loss: number;
  /** Wall-clock seconds of the epoch, evaluation excluded. */
  readonly seconds: number;
  /** Validation accuracy (micro-F1 for multi-label tasks), if the epoch was evaluated. */
  readonly valAccuracy?: number;
  readonly testAccuracy?: number;
  readonly trainAccuracy?: number;
}

/** Sent to `onEvent`. */
export type TrainEvent =
  | { readonly type: 'partition'; readonly metrics: PartitionMetrics; readonly seconds: number }
  | { readonly type: 'setup'; readonly engine: string; readonly kernels: string; readonly seconds: number }
  | ({ readonly type: 'epoch'; readonly epochs: number } & EpochRow)
  | { readonly type: 'checkpoint'; readonly epoch: number; readonly path: string };

/** Where the seconds of an epoch went, on rank 0, medians over timed epochs. */
export interface EpochParts {
  /** All that is not waiting for others. */
  readonly compute: number;
  /** Blocked on rows and their gradients from ranks of the same server. */
  readonly intra: number;
  /** Likewise from ranks of other servers. */
  readonly inter: number;
  /** `intra` plus `inter`. */
  readonly halo: number;
  /** Blocked on the gradient all-reduce. */
  readonly gradient: number;
  /** Choosing vertices and edges, building their structures and switching to them. */
  readonly sampling: number;
}

/** Metrics of `gnn train` (result schema version 1). */
export interface TrainMetrics {
  /** At the epoch of best validation accuracy; fractions. For multi-label tasks accuracies are micro-F1. */
  readonly bestEpoch: number;
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  readonly valAccuracy: number;
  readonly testAccuracy: number;
  /** After the last epoch. */
  readonly finalTrainLoss: number;
  readonly finalTrainAccuracy: number;
  readonly finalValAccuracy: number;
  readonly finalTestAccuracy: number;
  /** First 5 epochs and evaluation excluded (all epochs, if there are no more than 5). */
  readonly epochSeconds: TimingSummary;
  readonly parts: EpochParts;
  /** SHA-256 over all parameters, float32 little-endian, in model order. */
  readonly parametersHash: string;
  /** Number of trained numbers. */
  readonly parameters: number;
  /** Peak bytes of tensors, per rank. */
  readonly peakDeviceBytes: readonly number[];
  /** Sums over ranks, for one epoch after set-up, and of set-up. */
  readonly traffic: readonly TrafficRow[];
  /** Halo rows between servers in one epoch, forward and backward; gradients are in `traffic` under `gradient`. */
  readonly interBytesPerEpoch: number;
  /** Likewise inside servers. */
  readonly intraBytesPerEpoch: number;
  /** The closed form of the two figures above. */
  readonly predicted: { readonly interBytesPerEpoch: number; readonly intraBytesPerEpoch: number };
  /** Features fetched before the first epoch, payload bytes: counted, and by the mode's closed form. */
  readonly preload: HaloBytes & { readonly predicted: HaloBytes };
  /** What the mode tells of itself, summed over ranks: replicas, seeds, rows. */
  readonly modeFacts: Readonly<Record<string, number>>;
  readonly partition: PartitionMetrics & { readonly method: string };
  readonly setupSeconds: number;
}

/** A trained array. */
export interface NamedArray {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** What {@link trainGnn} returns. */
export interface TrainReport {
  readonly status: 'ok' | 'aborted';
  /** False on MPI ranks other than 0, which get no metrics of their own. */
  readonly isRoot: boolean;
  readonly metrics: TrainMetrics;
  readonly timeline: { readonly epochs: readonly EpochRow[] };
  readonly spec: ResolvedGnnSpec;
  /** How input rows were scaled; prediction scales them alike. */
  readonly featureNorm: FeatureNorm;
  /** Parameters after the last epoch, by name. */
  readonly weights: Readonly<Record<string, NamedArray>>;
  /** BatchNorm running statistics, by name. */
  readonly buffers: Readonly<Record<string, NamedArray>>;
  readonly environment: { readonly engine: string; readonly kernels: string };
  /** Chrome trace, if asked for. */
  readonly trace?: ChromeTrace;
  /** Files written. */
  readonly files: { readonly model?: string; readonly checkpoint?: string };
}
