/** Random streams of a sampler; all keyed, so a draw depends on what it is for and not on what came before. */
import { Rng } from '@strata-ml/core';

/** Streams of one sampler. */
export class SampleStreams {
  readonly #root: Rng;

  constructor(seed: number) {
    this.#root = new Rng(seed).split('snapshot');
  }

  /** What `fbl` draws with; a snapshot built in this call takes the same stream and so begins with the same draw. */
  draw(call: number, layer: number): Rng {
    return this.#root.split('draw', call, layer);
  }

  /** Cache 0 … L−1, or −1 for the shared one, which no layer's own draw may depend on. */
  build(call: number, cache: number): Rng {
    return cache < 0 ? this.#root.split('shared', call) : this.draw(call, cache);
  }

  /** Any other purpose. */
  other(purpose: string, call: number, layer: number): Rng {
    return this.#root.split(purpose, call, layer + 1);
  }
}
