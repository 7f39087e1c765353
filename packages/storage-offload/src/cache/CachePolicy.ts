/** Which block a full cache gives up: three answers behind one interface. */
import { OptionError } from '@strata-ml/core';
import { type AccessTrace, NextUse } from './BlockAccess.js';

/** Replacement policies of the partition cache. */
export const cachePolicies = ['belady', 'lru', 'frequency'] as const;
/** One of {@link cachePolicies}. */
export type CachePolicyName = (typeof cachePolicies)[number];

/** Chooses victims. Told of everything that the cache does; decides nothing else. */
export interface CachePolicy {
  readonly name: CachePolicyName;
  /** `block` was asked for by demand number `position` of the trace, whether it was there or not. */
  touched(block: number, position: number): void;
  /** `block` left the cache. */
  evicted(block: number): void;
  /**
   * The block to give up next.
   *
   * @param candidates - resident blocks that may go, at least one
   * @param position - demand that needs the room
   */
  victim(candidates: Iterable<number>, position: number): number;
}

/**
 * Makes a policy.
 *
 * - `belady`: gives up the block that is needed again last (Belady 1966); the trace must be the one that will be run. With
 *   equal block sizes no policy misses less; with unequal ones it is a heuristic.
 * - `lru`: gives up the block that was asked for longest ago.
 * - `frequency`: keeps the blocks that the trace asks for most often, the most recent of equal ones.
 *
 * Ties go to the lowest block number, so that every run evicts alike.
 *
 * @throws {@link OptionError} for an unknown name.
 */
export function cachePolicy(name: CachePolicyName, trace: AccessTrace): CachePolicy {
  switch (name) {
    case 'lru':
      return new Recency(name, () => 0);
    case 'frequency': {
      const uses = new NextUse(trace);
      return new Recency(name, (block) => uses.count(block));
    }
    case 'belady':
      return new Farthest(new NextUse(trace));
    default:
      throw new OptionError('cachePolicy', 'policy', name, `one of ${cachePolicies.join(', ')}`);
  }
}

/** Gives up the least important block, of equally important ones the one asked for longest ago. */
class Recency implements CachePolicy {
  readonly name: CachePolicyName;
  readonly #importance: (block: number) => number;
  readonly #last = new Map<number, number>();

  constructor(name: CachePolicyName, importance: (block: number) => number) {
    this.name = name;
    this.#importance = importance;
  }

  touched(block: number, position: number): void {
    this.#last.set(block, position);
  }

  evicted(block: number): void {
    this.#last.delete(block);
  }

  victim(candidates: Iterable<number>): number {
    return smallest(candidates, (block) => [this.#importance(block), this.#last.get(block) ?? -1]);
  }
}

class Farthest implements CachePolicy {
  readonly name = 'belady';
  readonly #uses: NextUse;

  constructor(uses: NextUse) {
    this.#uses = uses;
  }

  touched(): void {}

  evicted(): void {}

  victim(candidates: Iterable<number>, position: number): number {
    return smallest(candidates, (block) => [-this.#uses.after(block, position), 0]);
  }
}

/** The candidate with the smallest key; ties to the lowest number. */
function smallest(candidates: Iterable<number>, key: (block: number) => readonly [number, number]): number {
  let best = -1;
  let bestKey: readonly [number, number] = [0, 0];
  for (const block of candidates) {
    const [a, b] = key(block);
    const [c, d] = bestKey;
    if (best < 0 || a < c || (a === c && (b < d || (b === d && block < best)))) {
      best = block;
      bestKey = [a, b];
    }
  }
  return best;
}
