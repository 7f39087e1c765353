/** What a cache of a given size would read, exactly, without moving a byte. */
import { OptionError } from '@strata-ml/core';
import type { AccessTrace } from './BlockAccess.js';
import { type CachePolicy, type CachePolicyName, cachePolicy } from './CachePolicy.js';

/** Outcome of {@link simulateCache}. */
export interface CacheSimulation {
  readonly policy: CachePolicyName;
  readonly accesses: number;
  readonly hits: number;
  readonly misses: number;
  /** Bytes of the misses. */
  readonly bytesRead: number;
  readonly evictions: number;
  /** Demands larger than the budget: their blocks pass through one by one and nothing is kept. */
  readonly streamedDemands: number;
  /** Most bytes held at once. */
  readonly peakBytes: number;
}

/**
 * Plays a trace against a cache of whole blocks.
 *
 * A demand is loaded as a unit: its blocks are protected while victims are chosen among the others. If it alone exceeds
 * the budget, the blocks of it that are resident are used and the others pass through without being kept.
 *
 * Cost: O(accesses + evictions · blocks).
 *
 * @param budget - bytes, ≥ 0
 * @throws {@link OptionError} if the budget is negative or the policy unknown.
 *
 * @example
 * const trace = { blockBytes: [1, 1, 1], demands: [0, 1, 2, 0].map((block) => ({ blocks: [block] })) };
 * simulateCache(trace, 2, 'lru').misses; // => 4
 */
export function simulateCache(trace: AccessTrace, budget: number, policy: CachePolicyName): CacheSimulation {
  if (!(budget >= 0)) throw new OptionError('simulateCache', 'budget', budget, 'bytes ≥ 0');
  const cache = new SimulatedCache(trace.blockBytes, budget, cachePolicy(policy, trace));
  for (const [position, { blocks }] of trace.demands.entries()) cache.demand(blocks, position);
  return cache.report();
}

class SimulatedCache {
  readonly #bytes: ArrayLike<number>;
  readonly #budget: number;
  readonly #policy: CachePolicy;
  readonly #resident = new Set<number>();
  #held = 0;
  #hits = 0;
  #misses = 0;
  #bytesRead = 0;
  #evictions = 0;
  #streamed = 0;
  #peak = 0;

  constructor(bytes: ArrayLike<number>, budget: number, policy: CachePolicy) {
    this.#bytes = bytes;
    this.#budget = budget;
    this.#policy = policy;
  }

  demand(blocks: readonly number[], position: number): void {
    const missing: number[] = [];
    let needed = 0;
    for (const block of blocks) {
      needed += this.#bytes[block]!;
      if (this.#resident.has(block)) this.#hits++;
      else missing.push(block);
      this.#policy.touched(block, position);
    }
    this.#misses += missing.length;
    for (const block of missing) this.#bytesRead += this.#bytes[block]!;
    if (needed > this.#budget) {
      this.#streamed++;
      return;
    }
    const isDemanded = new Set(blocks);
    for (const block of missing) {
      while (this.#held + this.#bytes[block]! > this.#budget) this.#evict(isDemanded, position);
      this.#resident.add(block);
      this.#held += this.#bytes[block]!;
      this.#peak = Math.max(this.#peak, this.#held);
    }
  }

  report(): CacheSimulation {
    return {
      policy: this.#policy.name,
      accesses: this.#hits + this.#misses,
      hits: this.#hits,
      misses: this.#misses,
      bytesRead: this.#bytesRead,
      evictions: this.#evictions,
      streamedDemands: this.#streamed,
      peakBytes: this.#peak,
    };
  }

  #evict(isDemanded: ReadonlySet<number>, position: number): void {
    const candidates = [...this.#resident].filter((block) => !isDemanded.has(block));
    const block = this.#policy.victim(candidates, position);
    this.#resident.delete(block);
    this.#held -= this.#bytes[block]!;
    this.#evictions++;
    this.#policy.evicted(block);
  }
}
