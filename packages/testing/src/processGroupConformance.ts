/**
 * What every transport's process groups must do. Each case runs inside a rank, on all ranks at once, and throws if the
 * group breaks the law that its name states. Cases leave nothing in flight, so they can run one after the other in one
 * launch. Types are structural: this package does not depend on core.
 */
import { expectClose } from './expectClose.js';

type CommArray = Float32Array | Float64Array | Int32Array | Uint32Array | Uint16Array | Uint8Array;
type Op = 'sum' | 'max' | 'min' | 'prod';
interface Options {
  readonly phase?: string;
  readonly layer?: number;
  readonly tag?: number;
  readonly op?: Op;
  readonly algorithm?: 'auto' | 'flat' | 'hierarchical';
}
interface Work {
  wait(): void;
  readonly done: Promise<void>;
}
interface TrafficRow {
  readonly class: 'local' | 'intra' | 'inter';
  readonly phase: string;
  readonly bytes: number;
  readonly messages: number;
}

/** The `ProcessGroup` of core, as far as the cases use it. */
export interface ConformanceGroup {
  readonly rank: number;
  readonly size: number;
  readonly ranks: readonly number[];
  readonly traffic: { rows(): readonly TrafficRow[] };
  send(data: CommArray, to: number, options?: Options): void;
  recv(into: CommArray, from: number, options?: Options): void;
  isend(data: CommArray, to: number, options?: Options): Work;
  irecv(into: CommArray, from: number, options?: Options): Work;
  barrier(): void;
  broadcast(data: CommArray, root: number, options?: Options): void;
  reduce(data: CommArray, root: number, options?: Options): void;
  allReduce(data: CommArray, options?: Options): void;
  reduceScatter(input: CommArray, output: CommArray, options?: Options): void;
  reduceScatterV(input: CommArray, counts: readonly number[], output: CommArray, options?: Options): void;
  allGather(input: CommArray, output: CommArray, options?: Options): void;
  allGatherV(input: CommArray, output: CommArray, counts: readonly number[], options?: Options): void;
  allToAll(input: CommArray, output: CommArray, options?: Options): void;
  allToAllV(
    input: CommArray,
    sendCounts: readonly number[],
    output: CommArray,
    recvCounts: readonly number[],
    options?: Options,
  ): void;
  allReduceAsync(data: CommArray, options?: Options): Work;
  broadcastAsync(data: CommArray, root: number, options?: Options): Work;
  reduceScatterAsync(input: CommArray, output: CommArray, options?: Options): Work;
  allGatherAsync(input: CommArray, output: CommArray, options?: Options): Work;
  allToAllAsync(input: CommArray, output: CommArray, options?: Options): Work;
  barrierAsync(): Work;
  split(color: number, key?: number): ConformanceGroup;
}

/** The `RankContext` of core, as far as the cases use it. */
export interface ConformanceContext {
  readonly rank: number;
  readonly worldSize: number;
  readonly server: number;
  readonly localRank: number;
  readonly world: ConformanceGroup;
  readonly serverGroup: ConformanceGroup;
  readonly crossGroup: ConformanceGroup;
}

/** A law of process groups. */
export type ConformanceCase = (ctx: ConformanceContext) => void | Promise<void>;

const OPS: readonly Op[] = ['sum', 'max', 'min', 'prod'];
const TYPES = [Float32Array, Float64Array, Int32Array, Uint32Array, Uint16Array, Uint8Array] as const;
type Type = (typeof TYPES)[number];

/** Values repeat after this many elements, so that large arrays and their oracles are cheap to make. */
const PERIOD = 55;

/** A small whole number that depends on rank and position: sums and products of a few are exact in every type. */
function elementOf(rank: number, i: number, seed = 0): number {
  const j = i % PERIOD;
  return (((rank + 1) * 7 + (j + seed) * 13 + ((j * j) % 11)) % 5) + 1;
}

/** An array whose element i is `value(i mod PERIOD)`. */
function periodic(type: Type, n: number, value: (i: number) => number): CommArray {
  const x = new type(n);
  for (let i = 0; i < Math.min(n, PERIOD); i++) x[i] = value(i);
  for (let done = PERIOD; done < n; done *= 2) x.copyWithin(done, 0, Math.min(done, n - done));
  return x;
}

function fill(type: Type, n: number, rank: number, seed = 0): CommArray {
  return periodic(type, n, (i) => elementOf(rank, i, seed));
}

