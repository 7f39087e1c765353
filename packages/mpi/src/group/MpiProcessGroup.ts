/** A communicator over MPI: the interface of core, every call checked, bounded in time and counted. */
import type {
  AllReduceAlgorithm,
  AllReduceOptions,
  CommArray,
  CommOptions,
  LinkClass,
  ProcessGroup,
  ReduceOp,
  ReduceOptions,
  SendOptions,
  TrafficLedger,
  Work,
} from '@strata-ml/core';
import { CommMismatchError, CommTimeoutError, OptionError } from '@strata-ml/core';
import { ELEMENT_BYTES, elementTypeOf, type Handle, type HandleCell } from '../library/handles.js';
import type { MpiFunction } from '../library/Mpi.js';
import { waitUntil } from '../waitLoop.js';
import { checkCounts, checkLength, checkOp, checkRank, checkSameType, checkTag } from './check.js';
import { DirectAllReduce } from './DirectAllReduce.js';
import type { GroupRuntime } from './GroupRuntime.js';
import { Hierarchy } from './hierarchy.js';
import { MpiWork } from './MpiWork.js';
import {
  allGatherPlan,
  allReducePlan,
  allToAllPlan,
  barrierPlan,
  broadcastPlan,
  type Communicator,
  type Plan,
  pieces,
  reducePlan,
  reduceScatterPlan,
} from './plans.js';
import type { Meetings } from './SharedCells.js';
import { compareSignatures, SIGNATURE_WORDS, signatureOf } from './signature.js';
import {
  allGatherOutgoing,
  allReduceOutgoing,
  broadcastOutgoing,
  countOutgoing,
  type Outgoing,
  reduceOutgoing,
} from './traffic.js';

/**
 * From this size on, blocking forms first wait until everyone has arrived and then make the library's blocking call,
 * whose algorithms for long messages are faster than those of its non-blocking forms: a 64 MiB all-reduce over 2 ranks
 * took 36 against 78 ms (Open MPI 4.1, shared memory). Below it, one round of messages less counts for more.
 */
const BLOCKING_BYTES = 64 * 1024;

const ALGORITHMS: readonly AllReduceAlgorithm[] = ['auto', 'flat', 'hierarchical'];

/** A group of MPI ranks. Made by {@link initMpi} and by `split`. */
export class MpiProcessGroup implements ProcessGroup {
  readonly rank: number;
  readonly size: number;
  readonly ranks: readonly number[];
  readonly #runtime: GroupRuntime;
  readonly #c: Communicator;
  readonly #id: string;
  /** Ranks of MPI_COMM_WORLD, for the side channel. */
  readonly #mpiRanks: readonly number[];
  readonly #serverOf: readonly number[];
  readonly #meetings: Meetings | undefined;
  readonly #sum: DirectAllReduce;
  #splits = 0;
  #hierarchy: Hierarchy | undefined;

  /**
   * @param comm - this group's communicator; ranks in it are in the order of `ranks` (world ranks)
   * @param index - of its counters in `SharedCells`, the same on all members
   */
  constructor(runtime: GroupRuntime, comm: Handle, id: string, rank: number, ranks: readonly number[], index: number) {
    this.#runtime = runtime;
    this.#id = id;
    this.rank = rank;
    this.size = ranks.length;
    this.ranks = ranks;
    this.#mpiRanks = ranks.map((r) => runtime.mpiRankOf(r));
    this.#serverOf = ranks.map((r) => runtime.serverOf(r));
    this.#meetings = runtime.shared?.meetings(index, this.#mpiRanks, rank);
    this.#sum = new DirectAllReduce(this.traffic, (r) => this.#classOf(r), rank, ranks.length);
    this.#c = { mpi: runtime.mpi, comm, rank, size: ranks.length, maxCount: runtime.maxCount, maxTag: runtime.maxTag };
  }

  get traffic(): TrafficLedger {
    return this.#runtime.traffic;
  }

  send(data: CommArray, to: number, options: SendOptions = {}): void {
    this.isend(data, to, options).wait();
  }

  recv(into: CommArray, from: number, options: SendOptions = {}): void {
    this.irecv(into, from, options).wait();
  }

