/** Occupancy of the workers of a pipeline, from its counters. */
import {
  BATCH_COUNTERS,
  type BatchCounter,
  COMPUTE_COUNTERS,
  type ComputeCounter,
  LOST,
  MAKING,
  PENDING,
  type PipelineMemory,
  READY,
  TAKEN,
  TRAINED,
} from './PipelineMemory.js';
import type { PipelineStats } from './report.js';

/** Reads the counters; may be called while the pipeline runs. */
export function pipelineStats(memory: PipelineMemory): PipelineStats {
  const { state, batchCounters, computeCounters } = memory.arrays;
  const states = Array.from(state.keys()).map((id) => Atomics.load(state, id));
  const count = (...wanted: number[]) => states.filter((s) => wanted.includes(s)).length;
  return {
    epoch: memory.epoch,
    batches: {
      pending: count(PENDING) + states.filter((s) => s >= MAKING).length,
      queued: count(READY),
      training: count(TAKEN),
      trained: count(TRAINED),
      lost: count(LOST),
    },
    batchWorkers: rows(batchCounters, BATCH_COUNTERS).map((c: Record<BatchCounter, number>) => {
      const seconds = c.sample + c.slice + c.blocked + c.idle;
      const share = (part: number) => (seconds === 0 ? 0 : part / seconds);
      return {
        sample: share(c.sample),
        slice: share(c.slice),
        blocked: share(c.blocked),
        idle: share(c.idle),
        seconds,
        batches: c.batches,
        remoteShare: c.rows === 0 ? 0 : c.remoteRows / c.rows,
        bytes: c.bytes,
      };
    }),
    computeWorkers: rows(computeCounters, COMPUTE_COUNTERS).map((c: Record<ComputeCounter, number>) => {
      const seconds = c.receive + c.prepare + c.compute + c.sync;
      const share = (part: number) => (seconds === 0 ? 0 : part / seconds);
      return {
        receive: share(c.receive),
        prepare: share(c.prepare),
        compute: share(c.compute),
        sync: share(c.sync),
        seconds,
        batches: c.batches,
        seeds: c.seeds,
      };
    }),
  };
}

function rows<N extends string>(counters: Float64Array, names: readonly N[]): Record<N, number>[] {
  return Array.from(
    { length: counters.length / names.length },
    (_, i) => Object.fromEntries(names.map((name, j) => [name, counters[i * names.length + j]!])) as Record<N, number>,
  );
}
