/** Plays one rank's operations: computes, sends and receives in the order of the schedule. */
import { performance } from 'node:perf_hooks';
import { isCompute, type ScheduleOp, type TransferOp, transfersOf } from '../schedule/ops.js';

/** What computes. Arrays are float32 of a boundary's shape; undefined where a stage has none. */
export interface StageExecutor {
  /** Returns what goes to the next stage. */
  forward(chunk: number, microBatch: number, input: Float32Array | undefined): Float32Array | undefined;
  /** Returns what goes to the stage before. */
  backward(chunk: number, microBatch: number, gradOutput: Float32Array | undefined): Float32Array | undefined;
}

/** What carries messages to and from neighbours. */
export interface StageLinks {
  /** Runs transfers that were posted together; `out` is what each send takes. Returns what each receive got. */
  exchange(
    transfers: readonly TransferOp[],
    out: (transfer: TransferOp) => Float32Array,
    iteration: number,
  ): Map<TransferOp, Float32Array>;
}

/** Where one rank's step went. */
export interface PipelineSeconds {
  readonly forward: number;
  readonly backward: number;
  /** Blocked on neighbours, encoding included. */
  readonly communication: number;
}

/** Runs the operations to their end. Blocks. */
export function runSchedule(
  ops: readonly ScheduleOp[],
  executor: StageExecutor,
  links: StageLinks,
  iteration: number,
): PipelineSeconds {
  const seconds = { forward: 0, backward: 0, communication: 0 };
  const inbox = new Map<string, Float32Array>();
  const outbox = new Map<string, Float32Array>();
  for (const op of ops) {
    const start = performance.now();
    if (isCompute(op)) {
      const key = keyOf(op.kind, op.chunk, op.microBatch);
      const output = executor[op.kind](op.chunk, op.microBatch, inbox.get(key));
      inbox.delete(key);
      if (output) outbox.set(key, output);
      seconds[op.kind] += (performance.now() - start) / 1000;
      continue;
    }
    const take = (t: TransferOp): Float32Array => {
      const key = keyOf(t.direction, t.chunk, t.microBatch);
      const data = outbox.get(key)!;
      // What was sent is not needed any more: memory is held by micro-batches in flight only.
      outbox.delete(key);
      return data;
    };
    for (const [t, data] of links.exchange(transfersOf(op), take, iteration)) {
      inbox.set(keyOf(t.direction, t.chunk, t.microBatch), data);
    }
    seconds.communication += (performance.now() - start) / 1000;
  }
  return seconds;
}

function keyOf(direction: string, chunk: number, microBatch: number): string {
  return `${direction} ${chunk}.${microBatch}`;
}
