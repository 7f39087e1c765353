/** What a run would keep in host memory and move to and from the drive: the real schedule played without a drive. */
import { DIRECT_ALIGNMENT } from '@strata-ml/core';
import type { CachePolicyName } from '../cache/CachePolicy.js';
import type { BlockIo } from '../residency/BlockIo.js';
import { BLOCK_KINDS, type BlockKind, BlockNumbers } from '../residency/BlockNumbers.js';
import type { ResidencyCounters } from '../residency/ResidencyCounters.js';
import { type BlockMemoryOptions, createResidency, plannedRun, playPlan } from '../train/BlockMemory.js';
import type { TrainedStage } from '../train/ModelStages.js';
import { evaluationSchedule, type PartitionOrder, type ScheduleInput, trainingSchedule } from '../train/schedule.js';
import type { GraphShape } from './GraphShape.js';

/** What a schedule depends on beside the graph. */
export interface HostPlanOptions {
  readonly stages: readonly TrainedStage[];
  /** d_0 … d_T. */
  readonly widths: readonly number[];
  readonly order: PartitionOrder;
  readonly fusedHead: boolean;
  readonly snapshots: boolean;
  readonly lookahead: number;
}

/** Bytes that cross to and from the drive, by kind of block. */
export type DriveBytes = Readonly<Record<BlockKind, { readonly read: number; readonly written: number }>>;

/** One epoch under one policy and budget. */
export interface PlayedEpoch {
  readonly counters: ResidencyCounters;
  readonly byKind: DriveBytes;
  /** Requests, a block each. */
  readonly requests: number;
  readonly peakBytes: number;
}

/** Plays schedules of one graph and model under any budget. */
export class HostPlan {
  readonly numbers: BlockNumbers;
  /** Smallest host memory, tables of the store included. */
  readonly minimumBytes: number;
  /** Tables of the store. */
  readonly tableBytes: number;
  readonly #training: ReturnType<typeof trainingSchedule>;
  readonly #lookahead: number;

  constructor(shape: GraphShape, { stages, widths, lookahead, ...choices }: HostPlanOptions) {
    const { rows, expandedRows, topologyBytes, dependencies } = shape;
    this.numbers = new BlockNumbers({
      rows,
      expandedRows,
      topologyBytes,
      widths,
      gathers: stages.map(({ gathers }) => gathers),
    });
    const input: ScheduleInput = {
      numbers: this.numbers,
      stages,
      rows,
      dependencies: (p) => dependencies[p]!,
      ...choices,
    };
    this.#training = trainingSchedule(input);
    this.#lookahead = lookahead;
    this.tableBytes = shape.residentBytes;
    this.minimumBytes = shape.residentBytes + smallestArena(this.numbers, [this.#training, evaluationSchedule(input)]);
  }

  /** Bytes for blocks that a budget leaves: whole pages, and not more than all blocks together take. */
  arenaBytes(hostMemory: number): number {
    const all = this.numbers.bytes.reduce((sum, size) => sum + size, DIRECT_ALIGNMENT);
    return Math.floor(Math.min(hostMemory - this.tableBytes, all) / DIRECT_ALIGNMENT) * DIRECT_ALIGNMENT;
  }

  /** The first epoch of a run, and one later on: the first reads what the others may still find in memory. */
  play(
    arenaBytes: number,
    policy: CachePolicyName | 'none',
  ): { readonly first: PlayedEpoch; readonly later: PlayedEpoch } {
    const options: BlockMemoryOptions = { numbers: this.numbers, arenaBytes, policy, lookahead: this.#lookahead };
    const meter = new KindMeter(this.numbers);
    const residency = createResidency(options, meter);
    const epoch = (): PlayedEpoch => {
      const run = plannedRun(options, this.#training.plan, this.#training.plan);
      const counters = playPlan(residency, run, this.numbers.parts);
      return { counters, ...meter.take(), peakBytes: residency.peakBytes };
    };
    return { first: epoch(), later: epoch() };
  }
}

/** Counts what a real drive would be asked for. */
class KindMeter implements BlockIo {
  readonly #numbers: BlockNumbers;
  readonly settle = (): void => {};
  #bytes = emptyBytes();
  #requests = 0;

  constructor(numbers: BlockNumbers) {
    this.#numbers = numbers;
  }

  read(block: number): void {
    this.#bytes[this.#numbers.name(block).kind].read += this.#numbers.bytes[block]!;
    this.#requests++;
  }

  write(block: number): void {
    this.#bytes[this.#numbers.name(block).kind].written += this.#numbers.bytes[block]!;
    this.#requests++;
  }

  take(): { byKind: DriveBytes; requests: number } {
    const taken = { byKind: this.#bytes, requests: this.#requests };
    this.#bytes = emptyBytes();
    this.#requests = 0;
    return taken;
  }
}

function emptyBytes(): Record<BlockKind, { read: number; written: number }> {
  const entries = BLOCK_KINDS.map((kind) => [kind, { read: 0, written: 0 }] as const);
  return Object.fromEntries(entries) as Record<BlockKind, { read: number; written: number }>;
}

/** Edges and two more blocks, as the trainer demands it. */
function smallestArena(
  { bytes, parts }: BlockNumbers,
  schedules: readonly { readonly plan: { readonly blocks: Int32Array } }[],
): number {
  let edges = 0;
  let largest = DIRECT_ALIGNMENT;
  for (const { plan } of schedules) {
    for (const block of plan.blocks) {
      if (block < parts) edges = Math.max(edges, bytes[block]!);
      else largest = Math.max(largest, bytes[block]!);
    }
  }
  return edges + 2 * largest;
}