/** Oracle: element by element, in float64, wrapped by the array's own conversion. Contributions must be periodic. */
function reduceOracle(type: Type, contributions: readonly CommArray[], op: Op): CommArray {
  return periodic(type, contributions[0]?.length ?? 0, (i) => {
    let v = contributions[0]![i]!;
    for (const c of contributions.slice(1)) {
      const w = c[i]!;
      v = op === 'sum' ? v + w : op === 'max' ? Math.max(v, w) : op === 'min' ? Math.min(v, w) : v * w;
    }
    return v;
  });
}

function bytesOf(x: CommArray): Uint8Array {
  return new Uint8Array(x.buffer, x.byteOffset, x.byteLength);
}

function expectEqual(actual: CommArray, expected: ArrayLike<number>, what: string): void {
  if (actual.length !== expected.length)
    throw new Error(`${what}: length ${actual.length}, expected ${expected.length}`);
  const isView = ArrayBuffer.isView(expected) && expected.constructor === actual.constructor;
  if (isView && Buffer.compare(bytesOf(actual), bytesOf(expected as CommArray)) === 0) return;
  for (let i = 0; i < expected.length; i++) {
    if (!Object.is(actual[i], expected[i])) {
      throw new Error(`${what}: element ${i} of ${expected.length} is ${actual[i]}, expected ${expected[i]}`);
    }
  }
}

function expectThat(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(what);
}

function expectThrows(code: string, body: () => void): void {
  let got: unknown = 'nothing';
  try {
    body();
  } catch (error) {
    got = (error as { code?: unknown }).code ?? error;
  }
  expectThat(got === code, `must throw ${code}, got ${String(got)}`);
}

function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}

/** All members' contributions, as every rank can compute them. */
function contributions(group: ConformanceGroup, type: Type, n: number, seed = 0): CommArray[] {
  return group.ranks.map((rank) => fill(type, n, rank, seed));
}

