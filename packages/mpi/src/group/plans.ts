/**
 * Turns a collective into the MPI calls that perform it: plain data, nothing is called here. Every call exists in a
 * blocking form (`MPI_Allreduce`) and a non-blocking one (`MPI_Iallreduce`) with the same arguments plus a request.
 */
import type { CommArray, ReduceOp } from '@strata-ml/core';
import { elementTypeOf, type Handle } from '../library/handles.js';
import type { Mpi } from '../library/Mpi.js';
import { reducible } from './reducible.js';

/** Calls with a blocking form `MPI_X` and a non-blocking form `MPI_Ix`. */
export type CallName =
  | 'Barrier'
  | 'Bcast'
  | 'Reduce'
  | 'Allreduce'
  | 'Reduce_scatter'
  | 'Allgather'
  | 'Allgatherv'
  | 'Alltoallv';

/** One C call. `Send` and `Recv` have only the non-blocking form here. */
export interface PlannedCall {
  readonly name: CallName | 'send' | 'recv';
  readonly args: readonly (Handle | null)[];
}

/** A collective, ready to run. */
export interface Plan {
  readonly operation: string;
  readonly calls: readonly PlannedCall[];
  /** Arrays the calls refer to by address. */
  readonly keep: readonly ArrayBufferView[];
  /** Size that every rank sees alike, so that all choose the same form; undefined: ranks differ, non-blocking only. */
  readonly commonBytes: number | undefined;
  /** Runs when the calls are complete. */
  readonly finish?: () => void;
}

/** What a plan is made for. */
export interface Communicator {
  readonly mpi: Mpi;
  readonly comm: Handle;
  readonly rank: number;
  readonly size: number;
  /** Most elements in one call; 2³¹−1 but for tests. */
  readonly maxCount: number;
  /** Largest tag of a user's message; the next one is for messages that make up a collective. */
  readonly maxTag: number;
}

/** Largest count, displacement and block of MPI's C binding: they are `int`. */
export const MAX_COUNT = 2 ** 31 - 1;

export function barrierPlan({ comm }: Communicator): Plan {
  return { operation: 'barrier', calls: [{ name: 'Barrier', args: [comm] }], keep: [], commonBytes: 0 };
}

export function broadcastPlan(c: Communicator, data: CommArray, root: number): Plan {
  const type = c.mpi.typeOf(elementTypeOf(data));
  const calls = pieces(data, c.maxCount).map((piece): PlannedCall => {
    return { name: 'Bcast', args: [c.mpi.pointer(piece), piece.length, type, root, c.comm] };
  });
  return { operation: 'broadcast', calls, keep: [data], commonBytes: data.byteLength };
}

export function allReducePlan(c: Communicator, data: CommArray, op: ReduceOp): Plan {
  const { mpi, comm } = c;
  const { array, type, restore } = reducible(data, op, true);
  const calls = pieces(array, c.maxCount).map((piece): PlannedCall => {
    const count = piece.length;
    return {
      name: 'Allreduce',
      args: [mpi.handles.inPlace, mpi.pointer(piece), count, mpi.typeOf(type), opOf(c, op), comm],
    };
  });
  return {
    operation: 'allReduce',
    calls,
    keep: [array],
    commonBytes: data.byteLength,
    ...(restore ? { finish: () => restore(array, data) } : {}),
  };
}

export function reducePlan(c: Communicator, data: CommArray, root: number, op: ReduceOp): Plan {
  const { mpi, comm } = c;
  const isRoot = c.rank === root;
  // Other ranks' data stay as they are.
  const { array, type, restore } = reducible(data, op, isRoot);
  // MPICH 4.0 crashes on a long MPI_Reduce in place at a root other than 0, so its root sends from a copy.
  const inPlace = isRoot && !(mpi.handles.family === 'mpich' && root !== 0);
  const own = isRoot && !inPlace ? array.slice() : array;
  const results = pieces(array, c.maxCount);
  const calls = pieces(own, c.maxCount).map((piece, i): PlannedCall => {
    const send = inPlace ? mpi.handles.inPlace : mpi.pointer(piece);
    const receive = isRoot ? mpi.pointer(results[i]!) : null;
    return { name: 'Reduce', args: [send, receive, piece.length, mpi.typeOf(type), opOf(c, op), root, comm] };
  });
  return {
    operation: 'reduce',
    calls,
    keep: [array, own],
    commonBytes: data.byteLength,
    ...(restore && isRoot ? { finish: () => restore(array, data) } : {}),
  };
}

