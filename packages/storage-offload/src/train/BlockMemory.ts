/** The block memory of a run and its twin: the twin plays each epoch first, without a drive, and so predicts its bytes. */
import type { CachePolicyName } from '../cache/CachePolicy.js';
import { cachePolicy } from '../cache/CachePolicy.js';
import type { AccessPlan } from '../residency/AccessPlan.js';
import { type BlockIo, NO_IO } from '../residency/BlockIo.js';
import type { BlockNumbers } from '../residency/BlockNumbers.js';
import { ByteArena } from '../residency/ByteArena.js';
import { SLAB_BYTES } from '../residency/HostMemory.js';
import { type HeldBlock, type PlannedRun, Residency } from '../residency/Residency.js';
import { counterDifference, type ResidencyCounters } from '../residency/ResidencyCounters.js';

/** How a run keeps blocks. */
export interface BlockMemoryOptions {
  readonly numbers: BlockNumbers;
  /** Bytes for blocks. */
  readonly arenaBytes: number;
  readonly policy: CachePolicyName | 'none';
  readonly lookahead: number;
}

/** Most bytes on their way at once: the I/O queue holds 1024 pieces of 1 MiB. */
const MOST_WINDOW_BYTES = 256 * 2 ** 20;
/**
 * Share of the memory that reading ahead may claim. Where partitions read almost all others, a wider window would push
 * out what a perfect cache keeps: it would be a queue and no cache.
 */
const WINDOW_SHARE = 1 / 8;

/** Makes a block memory. */
export function createResidency(options: BlockMemoryOptions, io: BlockIo = NO_IO): Residency {
  const { numbers, arenaBytes, policy, lookahead } = options;
  return new Residency({
    blockBytes: numbers.bytes,
    isPersistent: numbers.isPersistent,
    arena: new ByteArena(arenaBytes, SLAB_BYTES),
    io,
    lookahead,
    windowBytes: Math.min(MOST_WINDOW_BYTES, Math.max(2 * largestLayerBlock(numbers), WINDOW_SHARE * arenaBytes)),
    keeps: policy !== 'none',
  });
}

/** Largest block of features, activations or gradients. */
function largestLayerBlock(numbers: BlockNumbers): number {
  return numbers.bytes.reduce((most, bytes, block) => {
    const { kind } = numbers.name(block);
    return kind === 'topology' || kind === 'snapshots' ? most : Math.max(most, bytes);
  }, 0);
}

/** A plan with a policy that knows what comes after it too. */
export function plannedRun(options: BlockMemoryOptions, plan: AccessPlan, next: AccessPlan): PlannedRun {
  const { numbers, policy } = options;
  const demands = [...plan.blocks, ...next.blocks].map((block) => ({ blocks: [block] }));
  const trace = { blockBytes: numbers.bytes, demands };
  return { plan, policy: cachePolicy(policy === 'none' ? 'lru' : policy, trace) };
}

/**
 * Plays a plan on a memory without a drive and returns what it did. It takes and gives back in the order of a real step:
 * edges are held until the step is done, everything else goes at once.
 */
export function playPlan(residency: Residency, run: PlannedRun, parts: number): ResidencyCounters {
  const before = { ...residency.counters };
  residency.begin(run);
  const { steps, blocks } = run.plan;
  for (let step = 0, access = 0; access < blocks.length; step++) {
    let edges: HeldBlock | undefined;
    for (; access < steps[step + 1]!; access++) {
      const held = residency.acquire();
      if (held.block < parts) edges = held;
      else residency.release(held);
    }
    if (edges) residency.release(edges);
  }
  return counterDifference(residency.counters, before);
}