/** A 32-bit generator, the same on all ranks; Math.random is banned and core's Rng out of reach. */
function generator(seed: number): (n: number) => number {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

/** Bytes this rank sent in a phase, by class. */
function sent(group: ConformanceGroup, phase: string): { intra: number; inter: number; all: number } {
  const sum = (c: string) =>
    group.traffic
      .rows()
      .filter((r) => r.phase === phase && r.class === c)
      .reduce((s, r) => s + r.bytes, 0);
  return { intra: sum('intra'), inter: sum('inter'), all: sum('intra') + sum('inter') };
}

/** Sums a number over ranks, uncounted under the phase looked at. */
function total(group: ConformanceGroup, value: number): number {
  const x = Float64Array.of(value);
  group.allReduce(x, { phase: 'oracle' });
  return x[0]!;
}

/** The cases by name. */
export const conformanceCases: Readonly<Record<string, ConformanceCase>> = {
  'ranks, sizes and ready-made groups agree with the placement': ({ world, serverGroup, crossGroup, ...ctx }) => {
    expectThat(world.rank === ctx.rank && world.size === ctx.worldSize, 'world: rank or size');
    expectEqual(Int32Array.from(world.ranks), range(ctx.worldSize), 'world.ranks');
    expectThat(serverGroup.rank === ctx.localRank, 'serverGroup.rank');
    expectThat(serverGroup.ranks[serverGroup.rank] === ctx.rank, 'serverGroup.ranks');
    expectThat(crossGroup.ranks[crossGroup.rank] === ctx.rank, 'crossGroup.ranks');
    const placement = new Int32Array(2 * ctx.worldSize);
    world.allGather(Int32Array.of(ctx.server, ctx.localRank), placement);
    const where = (column: number, value: number) =>
      range(ctx.worldSize).filter((r) => placement[2 * r + column] === value);
    expectEqual(Int32Array.from(serverGroup.ranks), where(0, ctx.server), 'serverGroup.ranks');
    expectEqual(Int32Array.from(crossGroup.ranks), where(1, ctx.localRank), 'crossGroup.ranks');
    for (const group of [serverGroup, crossGroup]) {
      const x = Float64Array.of(2 ** ctx.rank);
      group.allReduce(x);
      const sum = group.ranks.reduce((s, r) => s + 2 ** r, 0);
      expectThat(x[0] === sum, `sum over a ready-made group: ${x[0]}, expected ${sum} of ${group.ranks}`);
    }
  },

  'barrier lets nobody pass before the last has come': ({ rank, world }) => {
    const clock = () => Number(process.hrtime.bigint()) / 1e6;
    for (let late = 0; late < world.size; late++) {
      world.barrier();
      const until = clock() + 5;
      if (rank === late) while (clock() < until);
      const entered = Float64Array.of(clock());
      world.barrier();
      const left = clock();
      world.broadcast(entered, late);
      expectThat(left >= entered[0]!, `rank ${rank} left ${entered[0]! - left} ms before rank ${late} came`);
    }
    for (let i = 0; i < 100; i++) world.barrier();
  },

  'allReduce equals the oracle for every type, operation and length': ({ rank, world }) => {
    for (const type of TYPES) {
      for (const op of OPS) {
        for (const n of [0, 1, world.size - 1, world.size, world.size + 1, 67, 1000]) {
          const x = fill(type, n, rank, n);
          world.allReduce(x, { op });
          expectEqual(x, reduceOracle(type, contributions(world, type, n, n), op), `${type.name} ${op} ${n}`);
        }
      }
    }
  },

  'unsigned integers wrap around': ({ world }) => {
    for (const type of [Uint8Array, Uint16Array, Uint32Array] as const) {
      const top = 2 ** (8 * type.BYTES_PER_ELEMENT) - 1;
      const x = new type(100).fill(top);
      world.allReduce(x);
      expectEqual(x, new Array(100).fill((top + 1 - world.size) % (top + 1)), type.name);
      const y = new type(33).fill(top);
      world.allReduce(y, { op: 'max' });
      expectEqual(y, new Array(33).fill(top), `${type.name} max`);
    }
  },

  'allReduce of large arrays that do not divide evenly equals the oracle': ({ rank, world }) => {
    for (const n of [262_147, 1_100_003]) {
      const x = fill(Float32Array, n, rank);
      world.allReduce(x);
      expectEqual(x, reduceOracle(Float32Array, contributions(world, Float32Array, n), 'sum'), `n ${n}`);
    }
  },

  'allReduce gives the same bits on all ranks and in every run': ({ rank, world }) => {
    const n = 30_003;
    const next = generator(rank + 1);
    const mine = Float32Array.from({ length: n }, () => (next(2 ** 24) - 2 ** 23) * 2 ** (next(40) - 20));
    for (const algorithm of ['flat', 'hierarchical'] as const) {
      const x = mine.slice();
      world.allReduce(x, { algorithm });
      const again = mine.slice();
      world.allReduce(again, { algorithm });
      expectEqual(again, x, `${algorithm}: second run`);
      const bits = new Uint32Array(x.buffer);
      const root = bits.slice();
      world.broadcast(root, 0);
      expectEqual(bits, root, `${algorithm}: rank ${rank} against rank 0`);
      const all = new Float32Array(n * world.size);
      world.allGather(mine, all);
      const sum = new Float64Array(n);
      let size = 0;
      for (let i = 0; i < all.length; i++) {
        sum[i % n]! += all[i]!;
        size = Math.max(size, Math.abs(all[i]!));
      }
      expectClose(x, sum, { rtol: 1e-5, atol: size * world.size * 1e-7, why: 'float32 sums of mixed magnitudes' });
    }
  },

  'NaN and infinities come through every operation': ({ rank, world }) => {
    for (const type of [Float32Array, Float64Array] as const) {
      for (const op of OPS) {
        for (const n of [3, 50]) {
          const x = new type(n).fill(2);
          if (rank === world.size - 1) x[n - 1] = Number.NaN;
          x[0] = Number.POSITIVE_INFINITY;
          world.allReduce(x, { op });
          expectThat(Number.isNaN(x[n - 1]), `${type.name} ${op}: NaN was lost`);
          expectThat(x[0] === Number.POSITIVE_INFINITY, `${type.name} ${op}: infinity became ${x[0]}`);
          const sum = op === 'sum' ? 2 * world.size : op === 'prod' ? 2 ** world.size : 2;
          expectThat(x[1] === sum, `${type.name} ${op}: ${x[1]} is not ${sum}`);
        }
      }
    }
  },

  'hierarchical allReduce equals the flat one, for every type and length': ({ rank, world }) => {
    for (const type of TYPES) {
      for (const n of [0, 1, 5, 1003]) {
        const x = fill(type, n, rank);
        world.allReduce(x, { algorithm: 'hierarchical' });
        expectEqual(x, reduceOracle(type, contributions(world, type, n), 'sum'), `${type.name} ${n}`);
      }
    }
    const large = fill(Float32Array, 1_500_001, rank);
    world.allReduce(large, { algorithm: 'hierarchical', op: 'max' });
    expectEqual(large, reduceOracle(Float32Array, contributions(world, Float32Array, large.length), 'max'), 'large');
    const works = range(5).map((i) => {
      const x = fill(Int32Array, 1000 * i, rank, i);
      return { x, work: world.allReduceAsync(x, { algorithm: 'hierarchical' }) };
    });
    for (const [i, { x, work }] of works.entries()) {
      work.wait();
      expectEqual(x, reduceOracle(Int32Array, contributions(world, Int32Array, x.length, i), 'sum'), `async ${i}`);
    }
  },

  'broadcast copies the root of any rank, type and length': ({ rank, world }) => {
    for (const [i, type] of TYPES.entries()) {
      for (const n of [0, 1, 300]) {
        const root = (i + n) % world.size;
        const x = fill(type, n, rank);
        world.broadcast(x, root);
        expectEqual(x, fill(type, n, world.ranks[root]!), `${type.name} ${n} from ${root}`);
      }
    }
    const large = fill(Uint8Array, 5_000_001, rank);
    world.broadcast(large, world.size - 1);
    expectEqual(large, fill(Uint8Array, large.length, world.size - 1), 'large');
  },

  'reduce writes on the root only': ({ rank, world }) => {
    for (let root = 0; root < world.size; root++) {
      for (const n of [0, 1, 513, 150_001]) {
        const x = fill(Float64Array, n, rank, root);
        world.reduce(x, root);
        const all = contributions(world, Float64Array, n, root);
        expectEqual(x, rank === root ? reduceOracle(Float64Array, all, 'sum') : all[rank]!, `root ${root}, n ${n}`);
      }
    }
  },

  'reduceScatter gives each rank its block': ({ rank, world }) => {
    for (const type of TYPES) {
      for (const each of [0, 1, 100]) {
        const out = new type(each);
        world.reduceScatter(fill(type, each * world.size, rank), out, { op: 'sum' });
        const all = reduceOracle(type, contributions(world, type, each * world.size), 'sum');
        expectEqual(out, all.subarray(rank * each, (rank + 1) * each), `${type.name} ${each}`);
      }
    }
  },

  'reduceScatterV and allGatherV take uneven and empty blocks': ({ rank, world }) => {
    for (const counts of [range(world.size), range(world.size).map((r) => (r === 0 ? 700_001 : 0))]) {
      const n = counts.reduce((s, c) => s + c, 0);
      const begin = counts.slice(0, rank).reduce((s, c) => s + c, 0);
      const out = new Float32Array(counts[rank]!);
      world.reduceScatterV(fill(Float32Array, n, rank), counts, out, { op: 'max' });
      const all = reduceOracle(Float32Array, contributions(world, Float32Array, n), 'max');
      expectEqual(out, all.subarray(begin, begin + counts[rank]!), 'reduceScatterV');
      const gathered = new Float32Array(n);
      world.allGatherV(out, gathered, counts);
      expectEqual(gathered, all, 'allGatherV');
    }
  },

  'allGather puts blocks in rank order': ({ rank, world }) => {
    for (const type of TYPES) {
      for (const each of [0, 1, 77]) {
        const out = new type(each * world.size);
        world.allGather(fill(type, each, rank), out);
        const expected = contributions(world, type, each).flatMap((c) => Array.from(c));
        expectEqual(out, expected, `${type.name} ${each}`);
      }
    }
  },

  'allToAll transposes blocks, even or not, with empty ones': ({ rank, world }) => {
    const { size } = world;
    for (const type of TYPES) {
      const out = new type(3 * size);
      world.allToAll(fill(type, 3 * size, rank), out);
      const expected = range(size).flatMap((r) => Array.from(fill(type, 3 * size, r).subarray(3 * rank, 3 * rank + 3)));
      expectEqual(out, expected, type.name);
    }
    // From r to q go (r + 2q) mod 3 elements of value 10 r + q.
    const count = (r: number, q: number) => (r + 2 * q) % 3;
    const sendCounts = range(size).map((q) => count(rank, q));
    const recvCounts = range(size).map((r) => count(r, rank));
    const input = Int32Array.from(range(size).flatMap((q) => new Array<number>(count(rank, q)).fill(10 * rank + q)));
    const output = new Int32Array(recvCounts.reduce((s, c) => s + c, 0));
    world.allToAllV(input, sendCounts, output, recvCounts);
    expectEqual(
      output,
      range(size).flatMap((r) => new Array<number>(count(r, rank)).fill(10 * r + rank)),
      'allToAllV',
    );
  },

  'arrays that are views into larger buffers keep their surroundings': ({ rank, world }) => {
    for (const type of TYPES) {
      const whole = new type(20).fill(9);
      const view = whole.subarray(5, 12);
      view.set(fill(type, 7, rank));
      world.allReduce(view);
      expectEqual(view, reduceOracle(type, contributions(world, type, 7), 'sum'), type.name);
      expectEqual(whole.subarray(0, 5), new Array(5).fill(9), `${type.name}: before the view`);
      expectEqual(whole.subarray(12), new Array(8).fill(9), `${type.name}: after the view`);
      const to = (rank + 1) % world.size;
      const from = (rank + world.size - 1) % world.size;
      const received = new type(9).fill(8);
      const work = world.isend(view.subarray(1, 6), to);
      world.recv(received.subarray(2, 7), from);
      work.wait();
      expectEqual(received, [8, 8, ...Array.from(view.subarray(1, 6)), 8, 8], `${type.name}: message`);
    }
  },

  'messages arrive in order, by tag, of any length, also to oneself': ({ rank, world }) => {
    const to = (rank + 1) % world.size;
    const from = (rank + world.size - 1) % world.size;
    const works = [
      world.isend(Int32Array.of(1), to, { tag: 7 }),
      world.isend(Int32Array.of(2), to, { tag: 3 }),
      world.isend(Int32Array.of(3), to, { tag: 7 }),
      world.isend(new Float64Array(0), to, { tag: 1 }),
      world.isend(Int32Array.of(5, 6), rank, { tag: 9 }),
    ];
    const take = (tag: number, source = from, n = 1) => {
      const x = new Int32Array(n);
      world.recv(x, source, { tag });
      return x;
    };
    expectEqual(take(3), [2], 'tag 3');
    expectEqual(take(7), [1], 'tag 7, first');
    expectEqual(take(7), [3], 'tag 7, second');
    world.recv(new Float64Array(0), from, { tag: 1 });
    expectEqual(take(9, rank, 2), [5, 6], 'to oneself');
    for (const work of works) work.wait();
  },

  'a sender may reuse its array after wait, and many small messages pass': ({ rank, world }) => {
    const to = (rank + 1) % world.size;
    const from = (rank + world.size - 1) % world.size;
    const x = new Int32Array(3);
    const works: Work[] = [];
    for (let i = 0; i < 300; i++) {
      // A fresh array each: only `wait` says that it may be reused.
      works.push(world.isend(Int32Array.of(rank, i, i * i), to, { tag: i % 3 }));
    }
    for (let tag = 0; tag < 3; tag++) {
      for (let i = tag; i < 300; i += 3) {
        world.recv(x, from, { tag });
        expectEqual(x, [from, i, i * i], `message ${i}`);
      }
    }
    for (const work of works) work.wait();
    x[0] = rank;
    world.isend(x, to).wait();
    x[0] = -1;
    world.recv(x, from);
    expectThat(x[0] === from, `reused array: got ${x[0]}, expected ${from}`);
  },

  'a ring in which all send large messages first makes progress': ({ rank, world }) => {
    const n = 1_000_000;
    const to = (rank + 1) % world.size;
    const from = (rank + world.size - 1) % world.size;
    const sends = range(3).map((i) => world.isend(fill(Float32Array, n, rank, i), to, { tag: i }));
    const into = range(3).map(() => new Float32Array(n));
    const receives = range(3).map((i) => world.irecv(into[i]!, from, { tag: i }));
    for (const work of [...receives.reverse(), ...sends]) work.wait();
    for (let i = 0; i < 3; i++) expectEqual(into[i]!, fill(Float32Array, n, from, i), `message ${i}`);
  },

  'all pairs exchange at once, receives posted before or after': ({ rank, world }) => {
    const peers = range(world.size).filter((r) => r !== rank);
    for (const isPostedFirst of [true, false]) {
      const into = new Map(peers.map((r) => [r, new Uint16Array(1000 + r)]));
      const works: Work[] = [];
      const post = () => {
        for (const r of peers) works.push(world.irecv(into.get(r)!, r, { tag: 5 }));
      };
      if (isPostedFirst) post();
      for (const r of peers) works.push(world.isend(fill(Uint16Array, 1000 + rank, rank, r), r, { tag: 5 }));
      if (!isPostedFirst) post();
      for (const work of works) work.wait();
      for (const r of peers) expectEqual(into.get(r)!, fill(Uint16Array, 1000 + r, r, rank), `from ${r}`);
    }
  },

  'asynchronous collectives overlap each other and may be waited for in any order': ({ rank, world }) => {
    const arrays = range(12).map((i) => fill(Float32Array, 1 + 20_000 * i, rank, i));
    const gathered = new Int32Array(4 * world.size);
    const scattered = new Float64Array(5);
    const swapped = new Uint8Array(world.size);
    const copied = fill(Int32Array, 10, rank);
    const works = arrays.map((x) => world.allReduceAsync(x));
    works.push(
      world.allGatherAsync(fill(Int32Array, 4, rank), gathered),
      world.reduceScatterAsync(fill(Float64Array, 5 * world.size, rank), scattered),
      world.broadcastAsync(copied, world.size - 1),
      world.allToAllAsync(fill(Uint8Array, world.size, rank), swapped),
      world.barrierAsync(),
    );
    const direct = fill(Float64Array, 11, rank);
    world.allReduce(direct);
    expectEqual(direct, reduceOracle(Float64Array, contributions(world, Float64Array, 11), 'sum'), 'blocking between');
    for (const i of range(works.length).sort((a, b) => ((a * 5) % 7) - ((b * 5) % 7))) works[i]!.wait();
    for (const [i, x] of arrays.entries()) {
      expectEqual(x, reduceOracle(Float32Array, contributions(world, Float32Array, x.length, i), 'sum'), `array ${i}`);
    }
    expectEqual(
      gathered,
      contributions(world, Int32Array, 4).flatMap((c) => Array.from(c)),
      'allGatherAsync',
    );
    const sum = reduceOracle(Float64Array, contributions(world, Float64Array, 5 * world.size), 'sum');
    expectEqual(scattered, sum.subarray(5 * rank, 5 * rank + 5), 'reduceScatterAsync');
    expectEqual(copied, fill(Int32Array, 10, world.size - 1), 'broadcastAsync');
    expectEqual(
      swapped,
      range(world.size).map((r) => elementOf(r, rank)),
      'allToAllAsync',
    );
  },

  'hundreds of collectives can be in flight': ({ rank, world }) => {
    const arrays = range(200).map((i) => fill(Int32Array, i % 5, rank, i));
    const works = arrays.map((x) => world.allReduceAsync(x));
    for (const work of works.reverse()) work.wait();
    for (const [i, x] of arrays.entries()) {
      expectEqual(x, reduceOracle(Int32Array, contributions(world, Int32Array, x.length, i), 'sum'), `array ${i}`);
    }
  },

  'work can be awaited without blocking': async ({ rank, world }) => {
    const x = fill(Float32Array, 50_000, rank);
    const y = new Float32Array(9);
    const works = [
      world.allReduceAsync(x),
      world.isend(fill(Float32Array, 9, rank), (rank + 1) % world.size),
      world.irecv(y, (rank + world.size - 1) % world.size),
    ];
    await Promise.all(works.map((w) => w.done));
    expectEqual(x, reduceOracle(Float32Array, contributions(world, Float32Array, x.length), 'sum'), 'allReduce');
    expectEqual(y, fill(Float32Array, 9, (rank + world.size - 1) % world.size), 'message');
    works[0]!.wait();
    await works[0]!.done;
  },

  'split makes groups by colour, ordered by key, also of groups': ({ rank, world }) => {
    const parity = world.split(rank % 2, -rank);
    const mine = range(world.size).filter((r) => r % 2 === rank % 2);
    expectEqual(Int32Array.from(parity.ranks), [...mine].reverse(), 'ranks by key');
    expectThat(parity.ranks[parity.rank] === rank, 'my place');
    const x = Float64Array.of(2 ** rank);
    parity.allReduce(x);
    expectThat(x[0] === mine.reduce((s, r) => s + 2 ** r, 0), 'sum over the group');
    const nested = parity.split(parity.rank < 1 ? 0 : 1);
    const y = Float64Array.of(1);
    nested.allReduce(y);
    expectThat(y[0] === nested.size, 'size of the nested group');
    expectThat(nested.size === (parity.rank < 1 ? 1 : parity.size - 1), 'members of the nested group');
    const alone = world.split(rank);
    const z = new Int32Array(2);
    alone.allGather(Int32Array.of(3, rank), z);
    alone.barrier();
    expectEqual(z, [3, rank], 'a group of one');
    const out = new Float32Array(2);
    alone.reduceScatter(Float32Array.of(1, 2), out);
    alone.allReduceAsync(out).wait();
    alone.broadcast(out, 0);
    expectEqual(out, [1, 2], 'a group of one');
  },

  'messages of different groups do not mix': ({ rank, world }) => {
    const twin = world.split(0);
    const to = (rank + 1) % world.size;
    const from = (rank + world.size - 1) % world.size;
    const works = [
      world.isend(Int32Array.of(1), to),
      twin.isend(Int32Array.of(2), to),
      world.isend(Int32Array.of(3), to, { tag: 4 }),
    ];
    const x = new Int32Array(1);
    // The last first: the other two have then arrived unasked for.
    for (const [group, expected, tag] of [
      [world, 3, 4],
      [twin, 2, 0],
      [world, 1, 0],
    ] as const) {
      group.recv(x, from, { tag });
      expectEqual(x, [expected], `message ${expected}`);
    }
    for (const work of works) work.wait();
    const a = Int32Array.of(rank);
    const b = Int32Array.of(rank);
    const inTwin = twin.allReduceAsync(a);
    world.allReduce(b, { op: 'max' });
    inTwin.wait();
    expectEqual(a, [(world.size * (world.size - 1)) / 2], 'sum in twin');
    expectEqual(b, [world.size - 1], 'max in world');
  },

  'wrong arguments throw before anything is sent': ({ rank, world }) => {
    const x = new Float32Array(4);
    expectThrows('ERR_STRATA_OPTION', () => world.send(x, world.size));
    expectThrows('ERR_STRATA_OPTION', () => world.recv(x, -1));
    expectThrows('ERR_STRATA_OPTION', () => world.send(x, rank, { tag: -1 }));
    expectThrows('ERR_STRATA_OPTION', () => world.broadcast(x, world.size));
    expectThrows('ERR_STRATA_OPTION', () => world.allReduce(x, { op: 'mean' as Op }));
    expectThrows('ERR_STRATA_OPTION', () => world.allReduce(new Int8Array(2) as unknown as CommArray));
    expectThrows('ERR_STRATA_SHAPE', () => world.allGather(x, new Float32Array(4 * world.size + 1)));
    expectThrows('ERR_STRATA_OPTION', () => world.allGather(x, new Int32Array(4 * world.size)));
    expectThrows('ERR_STRATA_SHAPE', () => world.reduceScatter(new Float32Array(4 * world.size + 1), x));
    expectThrows('ERR_STRATA_OPTION', () => world.allGatherV(x, x, new Array(world.size + 1).fill(1)));
    world.barrier();
  },

  'bytes equal the closed forms of each collective': ({ rank, world, server, serverGroup }) => {
    const { size } = world;
    const n = 12 * size;
    const before = sent(world, 'law').all;
    const x = new Float32Array(n);
    world.allReduce(x, { phase: 'law', algorithm: 'flat' });
    const bytes = 4 * n;
    let seen = before;
    const check = (what: string, expected: number) => {
      const now = sent(world, 'law').all;
      expectThat(now - seen === expected, `${what}: rank ${rank} sent ${now - seen} bytes, expected ${expected}`);
      seen = now;
    };
    check('allReduce', (2 * (size - 1) * bytes) / size);
    world.reduceScatter(x, new Float32Array(12), { phase: 'law' });
    check('reduceScatter', ((size - 1) * bytes) / size);
    world.allGather(new Float32Array(12), x, { phase: 'law' });
    check('allGather', ((size - 1) * bytes) / size);
    world.allToAll(x, new Float32Array(n), { phase: 'law' });
    check('allToAll', ((size - 1) * bytes) / size);
    world.reduce(x, 0, { phase: 'law' });
    check('reduce', rank === 0 ? 0 : bytes);
    world.isend(x, (rank + 1) % size, { phase: 'law' }).wait();
    world.recv(x, (rank + size - 1) % size);
    check('isend', size === 1 ? 0 : bytes);
    world.broadcast(x, 0, { phase: 'law-broadcast' });
    const copies = total(world, sent(world, 'law-broadcast').all);
    expectThat(
      copies === (size - 1) * bytes,
      `broadcast: ${copies} bytes over all ranks, expected ${(size - 1) * bytes}`,
    );
    const servers = total(world, serverGroup.rank === 0 ? 1 : 0);
    world.allReduce(new Float32Array(n * servers), { phase: 'law-hierarchical', algorithm: 'hierarchical' });
    if (servers > 1 && servers < size) {
      const mine = Float64Array.of(sent(world, 'law-hierarchical').inter);
      serverGroup.allReduce(mine);
      const expected = 2 * (servers - 1) * bytes;
      expectThat(mine[0] === expected, `hierarchical: server ${server} sent ${mine[0]} bytes, expected ${expected}`);
    }
    const uneven = new Float32Array(n + 1);
    world.allReduce(uneven, { phase: 'law-uneven', algorithm: 'flat' });
    const all = total(world, sent(world, 'law-uneven').all);
    expectThat(all === 2 * (size - 1) * 4 * (n + 1), `uneven allReduce: ${all} bytes over all ranks`);
    world.allReduce(new Float32Array(0), { phase: 'law-empty' });
    world.barrier();
    expectThat(sent(world, 'law-empty').all === 0, 'an empty allReduce sends nothing');
  },

  'random programs of collectives equal the oracle': (ctx) => randomProgram(ctx, 2024, 150),
};

/** Runs `steps` random collectives in random groups of the context and compares each with the oracle. */
export function randomProgram({ rank, ...ctx }: ConformanceContext, seed: number, steps: number): void {
  const next = generator(seed);
  for (let step = 0; step < steps; step++) {
    // Draws are the same on all ranks.
    const group = [ctx.world, ctx.serverGroup, ctx.crossGroup][next(3)]!;
    const type = TYPES[next(TYPES.length)]!;
    const op = OPS[next(OPS.length)]!;
    const kind = next(7);
    const n = [0, 1, next(10), next(3000), next(120_000)][next(5)]!;
    const draw = next(1000);
    const { size } = group;
    const me = group.rank;
    const what = `step ${step}, kind ${kind}, ${type.name}[${n}] ${op}`;
    const counts = range(size).map((r) => (r * draw) % (1 + (n % 997)));
    const sum = counts.reduce((s, c) => s + c, 0);
    const begin = counts.slice(0, me).reduce((s, c) => s + c, 0);
    if (kind === 0) {
      const x = fill(type, n, rank, step);
      const algorithm = (['auto', 'flat', 'hierarchical'] as const)[draw % 3]!;
      if (draw % 2 === 0) group.allReduce(x, { op, algorithm });
      else group.allReduceAsync(x, { op, algorithm }).wait();
      // Products of floats above 2^24 round; order does not matter for the small ones here.
      expectEqual(x, reduceOracle(type, contributions(group, type, n, step), op), what);
    } else if (kind === 1) {
      const x = fill(type, n, rank, step);
      group.broadcast(x, draw % size);
      expectEqual(x, fill(type, n, group.ranks[draw % size]!, step), what);
    } else if (kind === 2) {
      const x = fill(type, n, rank, step);
      group.reduce(x, draw % size, { op });
      const all = contributions(group, type, n, step);
      expectEqual(x, me === draw % size ? reduceOracle(type, all, op) : all[me]!, what);
    } else if (kind === 3) {
      const out = new type(counts[me]!);
      group.reduceScatterV(fill(type, sum, rank, step), counts, out, { op });
      const all = reduceOracle(type, contributions(group, type, sum, step), op);
      expectEqual(out, all.subarray(begin, begin + counts[me]!), what);
    } else if (kind === 4) {
      const out = new type(sum);
      group.allGatherV(fill(type, counts[me]!, rank, step), out, counts);
      expectEqual(
        out,
        group.ranks.flatMap((r, m) => Array.from(fill(type, counts[m]!, r, step))),
        what,
      );
    } else if (kind === 5) {
      const each = n % 500;
      const out = new type(each * size);
      group.allToAll(fill(type, each * size, rank, step), out);
      const block = (r: number) => Array.from(fill(type, each * size, r, step).subarray(me * each, (me + 1) * each));
      expectEqual(out, group.ranks.flatMap(block), what);
    } else {
      const to = (me + 1 + (draw % size)) % size;
      const from = (me + 2 * size - 1 - (draw % size)) % size;
      const out = new type(n);
      const work = group.isend(fill(type, n, rank, step), to, { tag: draw });
      group.recv(out, from, { tag: draw });
      work.wait();
      expectEqual(out, fill(type, n, group.ranks[from]!, step), what);
    }
  }
}
