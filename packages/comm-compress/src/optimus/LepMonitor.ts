/**
 * Measures what lazy error propagation rests on: errors without a mean, activations of successive micro-batches that differ
 * little, and no relation between the two. Optimus-CC, arXiv:2301.09830, section 5.
 */
import type { BoundaryMessage } from '../train/hooks.js';

/** Of one boundary in one step, over its compressed messages. */
export interface LepReport {
  readonly boundary: number;
  readonly iteration: number;
  /** Mean of the errors' elements, over their root mean square. */
  readonly errorMean: number;
  /** Mean of X(m + 1) − X(m), over its root mean square; NaN where no message has a successor. */
  readonly activationDeltaMean: number;
  /** Cosine of e(m) and X(m) − X(m + 1): near 0, errors of messages cancel. NaN where no message has a successor. */
  readonly cosine: number;
  /** ‖X(m + 1) − X(m)‖ / ‖X(m)‖: above about 1, adding an error to the next message can hurt. */
  readonly activationChange: number;
}

interface Sums {
  readonly boundary: number;
  readonly iteration: number;
  error: number;
  errorSquares: number;
  errors: number;
  delta: number;
  deltaSquares: number;
  deltas: number;
  product: number;
  pairedErrorSquares: number;
  activationSquares: number;
}

/** Steps that are kept. */
const KEPT = 100;

/** Sees every message of one rank. Keeps the activations of a step until the next one begins. */
export class LepMonitor {
  readonly #activations = new Map<number, { iteration: number; byMicroBatch: Map<number, Float32Array> }>();
  readonly #sums: Sums[] = [];

  /** An activation has come. */
  received({ boundary, iteration, microBatch }: BoundaryMessage, x: Float32Array): void {
    let kept = this.#activations.get(boundary);
    if (kept?.iteration !== iteration) {
      kept = { iteration, byMicroBatch: new Map() };
      this.#activations.set(boundary, kept);
    }
    kept.byMicroBatch.set(microBatch, x.slice());
  }

  /** A gradient was sent, of which y − sent was lost. */
  lost({ boundary, iteration, microBatch }: BoundaryMessage, y: Float32Array, sent: Float32Array): void {
    const sums = this.#sumsOf(boundary, iteration);
    const kept = this.#activations.get(boundary);
    const now = kept?.iteration === iteration ? kept.byMicroBatch.get(microBatch) : undefined;
    const next = kept?.iteration === iteration ? kept.byMicroBatch.get(microBatch + 1) : undefined;
    for (let i = 0; i < y.length; i++) {
      const e = y[i]! - sent[i]!;
      sums.error += e;
      sums.errorSquares += e * e;
      if (!now || !next) continue;
      const d = next[i]! - now[i]!;
      sums.delta += d;
      sums.deltaSquares += d * d;
      sums.product -= e * d;
      sums.pairedErrorSquares += e * e;
      sums.activationSquares += now[i]! * now[i]!;
    }
    sums.errors += y.length;
    if (now && next) sums.deltas += y.length;
  }

  /** The last hundred steps of every boundary. */
  reports(): readonly LepReport[] {
    return this.#sums.map((s) => ({
      boundary: s.boundary,
      iteration: s.iteration,
      errorMean: s.errorSquares > 0 ? s.error / s.errors / Math.sqrt(s.errorSquares / s.errors) : 0,
      activationDeltaMean: s.delta / s.deltas / Math.sqrt(s.deltaSquares / s.deltas),
      cosine: s.product / Math.sqrt(s.pairedErrorSquares * s.deltaSquares),
      activationChange: Math.sqrt(s.deltaSquares / s.activationSquares),
    }));
  }

  #sumsOf(boundary: number, iteration: number): Sums {
    const found = this.#sums.findLast((s) => s.boundary === boundary && s.iteration === iteration);
    if (found) return found;
    const zeros = { error: 0, errorSquares: 0, errors: 0, delta: 0, deltaSquares: 0, deltas: 0 };
    const sums: Sums = { boundary, iteration, ...zeros, product: 0, pairedErrorSquares: 0, activationSquares: 0 };
    this.#sums.push(sums);
    if (this.#sums.filter((s) => s.boundary === boundary).length > KEPT) {
      this.#sums.splice(
        this.#sums.findIndex((s) => s.boundary === boundary),
        1,
      );
    }
    return sums;
  }
}
