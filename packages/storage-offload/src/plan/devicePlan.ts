/** What one step holds on the device, and how much it computes: counted from the operations of each kind of layer. */
import type { ResolvedGnnSpec } from '@strata-ml/models';
import type { TrainedStage } from '../train/ModelStages.js';
import type { GraphShape } from './GraphShape.js';

/** The largest step of a run. */
export interface DevicePeak {
  /** Bytes of tensors: the step's, parameters and their gradients. */
  readonly bytes: number;
  /** Index of the stage, from 0. */
  readonly stage: number;
  readonly partition: number;
}

/** Bytes of one matrix of a stripe, as in `TiledSteps.ts`. */
const STRIPE_BYTES = 2 * 2 ** 20;

/** Operations of one epoch. */
export interface EpochWork {
  /** Multiplications with addition in dense products. */
  readonly denseMacs: number;
  /** Numbers added in sums over neighbours. */
  readonly sparseFloats: number;
}

/** float32 numbers per row that a backward step holds. */
interface HeldNumbers {
  /** Per row of the input that is at hand. */
  readonly perSource: number;
  /** Per row that is computed. */
  readonly perRow: number;
}

/**
 * Bytes of the largest backward step: it recomputes the stage, so it holds what forward holds and the gradients beside
 * it. Counts are of the layers' operations as they run, intermediate results included; what the engine rounds up is not.
 */
export function devicePeak(
  shape: GraphShape,
  spec: ResolvedGnnSpec,
  stages: readonly TrainedStage[],
  parameters: number,
  { snapshots, stripeRows }: { readonly snapshots: boolean; readonly stripeRows: number | undefined },
): DevicePeak {
  const { rows, expandedRows, largestTile } = shape;
  let peak: DevicePeak = { bytes: 0, stage: 0, partition: 0 };
  for (const [stage, trained] of stages.entries()) {
    const isTiled = trained.isTiled && !snapshots;
    const held = heldNumbers(trained, spec, isTiled, stage > 0, stage === stages.length - 1);
    for (const [partition, n] of rows.entries()) {
      const numbers = isTiled
        ? tiledNumbers(trained, held, n, largestTile[partition]!, stripeRows)
        : held.perSource * (trained.gathers ? expandedRows[partition]! : n) + held.perRow * n;
      const bytes = 4 * (numbers + 2 * parameters);
      if (bytes > peak.bytes) peak = { bytes, stage, partition };
    }
  }
  return peak;
}

/**
 * The own rows, their sums and the gradient of what leaves; beside them a tile, or a stripe of rows with all that its
 * layer holds (`TiledSteps.ts`).
 */
function tiledNumbers(
  { inputWidth: into, outputWidth: out }: TrainedStage,
  { perSource, perRow }: HeldNumbers,
  n: number,
  tile: number,
  stripeRows = Math.max(64, Math.floor(STRIPE_BYTES / (4 * Math.max(into, out)))),
): number {
  const stripe = Math.min(n, stripeRows);
  const whole = n * (2 * into + out);
  return Math.max(whole + Math.max(tile * into, stripe * (perSource + perRow)), 3 * n * into);
}

/** What a step of a stage holds, by the operations of `convolution.ts`, `linear.ts` and `runStage.ts`. */
function heldNumbers(
  { inputWidth: into, outputWidth: out, readsNeighbours, isResidual, prepare, finish, norm }: TrainedStage,
  spec: ResolvedGnnSpec,
  isTiled: boolean,
  wantsInput: boolean,
  isLast: boolean,
): HeldNumbers {
  // Rows of stripes are masked in place.
  const dropped = spec.dropout > 0 && !isTiled ? 1 : 0;
  // Gradients of what enters: of the dropped rows and of the rows; the very first stage needs neither.
  const back = wantsInput ? 1 + dropped : dropped;
  const normed = norm === 'none' ? 0 : 1;
  // ReLU and norm, forward and backward.
  const finished = finish ? 2 * (1 + normed) : 0;
  const prepared = prepare ? 2 * (1 + normed) : 0;
  // dy, and on the last stage the loss.
  const leaving = (isLast ? 2 : 1) + finished + (isResidual ? 2 : 0);
  const entering = 1 + dropped + back + prepared;
  if (!readsNeighbours) return { perSource: entering * into, perRow: (2 + leaving) * out };
  if (spec.model === 'gat') {
    const width = isLast ? spec.heads * out : out;
    return { perSource: entering * into + 2 * width, perRow: 2 * width + (2 + leaving) * out };
  }
  if (spec.model === 'gcn' || spec.model === 'custom') {
    return { perSource: entering * into, perRow: 2 * into + (2 + leaving) * out };
  }
  // SAGE: a second product on the partition's own rows, whose gradient is widened to all rows at hand and added.
  const widened = back > 0 && !isTiled ? 2 : 0;
  return { perSource: (entering + widened) * into, perRow: (isTiled ? 2 : 4) * into + (5 + leaving) * out };
}

/** Operations of one training epoch: forward, recomputation, and gradients of inputs and parameters. */
export function epochWork(
  { rows, expandedRows, nonZeros }: GraphShape,
  spec: ResolvedGnnSpec,
  stages: readonly TrainedStage[],
  fusedHead: boolean,
): EpochWork {
  let denseMacs = 0;
  let sparseFloats = 0;
  for (const [stage, { gathers, inputWidth, outputWidth }] of stages.entries()) {
    const isLast = stage === stages.length - 1;
    const forwards = fusedHead && isLast ? 1 : 2;
    const isAttention = gathers && spec.model === 'gat';
    const width = isAttention && isLast ? spec.heads * outputWidth : outputWidth;
    const products = gathers && (spec.model === 'sage' || spec.model === 'resSage') ? 2 : 1;
    for (const [p, n] of rows.entries()) {
      const multiplied = isAttention ? expandedRows[p]! : n;
      denseMacs += (forwards + 2) * products * multiplied * inputWidth * width;
      if (gathers) sparseFloats += (forwards + 1) * nonZeros[p]! * (isAttention ? 2 * width : inputWidth);
    }
  }
  return { denseMacs, sparseFloats };
}