export function reduceScatterPlan(
  c: Communicator,
  input: CommArray,
  counts: readonly number[],
  output: CommArray,
  op: ReduceOp,
): Plan {
  const { mpi, comm } = c;
  const prepared = reducible(input, op, false);
  const { restore } = prepared;
  const type = mpi.typeOf(prepared.type);
  const source = overlaps(prepared.array, output) ? prepared.array.slice() : prepared.array;
  const result = prepared.result(output);
  const rest = {
    operation: 'reduceScatter',
    commonBytes: input.byteLength,
    ...(restore ? { finish: () => restore(result, output) } : {}),
  };
  if (input.length > c.maxCount) {
    // Block after block, each reduced to its owner, in pieces that MPI can count.
    const calls: PlannedCall[] = [];
    forEachBlock(counts, (root, begin, end) => {
      const blocks = pieces(source.subarray(begin, end), c.maxCount);
      const results = pieces(result, c.maxCount);
      blocks.forEach((block, i) => {
        const receive = c.rank === root ? mpi.pointer(results[i]!) : null;
        calls.push({
          name: 'Reduce',
          args: [mpi.pointer(block), receive, block.length, type, opOf(c, op), root, comm],
        });
      });
    });
    return { ...rest, calls, keep: [source, result] };
  }
  const cCounts = Int32Array.from(counts);
  const args = [mpi.pointer(source), mpi.pointer(result), mpi.pointer(cCounts), type, opOf(c, op), comm];
  return { ...rest, calls: [{ name: 'Reduce_scatter', args }], keep: [source, result, cCounts] };
}

export function allGatherPlan(c: Communicator, input: CommArray, output: CommArray, counts: readonly number[]): Plan {
  const { mpi, comm, rank } = c;
  const type = mpi.typeOf(elementTypeOf(input));
  const displacements = offsetsOf(counts);
  const begin = displacements[rank]!;
  const own = output.subarray(begin, begin + input.length);
  const inPlace = input.length > 0 && sameMemory(input, own);
  const source = !inPlace && overlaps(input, output) ? input.slice() : input;
  const rest = { operation: 'allGather', commonBytes: output.byteLength };
  if (output.length > c.maxCount) {
    if (!inPlace) own.set(source as never);
    const sends = counts.map((_, r) => (r === rank ? own.subarray(0, 0) : own));
    const receives = counts.map((n, r) => output.subarray(displacements[r]!, displacements[r]! + (r === rank ? 0 : n)));
    return { ...rest, calls: pairwise(c, sends, receives, type), keep: [output], commonBytes: undefined };
  }
  const sendPointer = inPlace ? mpi.handles.inPlace : mpi.pointer(source);
  if (counts.every((n) => n === counts[0])) {
    const args = [sendPointer, input.length, type, mpi.pointer(output), counts[0]!, type, comm];
    return { ...rest, calls: [{ name: 'Allgather', args }], keep: [source, output] };
  }
  const cCounts = Int32Array.from(counts);
  const cDisplacements = Int32Array.from(displacements);
  const [p, q] = [mpi.pointer(cCounts), mpi.pointer(cDisplacements)];
  const args = [sendPointer, input.length, type, mpi.pointer(output), p, q, type, comm];
  return { ...rest, calls: [{ name: 'Allgatherv', args }], keep: [source, output, cCounts, cDisplacements] };
}

