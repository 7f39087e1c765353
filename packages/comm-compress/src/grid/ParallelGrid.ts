/**
 * The rank grid: tensor × data × pipeline.
 *
 * Logical rank = tensor + tp · (replica + dp · stage): tensor ranks are neighbours, so that they share a server; stages
 * are tp · dp apart. Narayanan et al.: "Efficient Large-Scale Language Model Training on GPU Clusters Using Megatron-LM",
 * SC 2021, arXiv:2104.04473.
 */
import { OptionError } from '@strata-ml/core';

/** Sizes of a grid. */
export interface GridOptions {
  /** Tensor-parallel ranks. @defaultValue `1` */
  readonly tp?: number;
  /** Pipeline stages. @defaultValue `1` */
  readonly pp?: number;
  /** Replicas. @defaultValue `1` */
  readonly dp?: number;
  /** World rank of each logical rank. @defaultValue the same */
  readonly placement?: readonly number[];
}

/** Where a rank stands. */
export interface GridPlace {
  readonly tp: number;
  readonly pp: number;
  readonly dp: number;
  /** Index among tensor ranks. */
  readonly tensor: number;
  /** Index among replicas. */
  readonly replica: number;
  /** Index among pipeline stages. */
  readonly stage: number;
}

/** Kinds of groups; the order is that of their creation. */
export const groupKinds = ['tensor', 'data', 'pipeline', 'model', 'embedding', 'fusedEmbedding'] as const;
/** One of {@link groupKinds}. */
export type GroupKind = (typeof groupKinds)[number];

/** A checked grid. */
export class ParallelGrid {
  readonly tp: number;
  readonly pp: number;
  readonly dp: number;
  readonly worldSize: number;
  /** World rank of each logical rank. */
  readonly placement: readonly number[];

  /** @throws {@link OptionError} if a size is not a whole number ≥ 1 or the placement no permutation. */
  constructor({ tp = 1, pp = 1, dp = 1, placement }: GridOptions = {}) {
    for (const [name, size] of Object.entries({ tp, pp, dp })) {
      if (!(Number.isSafeInteger(size) && size >= 1)) throw new OptionError('grid', name, size, 'a whole number ≥ 1');
    }
    this.tp = tp;
    this.pp = pp;
    this.dp = dp;
    this.worldSize = tp * pp * dp;
    this.placement = placement ? [...placement] : Array.from({ length: this.worldSize }, (_, rank) => rank);
    const sorted = [...this.placement].sort((a, b) => a - b);
    if (sorted.length !== this.worldSize || sorted.some((rank, i) => rank !== i)) {
      throw new OptionError(
        'grid',
        'placement',
        JSON.stringify(placement),
        `a permutation of 0 … ${this.worldSize - 1}`,
      );
    }
  }

  /** World rank at a place. */
  rankAt(tensor: number, replica: number, stage: number): number {
    return this.placement[tensor + this.tp * (replica + this.dp * stage)]!;
  }

  /** Place of a world rank. */
  placeOf(rank: number): GridPlace {
    const { tp, pp, dp } = this;
    const logical = this.placement.indexOf(rank);
    if (logical < 0) throw new OptionError('grid', 'rank', rank, `in [0, ${this.worldSize})`);
    const tensor = logical % tp;
    const replica = Math.floor(logical / tp) % dp;
    return { tp, pp, dp, tensor, replica, stage: Math.floor(logical / (tp * dp)) };
  }

  /**
   * Members of every group of a kind, as world ranks in group order. Ranks in none are left out: those of inner stages
   * have no embedding group.
   *
   * @example
   * new ParallelGrid({ tp: 2, dp: 2 }).groups('data'); // => [[0, 2], [1, 3]]
   */
  groups(kind: GroupKind): number[][] {
    const { tp, pp, dp } = this;
    const each = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));
    const ends = pp === 1 ? [0] : [0, pp - 1];
    switch (kind) {
      case 'tensor':
        return each(pp * dp, (i) => each(tp, (tensor) => this.rankAt(tensor, i % dp, Math.floor(i / dp))));
      case 'data':
        return each(pp * tp, (i) => each(dp, (replica) => this.rankAt(i % tp, replica, Math.floor(i / tp))));
      case 'pipeline':
        return each(dp * tp, (i) => each(pp, (stage) => this.rankAt(i % tp, Math.floor(i / tp), stage)));
      case 'model':
        return each(dp, (replica) => each(pp * tp, (i) => this.rankAt(i % tp, replica, Math.floor(i / tp))));
      case 'embedding':
        return each(dp * tp, (i) => ends.map((stage) => this.rankAt(i % tp, Math.floor(i / tp), stage)));
      case 'fusedEmbedding':
        return each(tp, (tensor) =>
          each(dp, (replica) => ends.map((stage) => this.rankAt(tensor, replica, stage))).flat(),
        );
    }
  }
}
