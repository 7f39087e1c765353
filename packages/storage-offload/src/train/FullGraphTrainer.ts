/** What every mode of training offers, whatever it keeps where. */
import type { GnnModel, Optimizer } from '@strata-ml/models';
import type { EpochReport, OffloadEvaluation, PassReport } from './EpochReport.js';

/** What can be done while an epoch runs. */
export interface EpochControl {
  /** Stops between two steps; the epoch is lost, the trainer is as before it. */
  readonly signal?: AbortSignal;
  /** Called after each pass. */
  readonly onPass?: (pass: PassReport) => void;
}

/** Loss and gradients without an update. */
export interface LossAndGradient {
  /** Mean over training vertices. */
  readonly loss: number;
  /** float32, in parameter order. */
  readonly gradients: Float32Array;
}

/** A network being trained on a prepared graph. Close it after use. */
export interface FullGraphTrainer {
  readonly model: GnnModel;
  readonly optimizer: Optimizer;
  /** Epochs done; set it when parameters are restored. */
  epoch: number;
  /** Bytes of host memory below which this graph and model cannot be trained this way. */
  readonly minimumHostBytes: number;
  /** Most bytes of host memory held so far: blocks and the tables of the store. */
  readonly peakHostBytes: number;
  /** Passes of one epoch, for progress displays. */
  readonly passesPerEpoch: number;
  /** Runs one epoch: all training vertices, one update of the parameters. */
  trainEpoch(control?: EpochControl): Promise<EpochReport>;
  /** Loss and gradients of the coming epoch, without an update. */
  gradients(): Promise<LossAndGradient>;
  /** Classifies every labelled vertex, dropout off. */
  evaluate(control?: EpochControl): Promise<OffloadEvaluation>;
  /** Frees everything but the store. */
  close(): void;
}
