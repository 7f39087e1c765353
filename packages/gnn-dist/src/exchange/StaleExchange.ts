/**
 * Halo rows and gradients that are one epoch old: what was sent in the last epoch is used in this one, so transfers
 * have a whole epoch to arrive in.
 *
 * Wan et al.: "PipeGCN: efficient full-graph training of graph convolutional networks with pipelined feature
 * communication", ICLR 2022, arXiv:2203.10428, with its smoothing of features and gradients.
 */
import type { HaloExchange, HaloLayout } from './haloExchange.js';
import type { PendingExchange, RowExchange } from './RowExchange.js';

/** How {@link StaleExchange} smooths what arrives; absent = not at all. */
export interface Smoothing {
  /** γ of `a ← γ·a + (1 − γ)·received` for rows. */
  readonly rows?: number;
  /** γ for gradients. */
  readonly gradients?: number;
}

/** One direction of one layer: what is on its way, and what is used meanwhile. */
class Lane {
  readonly #gamma: number | undefined;
  #used: Float32Array | undefined;
  #landing: Float32Array | undefined;
  #pending: PendingExchange | undefined;

  constructor(gamma: number | undefined) {
    this.#gamma = gamma;
  }

  /** Takes what was sent in the last epoch; the rows to use now, zeros in the first epoch. */
  receive(length: number): Float32Array {
    this.#pending?.finish();
    this.#used ??= new Float32Array(length);
    const landing = this.#landing;
    if (this.#pending && landing) {
      const gamma = this.#gamma;
      if (gamma === undefined) {
        this.#landing = this.#used;
        this.#used = landing;
      } else {
        // Started from zeros the average is too small at first; divided by 1 − γ^t it would not be. The paper does not.
        for (let i = 0; i < length; i++) this.#used[i] = gamma * this.#used[i]! + (1 - gamma) * landing[i]!;
      }
    }
    this.#pending = undefined;
    this.#landing ??= new Float32Array(length);
    return this.#used;
  }

  /** Sends this epoch's; `start` gets the buffer where it lands. */
  send(start: (landing: Float32Array) => PendingExchange): void {
    this.#pending = start(this.#landing!);
  }

  /** Waits for what is on its way and forgets it. */
  drain(): void {
    this.#pending?.finish();
    this.#pending = undefined;
  }
}

/** The stale exchange of one layer, on top of an exact one that no other layer uses. */
export class StaleExchange implements RowExchange {
  readonly #exact: HaloExchange;
  readonly #layout: HaloLayout;
  readonly #rows: Lane;
  readonly #gradients: Lane;
  #leaving: Float32Array | undefined;

  constructor(exact: HaloExchange, layout: HaloLayout, smoothing: Smoothing = {}) {
    this.#exact = exact;
    this.#layout = layout;
    this.#rows = new Lane(smoothing.rows);
    this.#gradients = new Lane(smoothing.gradients);
  }

  get isIdle(): boolean {
    return this.#exact.isIdle;
  }

  startForward(x: Float32Array, width: number, halo: Float32Array, phase: string, layer: number): PendingExchange {
    halo.set(this.#rows.receive(halo.length));
    this.#rows.send((landing) => this.#exact.startForward(x, width, landing, phase, layer));
    return { finish() {} };
  }

  startBackward(
    haloGradient: Float32Array,
    width: number,
    gradient: Float32Array,
    phase: string,
    layer: number,
  ): PendingExchange {
    const length = this.#layout.numOwned * width;
    const returned = this.#gradients.receive(length);
    // The caller's arrays are gone before the peers have read them.
    this.#leaving ??= new Float32Array(haloGradient.length);
    const leaving = this.#leaving;
    leaving.set(haloGradient);
    this.#gradients.send((landing) => {
      landing.fill(0);
      return this.#exact.startBackward(leaving, width, landing, phase, layer);
    });
    return {
      finish() {
        for (let i = 0; i < length; i++) gradient[i]! += returned[i]!;
      },
    };
  }

  /** Waits for everything on its way; collective. */
  drain(): void {
    this.#rows.drain();
    this.#gradients.drain();
  }
}