  isend(data: CommArray, to: number, options: SendOptions = {}): Work {
    checkRank('send', 'to', to, this.size);
    checkTag('send', options.tag ?? 0, this.#runtime.maxTag);
    const { phase = 'other', layer } = options;
    this.traffic.add(this.#classOf(to), phase, layer, data.byteLength);
    return this.#message('send', data, to, options);
  }

  irecv(into: CommArray, from: number, options: SendOptions = {}): Work {
    checkRank('recv', 'from', from, this.size);
    checkTag('recv', options.tag ?? 0, this.#runtime.maxTag);
    return this.#message('recv', into, from, options);
  }

  barrier(options: CommOptions = {}): void {
    this.#block(barrierPlan(this.#c), signatureOf('barrier'), options);
  }

  broadcast(data: CommArray, root: number, options: CommOptions = {}): void {
    this.#block(...this.#broadcast(data, root, options), options);
  }

  reduce(data: CommArray, root: number, options: ReduceOptions = {}): void {
    checkRank('reduce', 'root', root, this.size);
    const { op = 'sum' } = options;
    checkOp('reduce', op);
    elementTypeOf(data);
    this.#count(reduceOutgoing(this.size, root, data.byteLength), options);
    const signature = signatureOf('reduce', data, data.length, root, op);
    this.#block(reducePlan(this.#c, data, root, op), signature, options);
  }

  allReduce(data: CommArray, options: AllReduceOptions = {}): void {
    const hierarchy = this.#hierarchyFor(options);
    if (hierarchy) hierarchy.allReduce(data, options);
    else if (this.#isDirect(data, options)) this.#reduceDirectly(data, options);
    else this.#block(...this.#allReduce(data, options), options);
  }

  reduceScatter(input: CommArray, output: CommArray, options: ReduceOptions = {}): void {
    this.#block(...this.#reduceScatter(input, this.#uniform(output.length), output, options), options);
  }

  reduceScatterV(input: CommArray, counts: readonly number[], output: CommArray, options: ReduceOptions = {}): void {
    this.#block(...this.#reduceScatter(input, counts, output, options), options);
  }

  allGather(input: CommArray, output: CommArray, options: CommOptions = {}): void {
    this.#block(...this.#allGather(input, output, this.#uniform(input.length), options), options);
  }

  allGatherV(input: CommArray, output: CommArray, counts: readonly number[], options: CommOptions = {}): void {
    this.#block(...this.#allGather(input, output, counts, options), options);
  }

  allToAll(input: CommArray, output: CommArray, options: CommOptions = {}): void {
    this.#block(...this.#allToAll(input, undefined, output, undefined, options), options);
  }

  allToAllV(
    input: CommArray,
    sendCounts: readonly number[],
    output: CommArray,
    recvCounts: readonly number[],
    options: CommOptions = {},
  ): void {
    this.#block(...this.#allToAll(input, sendCounts, output, recvCounts, options), options);
  }

  allReduceAsync(data: CommArray, options: AllReduceOptions = {}): Work {
    const hierarchy = this.#hierarchyFor(options);
    if (hierarchy) return hierarchy.allReduceAsync(data, options);
    return this.#start(...this.#allReduce(data, options), options);
  }

  broadcastAsync(data: CommArray, root: number, options: CommOptions = {}): Work {
    return this.#start(...this.#broadcast(data, root, options), options);
  }

  reduceScatterAsync(input: CommArray, output: CommArray, options: ReduceOptions = {}): Work {
    return this.#start(...this.#reduceScatter(input, this.#uniform(output.length), output, options), options);
  }

  /** Uneven form of {@link MpiProcessGroup.reduceScatterAsync}. */
  reduceScatterVAsync(
    input: CommArray,
    counts: readonly number[],
    output: CommArray,
    options: ReduceOptions = {},
  ): Work {
    return this.#start(...this.#reduceScatter(input, counts, output, options), options);
  }

  allGatherAsync(input: CommArray, output: CommArray, options: CommOptions = {}): Work {
    return this.#start(...this.#allGather(input, output, this.#uniform(input.length), options), options);
  }

  /** Uneven form of {@link MpiProcessGroup.allGatherAsync}. */
  allGatherVAsync(input: CommArray, output: CommArray, counts: readonly number[], options: CommOptions = {}): Work {
    return this.#start(...this.#allGather(input, output, counts, options), options);
  }

  allToAllAsync(input: CommArray, output: CommArray, options: CommOptions = {}): Work {
    return this.#start(...this.#allToAll(input, undefined, output, undefined, options), options);
  }

  barrierAsync(options: CommOptions = {}): Work {
    return this.#start(barrierPlan(this.#c), signatureOf('barrier'), options);
  }

  split(color: number, key = this.rank): MpiProcessGroup {
    if (!Number.isInteger(color)) throw new OptionError('split', 'color', color, 'an integer');
    if (!Number.isInteger(key)) throw new OptionError('split', 'key', key, 'an integer');
    const { mpi, timeoutMs, shared } = this.#runtime;
    const id = `${this.#id}/${this.#splits++}:${color}`;
    const mine = Float64Array.of(color, key, shared?.next ?? 0);
    const all = new Float64Array(3 * this.size);
    const plan = { ...allGatherPlan(this.#c, mine, all, this.#uniform(3)), operation: 'split' };
    this.#start(plan, signatureOf('split'), { timeoutMs }).wait();
    // MPI takes colours ≥ 0 only, and orders equal keys by rank as we do.
    const colors = [...new Set(this.ranks.map((_, r) => all[3 * r]!))];
    const members = [...this.ranks.keys()].filter((r) => all[3 * r] === color);
    members.sort((a, b) => all[3 * a + 1]! - all[3 * b + 1]! || a - b);
    const comm = mpi.cell();
    mpi.call('MPI_Comm_split', this.#c.comm, colors.indexOf(color), members.indexOf(this.rank), comm);
    const ranks = members.map((r) => this.ranks[r]!);
    const index = Math.max(...members.map((r) => all[3 * r + 2]!));
    return new MpiProcessGroup(this.#runtime, comm[0]!, id, members.indexOf(this.rank), ranks, index);
  }

  #broadcast(data: CommArray, root: number, options: CommOptions): [Plan, Float64Array] {
    checkRank('broadcast', 'root', root, this.size);
    elementTypeOf(data);
    this.#count(broadcastOutgoing(this.rank, root, this.#serverOf, data.byteLength), options);
    return [broadcastPlan(this.#c, data, root), signatureOf('broadcast', data, data.length, root)];
  }

  #allReduce(data: CommArray, options: ReduceOptions): [Plan, Float64Array] {
    const { op = 'sum' } = options;
    checkOp('allReduce', op);
    elementTypeOf(data);
    for (const step of allReduceOutgoing(this.rank, this.size, data.length, data.BYTES_PER_ELEMENT)) {
      this.#count(step, options);
    }
    return [allReducePlan(this.#c, data, op), signatureOf('allReduce', data, data.length, -1, op)];
  }

  /** All that needs no preparation: one call of the library once all are here. */
  #isDirect(data: CommArray, { op = 'sum' }: ReduceOptions): boolean {
    const { checkComm, maxCount } = this.#runtime;
    return this.#meetings !== undefined && !checkComm && data.length <= maxCount && this.#sum.takes(data, op);
  }

  #reduceDirectly(data: CommArray, options: ReduceOptions): void {
    const { mpi, comm } = this.#c;
    this.#sum.count(data, options);
    this.#arrive('allReduce', options, options.timeoutMs ?? this.#runtime.timeoutMs);
    const { inPlace, ops, types } = mpi.handles;
    const pointer = data.length === 0 ? mpi.pointer(data) : data;
    const type = types[elementTypeOf(data)];
    mpi.call('MPI_Allreduce', inPlace, pointer, data.length, type, ops[options.op ?? 'sum'], comm);
  }

  #reduceScatter(
    input: CommArray,
    counts: readonly number[],
    output: CommArray,
    { op = 'sum' as ReduceOp, ...options }: ReduceOptions,
  ): [Plan, Float64Array] {
    checkOp('reduceScatter', op);
    checkSameType('reduceScatter', input, output);
    const total = checkCounts('reduceScatter', 'counts', counts, this.size);
    checkLength('reduceScatter', 'input', input, total);
    checkLength('reduceScatter', 'output', output, counts[this.rank]!);
    this.#count(this.#bytes(input, counts), options);
    const plan = reduceScatterPlan(this.#c, input, counts, output, op);
    return [plan, signatureOf('reduceScatter', input, total, -1, op)];
  }

  #allGather(
    input: CommArray,
    output: CommArray,
    counts: readonly number[],
    options: CommOptions,
  ): [Plan, Float64Array] {
    checkSameType('allGather', input, output);
    const total = checkCounts('allGather', 'counts', counts, this.size);
    checkLength('allGather', 'input', input, counts[this.rank]!);
    checkLength('allGather', 'output', output, total);
    this.#count(allGatherOutgoing(this.size, input.byteLength), options);
    return [allGatherPlan(this.#c, input, output, counts), signatureOf('allGather', input, total)];
  }

  #allToAll(
    input: CommArray,
    sendCounts: readonly number[] | undefined,
    output: CommArray,
    recvCounts: readonly number[] | undefined,
    options: CommOptions,
  ): [Plan, Float64Array] {
    const where = 'allToAll';
    const isUniform = sendCounts === undefined || recvCounts === undefined;
    if (isUniform && input.length % this.size !== 0) {
      throw new OptionError(where, 'input.length', input.length, `a multiple of the group's size, ${this.size}`);
    }
    const sends = sendCounts ?? this.#uniform(input.length / this.size);
    const receives = recvCounts ?? this.#uniform(input.length / this.size);
    checkSameType(where, input, output);
    checkLength(where, 'input', input, checkCounts(where, 'sendCounts', sends, this.size));
    checkLength(where, 'output', output, checkCounts(where, 'recvCounts', receives, this.size));
    if (sends[this.rank] !== receives[this.rank]) {
      throw new OptionError(where, 'recvCounts', receives[this.rank], `${sends[this.rank]} for this rank's own block`);
    }
    this.#count(this.#bytes(input, sends), options);
    const plan = allToAllPlan(this.#c, input, sends, output, receives, isUniform);
    return [plan, signatureOf('allToAll', input, isUniform ? input.length : -1)];
  }

  /** Blocking form: long operations wait for everyone, then take the library's blocking call. */
  #block(plan: Plan, signature: Float64Array, options: CommOptions): void {
    const { commonBytes } = plan;
    const least = this.#meetings && !this.#runtime.checkComm ? 0 : BLOCKING_BYTES;
    if (commonBytes === undefined || commonBytes < least || this.size === 1) {
      this.#start(plan, signature, options).wait();
      return;
    }
    const timeoutMs = options.timeoutMs ?? this.#runtime.timeoutMs;
    if (this.#runtime.checkComm) this.#compare(signature, timeoutMs);
    this.#arrive(plan.operation, options, timeoutMs);
    // Having met is all that a barrier is.
    if (this.#meetings && plan.operation === 'barrier') return;
    for (const { name, args } of plan.calls) this.#c.mpi.call(`MPI_${name}` as MpiFunction, ...args);
    plan.finish?.();
  }

  /** Non-blocking form. With checkComm the calls are compared beside it, so that starting it never waits. */
  #start(plan: Plan, signature: Float64Array, options: CommOptions): MpiWork {
    const timeoutMs = options.timeoutMs ?? this.#runtime.timeoutMs;
    const operation = named(plan.operation, options);
    if (!this.#runtime.checkComm) return this.#post(plan, timeoutMs, operation);
    const all = new Float64Array(this.size * SIGNATURE_WORDS);
    const check = allGatherPlan(this.#c, signature, all, this.#uniform(SIGNATURE_WORDS));
    let completed = 0;
    const onRequest = () => {
      if (++completed === check.calls.length) compareSignatures(all, this.ranks);
    };
    const calls = [...check.calls, ...plan.calls];
    return this.#post({ ...plan, calls, keep: [...check.keep, ...plan.keep] }, timeoutMs, operation, onRequest);
  }

  #post(plan: Plan, timeoutMs: number, operation = plan.operation, onRequest?: () => void): MpiWork {
    const { mpi, liveness, progress } = this.#runtime;
    const requests = plan.calls.map(({ name, args }) => {
      const request: HandleCell = mpi.cell();
      mpi.call(nonBlocking(name), ...args, request);
      return request;
    });
    const number = liveness.start(this.#id);
    const others = this.#mpiRanks.filter((_, r) => r !== this.rank);
    return new MpiWork(progress, {
      operation,
      requests,
      keep: plan.keep,
      bytes: plan.commonBytes ?? plan.keep.reduce((sum, a) => sum + a.byteLength, 0),
      timeoutMs,
      ask: () => liveness.ask(this.#id, others),
      missing: () => {
        const missing = liveness.missing(this.#id, number, others);
        return this.#worldRanks(missing.length > 0 ? missing : others);
      },
      ...(onRequest ? { onRequest } : {}),
      ...(plan.finish ? { finish: plan.finish } : {}),
    });
  }

  /** Waits until every rank of the group is here. */
  #arrive(operation: string, options: CommOptions, timeoutMs: number): void {
    const meetings = this.#meetings;
    if (!meetings) {
      this.#post(barrierPlan(this.#c), timeoutMs, named(operation, options)).wait();
      return;
    }
    const { liveness, progress } = this.#runtime;
    const number = liveness.start(this.#id);
    progress.lastOperation = named(operation, options);
    if (meetings.arrive()) return;
    const others = this.#mpiRanks.filter((_, r) => r !== this.rank);
    const haveCome = waitUntil(() => meetings.isComplete(), {
      timeoutMs,
      busyMs: 2,
      onTick: () => progress.mailbox.pump(),
      onLate: () => liveness.ask(this.#id, others),
    });
    if (haveCome) return;
    progress.hasFailed = true;
    const missing = liveness.missing(this.#id, number, others);
    const ranks = this.#worldRanks(missing.length > 0 ? missing : others);
    throw new CommTimeoutError(progress.lastOperation, timeoutMs, ranks);
  }

  /** Waits until all ranks have told what they are about to call. */
  #compare(signature: Float64Array, timeoutMs: number): void {
    this.#start({ operation: 'checkComm', calls: [], keep: [], commonBytes: 0 }, signature, { timeoutMs }).wait();
  }

  #message(kind: 'send' | 'recv', data: CommArray, peer: number, options: SendOptions): MpiWork {
    const { tag = 0, timeoutMs = this.#runtime.timeoutMs } = options;
    const { mpi, progress } = this.#runtime;
    const elementType = elementTypeOf(data);
    const type = mpi.typeOf(elementType);
    const parts = pieces(data, this.#c.maxCount);
    const requests = parts.map((piece) => {
      const request = mpi.cell();
      mpi.call(nonBlocking(kind), mpi.pointer(piece), piece.length, type, peer, tag, this.#c.comm, request);
      return request;
    });
    let part = 0;
    const onRequest = () => {
      const expected = parts[part++]!.length;
      const got = mpi.count(elementType);
      if (got !== expected) {
        const message = `recv: message from rank ${this.ranks[peer]} must have ${expected} elements, got ${got}`;
        throw new CommMismatchError(message, { from: this.ranks[peer], expected, got });
      }
    };
    return new MpiWork(progress, {
      operation: named(kind, options),
      requests,
      keep: [data],
      bytes: data.byteLength,
      timeoutMs,
      missing: () => [this.ranks[peer]!],
      ...(kind === 'recv' ? { onRequest } : {}),
    });
  }

  #hierarchyFor({ algorithm = 'auto' }: AllReduceOptions): Hierarchy | undefined {
    if (!ALGORITHMS.includes(algorithm)) {
      throw new OptionError('allReduce', 'algorithm', algorithm, `one of ${ALGORITHMS.join(', ')}`);
    }
    if (algorithm === 'flat' || (algorithm === 'auto' && !this.#runtime.prefersHierarchical)) return undefined;
    const servers = new Set(this.#serverOf).size;
    // With one device per server, or one server, both algorithms are the same.
    if (servers < 2 || servers === this.size) return undefined;
    this.#hierarchy ??= new Hierarchy(this, this.#serverOf);
    return this.#hierarchy;
  }

  #count(outgoing: Outgoing, options: CommOptions): void {
    countOutgoing(this.traffic, (r) => this.#classOf(r), this.rank, outgoing, options);
  }

  #classOf(member: number): LinkClass {
    if (member === this.rank) return 'local';
    return this.#serverOf[member] === this.#serverOf[this.rank] ? 'intra' : 'inter';
  }

  #bytes(data: CommArray, counts: readonly number[]): number[] {
    const each = ELEMENT_BYTES[elementTypeOf(data)];
    return counts.map((n) => n * each);
  }

  #uniform(count: number): number[] {
    return new Array<number>(this.size).fill(count);
  }

  #worldRanks(mpiRanks: readonly number[]): number[] {
    return mpiRanks.map((r) => this.ranks[this.#mpiRanks.indexOf(r)]!);
  }
}

function nonBlocking(name: Plan['calls'][number]['name']): MpiFunction {
  return `MPI_I${name.toLowerCase()}` as MpiFunction;
}

function named(operation: string, { phase }: CommOptions): string {
  return phase === undefined ? operation : `${operation} (${phase})`;
}
