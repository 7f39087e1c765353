/** One number for every block of a run: the edges, activations, gradients and snapshots of each partition. */
import { alignUp } from '@strata-ml/core';

/** What a block holds. */
export type BlockKind = 'topology' | 'features' | 'activations' | 'gradients' | 'snapshots';

/** Kinds of blocks, in the order of their numbers. */
export const BLOCK_KINDS: readonly BlockKind[] = ['topology', 'features', 'activations', 'gradients', 'snapshots'];

/** What a block number stands for. */
export interface BlockName {
  readonly kind: BlockKind;
  /** Index of the stage that reads it; 0 for topology and features. */
  readonly stage: number;
  readonly partition: number;
}

/** Sizes that fix the numbers. */
export interface BlockShape {
  /** n_p. `[P]` */
  readonly rows: readonly number[];
  /** e_p. `[P]` */
  readonly expandedRows: readonly number[];
  /** Padded bytes of each topology block. `[P]` */
  readonly topologyBytes: readonly number[];
  /** Columns that enter each stage, then those that leave the last. `[T + 1]` */
  readonly widths: readonly number[];
  /** Stages that gather rows of neighbours. `[T]` */
  readonly gathers: readonly boolean[];
}

/** Numbers and sizes of all blocks. */
export class BlockNumbers {
  readonly parts: number;
  /** Padded bytes of each block. float64 `[blocks]`. */
  readonly bytes: Float64Array;
  /** 1 for what the store holds. uint8 `[blocks]`. */
  readonly isPersistent: Uint8Array;
  readonly #stages: number;

  constructor({ rows, expandedRows, topologyBytes, widths, gathers }: BlockShape) {
    this.parts = rows.length;
    const stages = gathers.length;
    this.#stages = stages;
    const matrix = (count: readonly number[], width: number) => count.map((n) => alignUp(4 * n * width));
    const of = (make: (stage: number) => number[], from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => make(from + i)).flat();
    this.bytes = Float64Array.from([
      ...topologyBytes,
      ...matrix(rows, widths[0]!),
      ...of((stage) => matrix(rows, widths[stage]!), 1, stages + 1),
      ...of((stage) => matrix(rows, widths[stage]!), 1, stages),
      ...of((stage) => matrix(gathers[stage] ? expandedRows : rows, widths[stage]!), 0, stages),
    ]);
    this.isPersistent = Uint8Array.from(this.bytes, (_, block) => (block < 2 * this.parts ? 1 : 0));
  }

  topology(partition: number): number {
    return partition;
  }

  /** A^stage of a partition: the features for stage 0, the class scores for stage T. */
  activations(stage: number, partition: number): number {
    return (1 + stage) * this.parts + partition;
  }

  /** Gradient of A^stage, stage 1 … T − 1. */
  gradients(stage: number, partition: number): number {
    return (1 + this.#stages + stage) * this.parts + partition;
  }

  /** Gathered input of a stage, kept by mode `snapshot`. */
  snapshots(stage: number, partition: number): number {
    return (1 + 2 * this.#stages + stage) * this.parts + partition;
  }

  /** What a number stands for. */
  name(block: number): BlockName {
    const partition = block % this.parts;
    const row = Math.floor(block / this.parts);
    if (row === 0) return { kind: 'topology', stage: 0, partition };
    if (row === 1) return { kind: 'features', stage: 0, partition };
    if (row <= 1 + this.#stages) return { kind: 'activations', stage: row - 1, partition };
    if (row <= 2 * this.#stages) return { kind: 'gradients', stage: row - 1 - this.#stages, partition };
    return { kind: 'snapshots', stage: row - 1 - 2 * this.#stages, partition };
  }
}
