/** Which batch worker prepares which batch, for which compute worker, and in which order batches are trained. */
import { Rng } from '@strata-ml/core';

/** One batch of an epoch. The same in every epoch but for its seeds. */
export interface ScheduledBatch {
  /** Place in the order of training: by round, then by compute worker. */
  readonly id: number;
  /** Batch worker that prepares it, unless that is lost. */
  readonly maker: number;
  /** Compute worker that trains it. */
  readonly target: number;
  /** Its place among the batches of the compute worker: the step in which it is trained. */
  readonly round: number;
  /** Queue from `maker` to `target`, and its place there. */
  readonly lane: number;
  readonly place: number;
  /** Share `index` of `parts` of the shuffled training vertices: of all (`owner` −1), or of those of a batch worker. */
  readonly share: { readonly owner: number; readonly index: number; readonly parts: number };
}

/** All batches of an epoch, by id, and the queues between workers. */
export interface Schedule {
  readonly batches: readonly ScheduledBatch[];
  readonly lanes: readonly { readonly maker: number; readonly target: number }[];
  /** Batches of the compute worker that has most. */
  readonly rounds: number;
}

/** What a schedule is made from. */
export interface ScheduleInput {
  /** Batches that each batch worker prepares in an epoch. */
  readonly batchesOf: readonly number[];
  /** Compute workers that each batch worker feeds, in turn. */
  readonly children: readonly (readonly number[])[];
  readonly computeWorkers: number;
  /** `'dealt'` shares all training vertices out, `'owned'` each batch worker's own. */
  readonly seeds: 'dealt' | 'owned';
}

/**
 * Makes the schedule. A batch worker feeds its children in turn, the k-th beginning with its k-th; a compute worker takes
 * from its feeders in turn, and from those that are left when one has no more.
 */
export function makeSchedule({ batchesOf, children, computeWorkers, seeds }: ScheduleInput): Schedule {
  const lanes: { maker: number; target: number }[] = [];
  const laneOf = new Map<string, number>();
  const inLane: number[] = [];
  const byTarget = Array.from({ length: computeWorkers }, () => [] as Omit<ScheduledBatch, 'id' | 'round'>[]);
  const most = Math.max(0, ...batchesOf);
  for (let k = 0; k < most; k++) {
    batchesOf.forEach((count, maker) => {
      if (k >= count) return;
      const fed = children[maker]!;
      const target = fed[(k + maker) % fed.length]!;
      const key = `${maker} ${target}`;
      let lane = laneOf.get(key);
      if (lane === undefined) {
        lane = lanes.push({ maker, target }) - 1;
        laneOf.set(key, lane);
        inLane.push(0);
      }
      const place = inLane[lane]!++;
      byTarget[target]!.push({ maker, target, lane, place, share: { owner: maker, index: k, parts: count } });
    });
  }
  const total = batchesOf.reduce((sum, count) => sum + count, 0);
  const batches: ScheduledBatch[] = [];
  const rounds = Math.max(0, ...byTarget.map((list) => list.length));
  for (let round = 0; round < rounds; round++) {
    for (const list of byTarget) {
      const batch = list[round];
      if (!batch) continue;
      const id = batches.length;
      const share = seeds === 'dealt' ? { owner: -1, index: id, parts: total } : batch.share;
      batches.push({ ...batch, share, id, round });
    }
  }
  return { batches, lanes, rounds };
}

/** Training vertices that shares are cut from: all, and those of each batch worker. */
export interface SeedLists {
  readonly all: Int32Array;
  readonly ofMaker: readonly Int32Array[];
}

/** Seeds of a batch in an epoch, ascending: a pure function, so any worker may prepare any batch. */
export function seedsOfBatch(
  { share: { owner, index, parts } }: Pick<ScheduledBatch, 'share'>,
  { all, ofMaker }: SeedLists,
  seed: number,
  epoch: number,
): Int32Array {
  const list = owner < 0 ? all : ofMaker[owner]!;
  const order = new Rng(seed).split('seeds', epoch, ...(owner < 0 ? [] : [owner])).permutation(list.length);
  const begin = Math.floor((index * list.length) / parts);
  const end = Math.floor(((index + 1) * list.length) / parts);
  return Int32Array.from(order.subarray(begin, end), (i) => list[i]!).sort();
}
