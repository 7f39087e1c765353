/** What travels from the caller to every rank: plain data; large arrays over shared memory are not copied. */

import type { TrafficRow } from '@strata-ml/core';
import type { CsrGraph } from '@strata-ml/graph';
import type { ResolvedGnnSpec } from '@strata-ml/models';
import type { GraphData } from '../data.js';
import type { ResolvedTrainOptions } from '../options.js';
import type { HaloBytes } from '../plan/traffic.js';
import type { EpochParts, EpochRow, NamedArray } from '../report.js';

/** One graph that ranks build a context on. */
export interface GraphView {
  /** Message graph: in-neighbours ascending, one self-loop each. */
  readonly graph: CsrGraph;
  readonly inDegrees: Int32Array;
  readonly outDegrees: Int32Array;
  /** Vertices in it; undefined means all. uint8 `[n]`. */
  readonly include?: Uint8Array;
  readonly numIncluded: number;
}

/** Entry payload of a training rank. */
export interface TrainPayload {
  readonly data: Omit<GraphData, 'graph'>;
  readonly partOf: Int32Array;
  /** The graph to train on, and, if other, those to validate and test on. */
  readonly views: { readonly train: GraphView; readonly val?: GraphView; readonly test?: GraphView };
  readonly spec: ResolvedGnnSpec;
  readonly options: Omit<ResolvedTrainOptions, 'cluster' | 'partition'>;
  /** Describes the run for the checkpoint: a resumed run must match. */
  readonly fingerprint: string;
}

/** What a rank returns; only rank 0 fills `root`. */
export interface RankResult {
  readonly peakBytes: number;
  /** By the mode's closed form: rows received in the last epoch, and features before the first. */
  readonly expected: HaloBytes;
  readonly expectedPreload: HaloBytes;
  readonly facts: Readonly<Record<string, number>>;
  readonly root?: {
    readonly aborted: boolean;
    readonly epochs: readonly EpochRow[];
    readonly parts: EpochParts;
    readonly epochSeconds: readonly number[];
    readonly parametersHash: string;
    readonly weights: Record<string, NamedArray>;
    readonly buffers: Record<string, NamedArray>;
    readonly setupSeconds: number;
    readonly engine: string;
    readonly kernels: string;
    readonly files: { model?: string; checkpoint?: string };
  };
  /** Sent by this rank: in set-up, and in one later epoch. */
  readonly setupTraffic: readonly TrafficRow[];
  readonly epochTraffic: readonly TrafficRow[];
}
