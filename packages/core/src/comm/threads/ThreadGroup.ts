/** {@link ProcessGroup} on worker threads. */
import { OptionError } from '../../errors.js';
import { offsetsOf } from '../blocks.js';
import { checkCounts, checkLength, checkMember, checkSameType, checkTag } from '../checks.js';
import type { TrafficLedger } from '../counters.js';
import { bytesOf, elementTypeOf, reduceOpCode } from '../dtype.js';
import { allOf, COMPLETED_WORK, type Pending } from '../Pending.js';
import type {
  AllReduceOptions,
  CommArray,
  CommOptions,
  ProcessGroup,
  ReduceOptions,
  SendOptions,
  Work,
} from '../ProcessGroup.js';
import { SentBytes } from '../SentBytes.js';
import { broadcastTree } from './broadcastTree.js';
import { Collective, type CollectiveGroup, type CollectivePlan } from './Collective.js';
import type { Endpoint, Progressor } from './Endpoint.js';
import { allocateControl, type GroupSpec } from './fabric.js';
import { GroupControl } from './GroupControl.js';
import { Hierarchy } from './Hierarchy.js';
import { isOneShot } from './Lanes.js';
import type { Mailbox } from './Mailbox.js';
import { OneShot } from './OneShot.js';
import type { Operation } from './signature.js';

/** Set in the context of messages that collectives send, so that they never match a user's. */
const INTERNAL = 1 << 30;

/** A group of ranks on threads. */
export class ThreadGroup implements ProcessGroup, Progressor {
  readonly rank: number;
  readonly size: number;
  readonly ranks: readonly number[];
  readonly #end: Endpoint;
  readonly #mail: Mailbox;
  readonly #spec: GroupSpec;
  readonly #core: CollectiveGroup;
  readonly #sent: SentBytes;
  readonly #oneShot: OneShot;
  #queue: Collective[] = [];
  #lent: { readonly seq: number; readonly offset: number }[] = [];
  #sequence = 0;
  #allToAlls = 0;
  #broken: Error | undefined;
  #hierarchy: Hierarchy | undefined;
  /** With one device per server, or one server, both all-reduce algorithms are the same. */
  readonly #hasTiers: boolean;

  constructor(end: Endpoint, mail: Mailbox, spec: GroupSpec) {
    this.#end = end;
    this.#mail = mail;
    this.#spec = spec;
    this.ranks = spec.ranks;
    this.size = spec.ranks.length;
    this.rank = spec.ranks.indexOf(end.rank);
    this.#sent = new SentBytes(end.traffic, spec.ranks, this.rank, end.fabric.serverOf);
    this.#core = {
      end,
      control: new GroupControl(end.i32, end.f64, spec.control, this.size),
      member: this.rank,
      ranks: this.ranks,
      members: this.ranks.map((_, i) => i),
      nextSequence: () => this.#sequence++,
      peekSequence: () => this.#sequence,
      lend: (seq, offset) => this.#lent.push({ seq, offset }),
      reclaim: () => this.#reclaim(),
    };
    this.#oneShot = new OneShot(this.#core, this.#sent);
    const servers = new Set(this.ranks.map((r) => end.fabric.serverOf[r])).size;
    this.#hasTiers = servers > 1 && servers < this.size;
    end.onSpaceNeeded(() => this.#reclaim());
  }

  get traffic(): TrafficLedger {
    return this.#end.traffic;
  }

  send(data: CommArray, to: number, options: SendOptions = {}): void {
    const pending = this.#send('send', data, to, options);
    this.#blockOn(pending, data.byteLength, options);
  }

  recv(into: CommArray, from: number, options: SendOptions = {}): void {
    const pending = this.#receive('recv', into, from, options);
    this.#blockOn(pending, into.byteLength, options);
  }

  isend(data: CommArray, to: number, options: SendOptions = {}): Work {
    return this.#end.work(this.#send('isend', data, to, options), options.timeoutMs);
  }

  irecv(into: CommArray, from: number, options: SendOptions = {}): Work {
    return this.#end.work(this.#receive('irecv', into, from, options), options.timeoutMs);
  }