export function allToAllPlan(
  c: Communicator,
  input: CommArray,
  sendCounts: readonly number[],
  output: CommArray,
  recvCounts: readonly number[],
  isUniform: boolean,
): Plan {
  const { mpi, comm, rank } = c;
  const type = mpi.typeOf(elementTypeOf(input));
  const source = overlaps(input, output) ? input.slice() : input;
  const [sendAt, recvAt] = [offsetsOf(sendCounts), offsetsOf(recvCounts)];
  const rest = { operation: 'allToAll', commonBytes: isUniform ? input.byteLength : undefined };
  if (!isUniform || input.length > c.maxCount) {
    // Uneven: every rank knows only its own counts, so whether MPI could count them cannot be agreed on; the direct
    // exchange below always works, and is what MPI_Alltoallv does inside.
    output.set(source.subarray(sendAt[rank]!, sendAt[rank]! + sendCounts[rank]!) as never, recvAt[rank]!);
    const block = (data: CommArray, at: readonly number[], n: number, r: number) =>
      data.subarray(at[r]!, at[r]! + (r === rank ? 0 : n));
    const sends = sendCounts.map((n, r) => block(source, sendAt, n, r));
    const receives = recvCounts.map((n, r) => block(output, recvAt, n, r));
    return { ...rest, calls: pairwise(c, sends, receives, type), keep: [source, output], commonBytes: undefined };
  }
  const memory = [sendCounts, sendAt, recvCounts, recvAt].map((x) => Int32Array.from(x));
  const [sc, sd, rc, rd] = memory.map((x) => mpi.pointer(x)) as [bigint, bigint, bigint, bigint];
  const args = [mpi.pointer(source), sc, sd, type, mpi.pointer(output), rc, rd, type, comm];
  return { ...rest, calls: [{ name: 'Alltoallv', args }], keep: [source, output, ...memory] };
}

/** Direct exchange: block r of `sends` to rank r, block r of `receives` from rank r; empty blocks are not sent. */
function pairwise(c: Communicator, sends: readonly CommArray[], receives: readonly CommArray[], type: Handle) {
  const calls: PlannedCall[] = [];
  // Start with the next rank, so that not everyone sends to rank 0 first.
  for (let step = 1; step < c.size; step++) {
    const from = (c.rank + c.size - step) % c.size;
    for (const piece of nonEmpty(pieces(receives[from]!, c.maxCount))) {
      calls.push({ name: 'recv', args: [c.mpi.pointer(piece), piece.length, type, from, c.maxTag + 1, c.comm] });
    }
  }
  for (let step = 1; step < c.size; step++) {
    const to = (c.rank + step) % c.size;
    for (const piece of nonEmpty(pieces(sends[to]!, c.maxCount))) {
      calls.push({ name: 'send', args: [c.mpi.pointer(piece), piece.length, type, to, c.maxTag + 1, c.comm] });
    }
  }
  return calls;
}

/** Cuts an array into views of at most `maxCount` elements; an empty array is one empty piece. */
export function pieces<A extends CommArray>(data: A, maxCount: number): A[] {
  if (data.length <= maxCount) return [data];
  const cut: A[] = [];
  for (let begin = 0; begin < data.length; begin += maxCount) {
    cut.push(data.subarray(begin, Math.min(data.length, begin + maxCount)) as A);
  }
  return cut;
}

/** Start of each block when blocks of these sizes follow each other. */
function offsetsOf(counts: readonly number[]): number[] {
  let sum = 0;
  return counts.map((n) => {
    const at = sum;
    sum += n;
    return at;
  });
}

function nonEmpty(blocks: readonly CommArray[]): readonly CommArray[] {
  return blocks.filter((b) => b.length > 0);
}

function forEachBlock(counts: readonly number[], visit: (rank: number, begin: number, end: number) => void): void {
  const at = offsetsOf(counts);
  for (const [r, n] of counts.entries()) visit(r, at[r]!, at[r]! + n);
}

function opOf({ mpi }: Communicator, op: ReduceOp): Handle {
  return mpi.handles.ops[op];
}

function sameMemory(a: CommArray, b: CommArray): boolean {
  return a.buffer === b.buffer && a.byteOffset === b.byteOffset && a.length === b.length;
}

/** MPI forbids that what it reads and what it writes overlap. */
function overlaps(a: CommArray, b: CommArray): boolean {
  if (a.buffer !== b.buffer) return false;
  return a.byteOffset < b.byteOffset + b.byteLength && b.byteOffset < a.byteOffset + a.byteLength;
}
