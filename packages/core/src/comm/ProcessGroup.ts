/**
 * The communicator interface: what every transport offers. Names and meaning are those of MPI and torch.distributed.
 * Two implementations: worker threads (in this package) and MPI (`@strata-ml/mpi`); one conformance suite runs on both.
 */
import type { TrafficLedger } from './counters.js';

/**
 * Element types that collectives carry: f32, f64, i32, u32, u16, u8. Half floats travel as their u16 bits; reductions of
 * integers are integer arithmetic that wraps around, so halves are gathered or sent, not reduced.
 */
export type CommArray = Float32Array | Float64Array | Int32Array | Uint32Array | Uint16Array | Uint8Array;

/** How `reduce`, `allReduce` and `reduceScatter` combine. NaN propagates through all of them. */
export type ReduceOp = 'sum' | 'max' | 'min' | 'prod';

/**
 * Which all-reduce runs. `flat`: every rank reduces its share and sends it to all, 2 (P − 1)/P · n bytes per rank.
 * `hierarchical`: reduce-scatter inside each server, all-reduce across servers, all-gather inside: 2 (S − 1)/S · n bytes
 * between servers, per server. `auto` takes it when the cluster's inter link has less than half the bandwidth of its
 * intra link. The first hierarchical call of a group makes its sub-groups, and blocks until all members call it.
 */
export type AllReduceAlgorithm = 'auto' | 'flat' | 'hierarchical';

/** Options of every communication call. */
export interface CommOptions {
  /** Label under which the bytes are counted, e.g. `forward`, `gradient`. @defaultValue `'other'` */
  readonly phase?: string;
  /** Layer under which the bytes are counted. @defaultValue none */
  readonly layer?: number;
  /** Longest wait before {@link CommTimeoutError}, in ms. @defaultValue the run's time-out */
  readonly timeoutMs?: number;
}

/** Options of point-to-point calls. */
export interface SendOptions extends CommOptions {
  /** Messages with different tags between the same two ranks do not match. Integer ≥ 0. @defaultValue `0` */
  readonly tag?: number;
}

/** Options of reductions. */
export interface ReduceOptions extends CommOptions {
  /** @defaultValue `'sum'` */
  readonly op?: ReduceOp;
}

/** Options of all-reduce. */
export interface AllReduceOptions extends ReduceOptions {
  /** @defaultValue `'auto'` */
  readonly algorithm?: AllReduceAlgorithm;
}

/** An operation in flight. Its arrays must not be touched until it is complete. */
export interface Work {
  /** Blocks this thread until the operation is complete; throws what the operation threw. */
  wait(): void;
  /** Settles when the operation is complete, without blocking the thread. */
  readonly done: Promise<void>;
}

/**
 * A group of ranks that communicate. Every member must call the same collectives in the same order with equal lengths
 * and types (`v` variants excepted). All lengths may be 0. Blocking forms return when the local arrays may be reused.
 */
export interface ProcessGroup {
  /** My index in the group, 0 … size−1. */
  readonly rank: number;
  /** Number of ranks in the group. */
  readonly size: number;
  /** World rank of each member, in group order. */
  readonly ranks: readonly number[];
  /** Bytes and messages this rank has sent, over all groups of the rank. */
  readonly traffic: TrafficLedger;

  /** Returns when `data` may be reused: usually at once, when they are buffered. Messages match by tag, in order. */
  send(data: CommArray, to: number, options?: SendOptions): void;
  /**
   * @throws {@link CommMismatchError} if the message has another length or type than `into`.
   * @throws {@link CommTimeoutError} if nothing came in time; it names the sender.
   */
  recv(into: CommArray, from: number, options?: SendOptions): void;
  /** Starts a send. The data are copied or must stay unchanged until `wait`. */
  isend(data: CommArray, to: number, options?: SendOptions): Work;
  /** Starts a receive into `into`; its length must equal the sender's. */
  irecv(into: CommArray, from: number, options?: SendOptions): Work;

  /** Returns when all members have called it. */
  barrier(options?: CommOptions): void;
  /** Copies the root's data to all; each other server is reached once. */
  broadcast(data: CommArray, root: number, options?: CommOptions): void;
  /** Result only on `root`, in place; other ranks' data are unchanged. */
  reduce(data: CommArray, root: number, options?: ReduceOptions): void;
  /** In place. Bit-identical on all ranks and from run to run: the summation order is by rank. */
  allReduce(data: CommArray, options?: AllReduceOptions): void;
  /** `input` holds size × output.length elements; rank r gets the reduction of block r. */
  reduceScatter(input: CommArray, output: CommArray, options?: ReduceOptions): void;
  /** Uneven blocks: block r has counts[r] elements; output.length = counts[rank]. */
  reduceScatterV(input: CommArray, counts: readonly number[], output: CommArray, options?: ReduceOptions): void;
  /** `output` holds size × input.length elements in rank order. */
  allGather(input: CommArray, output: CommArray, options?: CommOptions): void;
  /** Uneven blocks: rank r contributes counts[r] elements; `output` holds their sum. */
  allGatherV(input: CommArray, output: CommArray, counts: readonly number[], options?: CommOptions): void;
  /** Block r of `input` goes to rank r; block r of `output` comes from rank r. */
  allToAll(input: CommArray, output: CommArray, options?: CommOptions): void;
  /** Uneven blocks: sendCounts[r] elements go to rank r, recvCounts[r] come from it. */
  allToAllV(
    input: CommArray,
    sendCounts: readonly number[],
    output: CommArray,
    recvCounts: readonly number[],
    options?: CommOptions,
  ): void;

  allReduceAsync(data: CommArray, options?: AllReduceOptions): Work;
  broadcastAsync(data: CommArray, root: number, options?: CommOptions): Work;
  reduceScatterAsync(input: CommArray, output: CommArray, options?: ReduceOptions): Work;
  allGatherAsync(input: CommArray, output: CommArray, options?: CommOptions): Work;
  allToAllAsync(input: CommArray, output: CommArray, options?: CommOptions): Work;
  barrierAsync(options?: CommOptions): Work;

  /** Splits by `color` (collective): ranks of equal colour form a group ordered by `key`, then rank. */
  split(color: number, key?: number): ProcessGroup;
}
