/** A process group as codecs use it: half floats can be summed, and the seconds spent are counted. */
import { performance } from 'node:perf_hooks';
import { evenCounts, type ProcessGroup, type Rng } from '@strata-ml/core';
import type { ElementCodec } from '../codecs/elementFormats.js';
import type { SumNetwork } from '../codecs/linear.js';

/** One averaging's view of the group. */
export class Wire implements SumNetwork {
  readonly #group: ProcessGroup;
  readonly #rng: Rng;
  readonly #phase: string;
  /** Seconds inside collectives. */
  seconds = 0;

  /** @param rng - the same on all ranks */
  constructor(group: ProcessGroup, rng: Rng, phase: string) {
    this.#group = group;
    this.#rng = rng;
    this.#phase = phase;
  }

  get size(): number {
    return this.#group.size;
  }

  get rank(): number {
    return this.#group.rank;
  }

  rng(key: string): Rng {
    return this.#rng.split(key);
  }

  sum(arrays: readonly Float32Array[], format: ElementCodec): void {
    const [only] = arrays;
    if (!only) return;
    const all = arrays.length === 1 ? only : concat(arrays);
    if (format.bytesPerElement === 4) this.#timed(() => this.#group.allReduce(all, { phase: this.#phase }));
    else this.#sumHalves(all, format);
    if (arrays.length === 1) return;
    let at = 0;
    for (const a of arrays) {
      a.set(all.subarray(at, at + a.length));
      at += a.length;
    }
  }

  /** Bytes of all ranks one after the other; `counts` says how many each has. */
  gather(mine: Uint8Array, counts: readonly number[]): Uint8Array {
    const out = new Uint8Array(counts.reduce((a, b) => a + b, 0));
    this.#timed(() => this.#group.allGatherV(mine, out, counts, { phase: this.#phase }));
    return out;
  }

  /** How many bytes each rank has. */
  gatherCounts(mine: number): number[] {
    const out = new Uint32Array(this.size);
    this.#timed(() => this.#group.allGather(Uint32Array.of(mine), out, { phase: this.#phase }));
    return [...out];
  }

  /** Block r of `mine` goes to rank r; the blocks that come are one after the other. */
  exchange(mine: Uint8Array, sendCounts: readonly number[], recvCounts: readonly number[]): Uint8Array {
    const out = new Uint8Array(recvCounts.reduce((a, b) => a + b, 0));
    this.#timed(() => this.#group.allToAllV(mine, sendCounts, out, recvCounts, { phase: this.#phase }));
    return out;
  }

  /**
   * Each rank adds up its share in float32 and sends the sum to all, rounded once: 2 (P − 1)/P · 2n bytes a rank. The mean
   * travels, as the sum of many ranks could be too large for a half float.
   */
  #sumHalves(x: Float32Array, format: ElementCodec): void {
    const { size, rank } = this;
    const counts = evenCounts(x.length, size);
    const own = counts[rank]!;
    const encode = (v: Float32Array) => format.encode(v, [v.length], '', this.#rng).bytes;
    const decode = (bytes: Uint8Array, out: Float32Array) =>
      format.decode({ codec: format.id, shape: [out.length], bytes }, out);
    const sendBytes = counts.map((c) => 2 * c);
    const received = this.exchange(encode(x), sendBytes, new Array<number>(size).fill(2 * own));
    const mean = new Float32Array(own);
    const part = new Float32Array(own);
    for (let r = 0; r < size; r++) {
      decode(received.subarray(2 * own * r, 2 * own * (r + 1)), part);
      for (let i = 0; i < own; i++) mean[i]! += part[i]!;
    }
    for (let i = 0; i < own; i++) mean[i]! /= size;
    decode(this.gather(encode(mean), sendBytes), x);
    for (let i = 0; i < x.length; i++) x[i]! *= size;
  }

  #timed(call: () => void): void {
    const start = performance.now();
    call();
    this.seconds += (performance.now() - start) / 1000;
  }
}

function concat(arrays: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(arrays.reduce((n, a) => n + a.length, 0));
  let at = 0;
  for (const a of arrays) {
    all.set(a, at);
    at += a.length;
  }
  return all;
}