  barrier(options: CommOptions = {}): void {
    let adopt: number | undefined;
    if (this.#isIdle) {
      const outcome = this.#oneShot.barrier(named('barrier', options));
      if (outcome === 'done') return;
      if (outcome !== 'declined') adopt = outcome.adopt;
    }
    this.#blockOn(this.#barrier(options, true, adopt), 0, options);
  }

  barrierAsync(options: CommOptions = {}): Work {
    return this.#end.work(this.#barrier(options, false), options.timeoutMs);
  }

  broadcast(data: CommArray, root: number, options: CommOptions = {}): void {
    this.#blockOn(this.#broadcast(data, root, options, true), data.byteLength, options);
  }

  broadcastAsync(data: CommArray, root: number, options: CommOptions = {}): Work {
    return this.#end.work(this.#broadcast(data, root, options, false), options.timeoutMs);
  }

  reduce(data: CommArray, root: number, options: ReduceOptions = {}): void {
    checkMember('reduce', 'root', root, this.size);
    if (this.rank !== root) this.#sent.count([this.ranks[root]!], () => data.byteLength, options);
    const pending = this.#start('reduce', data, options, true, {
      reduceOp: reduceOpCode('reduce', options.op),
      root,
      counts: [data.length],
      offsets: [0, data.length],
      input: data,
      output: data,
    });
    this.#blockOn(pending, data.byteLength, options);
  }

  allReduce(data: CommArray, options: AllReduceOptions = {}): void {
    if (this.#isIdle && !this.#isHierarchical(options)) {
      const outcome = this.#oneShot.allReduce(data, options, named('allReduce', options));
      if (outcome === 'done') return;
      if (outcome !== 'declined') {
        const pending = this.#startAllReduce(data, options, true, oneBlock(data), outcome.adopt);
        this.#blockOn(pending, data.byteLength, options);
        return;
      }
    }
    this.#blockOn(this.#allReduce(data, options, true), data.byteLength, options);
  }

  allReduceAsync(data: CommArray, options: AllReduceOptions = {}): Work {
    return this.#end.work(this.#allReduce(data, options, false), options.timeoutMs);
  }

  reduceScatter(input: CommArray, output: CommArray, options: ReduceOptions = {}): void {
    const counts = this.#equalCounts('reduceScatter', 'input', input, output);
    this.#blockOn(this.startReduceScatter(input, counts, output, options, true), input.byteLength, options);
  }

  reduceScatterAsync(input: CommArray, output: CommArray, options: ReduceOptions = {}): Work {
    const counts = this.#equalCounts('reduceScatter', 'input', input, output);
    return this.#end.work(this.startReduceScatter(input, counts, output, options, false), options.timeoutMs);
  }

  reduceScatterV(input: CommArray, counts: readonly number[], output: CommArray, options: ReduceOptions = {}): void {
    this.#blockOn(this.startReduceScatter(input, counts, output, options, true), input.byteLength, options);
  }

  allGather(input: CommArray, output: CommArray, options: CommOptions = {}): void {
    const counts = this.#equalCounts('allGather', 'output', output, input);
    this.#blockOn(this.startAllGather(input, output, counts, options, true), output.byteLength, options);
  }

  allGatherAsync(input: CommArray, output: CommArray, options: CommOptions = {}): Work {
    const counts = this.#equalCounts('allGather', 'output', output, input);
    return this.#end.work(this.startAllGather(input, output, counts, options, false), options.timeoutMs);
  }

  allGatherV(input: CommArray, output: CommArray, counts: readonly number[], options: CommOptions = {}): void {
    this.#blockOn(this.startAllGather(input, output, counts, options, true), output.byteLength, options);
  }

  allToAll(input: CommArray, output: CommArray, options: CommOptions = {}): void {
    this.allToAllAsync(input, output, options).wait();
  }

  allToAllAsync(input: CommArray, output: CommArray, options: CommOptions = {}): Work {
    const each = input.length / this.size;
    if (!Number.isInteger(each))
      checkLength('allToAll', 'input', input, Math.floor(each) * this.size, 'a multiple of the size');
    checkLength('allToAll', 'output', output, input.length, 'as long as the input');
    const counts = new Array<number>(this.size).fill(each);
    return this.#allToAll('allToAll', input, counts, output, counts, options);
  }

  allToAllV(
    input: CommArray,
    sendCounts: readonly number[],
    output: CommArray,
    recvCounts: readonly number[],
    options: CommOptions = {},
  ): void {
    this.#allToAll('allToAllV', input, sendCounts, output, recvCounts, options).wait();
  }

  split(color: number, key = this.rank): ThreadGroup {
    if (!Number.isInteger(color) || !Number.isInteger(key)) {
      throw new OptionError('split', 'color, key', `${color}, ${key}`, 'whole numbers');
    }
    const all = this.#agree(Int32Array.of(color, key));
    const members = this.#core.members
      .filter((m) => all[2 * m] === color)
      .sort((a, b) => all[2 * a + 1]! - all[2 * b + 1]! || a - b);
    const leader = members[0]!;
    const { controlBase } = this.#end.fabric;
    const mine = leader === this.rank ? allocateControl(this.#end.i32, controlBase, members.length) : undefined;
    const places = this.#agree(Int32Array.of(mine?.control ?? 0, mine?.context ?? 0));
    return new ThreadGroup(this.#end, this.#mail, {
      control: places[2 * leader]!,
      context: places[2 * leader + 1]!,
      ranks: members.map((m) => this.ranks[m]!),
    });
  }

  /** Waits until all members have come here; the first thing a rank does, so that time-outs start from one moment. */
  meet(name: string, timeoutMs: number): void {
    const none = { reduceOp: 0, root: 0, counts: [0], offsets: [0, 0], input: undefined, output: undefined };
    this.#end.wait(this.#start('barrier', EMPTY, {}, true, none, name), timeoutMs);
  }

  /** Moves on the group's collectives, in the order issued. */
  progress(): number {
    let next = Number.POSITIVE_INFINITY;
    let mayHandOver = true;
    let isAnyDone = false;
    for (const collective of this.#queue) {
      try {
        next = Math.min(next, collective.progress(mayHandOver));
      } catch (error) {
        // Members out of step stay out of step: nothing in this group can be trusted any more.
        this.#broken = error as Error;
        for (const c of this.#queue) {
          c.error ??= this.#broken;
          c.isDone = true;
        }
      }
      mayHandOver &&= collective.isHandedOver;
      isAnyDone ||= collective.isDone;
    }
    if (isAnyDone) this.#queue = this.#queue.filter((c) => !c.isDone);
    if (this.#queue.length === 0) this.#end.active.delete(this);
    return next;
  }

  /** Starts a reduce-scatter; for collectives built from others. */
  startReduceScatter(
    input: CommArray,
    counts: readonly number[],
    output: CommArray,
    options: ReduceOptions,
    isBlocking: boolean,
  ): Pending {
    const where = 'reduceScatter';
    checkCounts(where, 'counts', counts, this.size);
    const offsets = offsetsOf(counts);
    checkSameType(where, input, output);
    checkLength(where, 'input', input, offsets[this.size]!, 'the sum of counts');
    checkLength(where, 'output', output, counts[this.rank]!, 'counts[rank]');
    const { bytes } = elementTypeOf(where, input);
    this.#sent.count(this.ranks, (to) => counts[to]! * bytes, options);
    const reduceOp = reduceOpCode(where, options.op);
    return this.#start(where, input, options, isBlocking, { reduceOp, root: 0, counts, offsets, input, output });
  }

  /** Starts an all-gather; for collectives built from others. */
  startAllGather(
    input: CommArray,
    output: CommArray,
    counts: readonly number[],
    options: CommOptions,
    isBlocking: boolean,
  ): Pending {
    const where = 'allGather';
    checkCounts(where, 'counts', counts, this.size);
    const offsets = offsetsOf(counts);
    checkSameType(where, input, output);
    checkLength(where, 'input', input, counts[this.rank]!, 'counts[rank]');
    checkLength(where, 'output', output, offsets[this.size]!, 'the sum of counts');
    this.#sent.count(this.ranks, () => input.byteLength, options);
    return this.#start(where, input, options, isBlocking, { reduceOp: 0, root: 0, counts, offsets, input, output });
  }

  /** Starts an all-reduce among all members at once: reduce-scatter, then all-gather. */
  startFlatAllReduce(data: CommArray, options: ReduceOptions, isBlocking: boolean): Pending {
    const { bytes } = elementTypeOf('allReduce', data);
    const even = this.#sent.allReduce(data.length, bytes, options);
    const isShort = !this.#end.ports && isOneShot(data.byteLength, this.size);
    return this.#startAllReduce(data, options, isBlocking, isShort ? oneBlock(data) : even);
  }

  #startAllReduce(
    data: CommArray,
    options: ReduceOptions,
    isBlocking: boolean,
    { counts, offsets }: { readonly counts: readonly number[]; readonly offsets: readonly number[] },
    adopt?: number,
  ): Pending {
    const reduceOp = reduceOpCode('allReduce', options.op);
    const plan = { reduceOp, root: 0, counts, offsets, input: data, output: data };
    return this.#start('allReduce', data, options, isBlocking, plan, named('allReduce', options), adopt);
  }

  #allReduce(data: CommArray, options: AllReduceOptions, isBlocking: boolean): Pending {
    if (!this.#isHierarchical(options)) return this.startFlatAllReduce(data, options, isBlocking);
    this.#hierarchy ??= new Hierarchy(this.#end, this);
    return this.#hierarchy.start(data, options, named('allReduce', options));
  }

  #isHierarchical({ algorithm = 'auto' }: AllReduceOptions): boolean {
    if (algorithm !== 'auto' && algorithm !== 'flat' && algorithm !== 'hierarchical') {
      throw new OptionError('allReduce', 'algorithm', algorithm, 'auto, flat or hierarchical');
    }
    if (!this.#hasTiers || algorithm === 'flat') return false;
    return algorithm === 'hierarchical' || this.#end.fabric.prefersHierarchical;
  }

  /** Nothing of this group is in flight, so that a call may be done at once. */
  get #isIdle(): boolean {
    this.#throwIfBroken();
    return this.#queue.length === 0 && this.size > 1;
  }

  #barrier(options: CommOptions, isBlocking: boolean, adopt?: number): Pending {
    const none = { reduceOp: 0, root: 0, counts: [0], offsets: [0, 0], input: undefined, output: undefined };
    return this.#start('barrier', EMPTY, options, isBlocking, none, named('barrier', options), adopt);
  }

  #broadcast(data: CommArray, root: number, options: CommOptions, isBlocking: boolean): Pending {
    checkMember('broadcast', 'root', root, this.size);
    const tree = broadcastTree(this.ranks, root, this.#end.fabric.serverOf);
    const me = this.#end.rank;
    const to = this.rank === root ? tree.fromRoot : tree.relays.find((r) => r.leader === me)?.to;
    if (to) this.#sent.count(to, () => data.byteLength, options);
    return this.#start('broadcast', data, options, isBlocking, {
      reduceOp: 0,
      root,
      counts: [data.length],
      offsets: [0, data.length],
      input: data,
      output: data,
    });
  }

  #allToAll(
    where: string,
    input: CommArray,
    sendCounts: readonly number[],
    output: CommArray,
    recvCounts: readonly number[],
    options: CommOptions,
  ): Work {
    checkCounts(where, 'sendCounts', sendCounts, this.size);
    checkCounts(where, 'recvCounts', recvCounts, this.size);
    checkSameType(where, input, output);
    const from = offsetsOf(sendCounts);
    const to = offsetsOf(recvCounts);
    checkLength(where, 'input', input, from[this.size]!, 'the sum of sendCounts');
    checkLength(where, 'output', output, to[this.size]!, 'the sum of recvCounts');
    this.#throwIfBroken();
    const { code } = elementTypeOf(where, input);
    const name = named(where, options);
    const tag = this.#allToAlls++ & 0x3fffffff;
    const context = this.#spec.context | INTERNAL;
    const works: Work[] = [];
    this.#sent.count(this.ranks, (member) => sendCounts[member]! * input.BYTES_PER_ELEMENT, options);
    for (let i = 0; i < this.size; i++) {
      const source = (this.rank - i + this.size) % this.size;
      const target = (this.rank + i) % this.size;
      const into = output.subarray(to[source]!, to[source + 1]!);
      const data = input.subarray(from[target]!, from[target + 1]!);
      if (target === this.rank) {
        checkLength(where, 'recvCounts[rank]', into, data.length, 'sendCounts[rank]');
        into.set(data);
        continue;
      }
      const received = this.#mail.receive(name, { peer: this.ranks[source]!, context, tag }, code, bytesOf(into));
      const sent = this.#mail.send(name, { peer: this.ranks[target]!, context, tag }, code, bytesOf(data));
      works.push(this.#end.work(received, options.timeoutMs), this.#end.work(sent, options.timeoutMs));
    }
    return works.length === 0 ? COMPLETED_WORK : allOf(works);
  }

  #send(where: string, data: CommArray, to: number, options: SendOptions): Pending {
    const { tag = 0 } = options;
    checkMember(where, 'to', to, this.size);
    checkTag(where, tag);
    const { code } = elementTypeOf(where, data);
    const peer = this.ranks[to]!;
    this.#throwIfBroken();
    this.#sent.message(peer, data.byteLength, options);
    const { context } = this.#spec;
    return this.#mail.send(`${named(where, options)} to rank ${peer}`, { peer, context, tag }, code, bytesOf(data));
  }

  #receive(where: string, into: CommArray, from: number, options: SendOptions): Pending {
    const { tag = 0 } = options;
    checkMember(where, 'from', from, this.size);
    checkTag(where, tag);
    const { code } = elementTypeOf(where, into);
    const peer = this.ranks[from]!;
    this.#throwIfBroken();
    const { context } = this.#spec;
    const name = `${named(where, options)} from rank ${peer}`;
    return this.#mail.receive(name, { peer, context, tag }, code, bytesOf(into));
  }

  #start(
    operation: Operation,
    data: CommArray,
    options: CommOptions,
    isBlocking: boolean,
    plan: Pick<CollectivePlan, 'reduceOp' | 'root' | 'counts' | 'offsets' | 'input' | 'output'>,
    name = named(operation, options),
    adopt?: number,
  ): Pending {
    this.#throwIfBroken();
    const type = elementTypeOf(operation, data);
    if (this.size === 1) {
      if (plan.input && plan.output && plan.input !== plan.output) plan.output.set(plan.input);
      return DONE;
    }
    this.#end.enter(name);
    const collective = new Collective(this.#core, { ...plan, operation, name, type, isBlocking }, adopt);
    this.#queue.push(collective);
    this.#end.active.add(this);
    this.progress();
    return collective;
  }

  #blockOn(pending: Pending, bytes: number, options: CommOptions): void {
    const { trace } = this.#end;
    const token = trace.begin(pending.name, 'comm');
    try {
      this.#end.wait(pending, options.timeoutMs);
    } finally {
      trace.end(token, bytes);
    }
  }

  /** Gathers two numbers from each member, uncounted. */
  #agree(mine: Int32Array): Int32Array {
    const all = new Int32Array(mine.length * this.size);
    const counts = new Array<number>(this.size).fill(mine.length);
    const offsets = offsetsOf(counts);
    const plan = { reduceOp: 0, root: 0, counts, offsets, input: mine, output: all };
    this.#end.wait(this.#start('allGather', mine, { phase: 'split' }, true, plan));
    return all;
  }

  /** Gives back arena space of pieces that are over. */
  #reclaim(): void {
    let over = 0;
    while (over < this.#lent.length && this.#core.control.isOver(this.#lent[over]!.seq)) {
      this.#end.arena.free(this.#lent[over]!.offset);
      over++;
    }
    if (over > 0) this.#lent = this.#lent.slice(over);
  }

  #equalCounts(where: string, whole: string, all: CommArray, mine: CommArray): number[] {
    checkLength(where, whole, all, this.size * mine.length, 'size × the block');
    return new Array<number>(this.size).fill(mine.length);
  }

  #throwIfBroken(): void {
    if (this.#broken) throw this.#broken;
  }
}

const EMPTY = new Uint8Array(0);
const oneBlock = (data: CommArray) => ({ counts: [data.length], offsets: [0, data.length] });
const DONE: Pending = { name: 'done', isDone: true, error: undefined, advances: 0, missing: () => [] };

function named(operation: string, { phase }: CommOptions): string {
  return phase === undefined ? operation : `${operation} (${phase})`;
}
