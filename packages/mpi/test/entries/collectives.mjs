// Runs every operation against an oracle that each rank computes alone; rank 0 prints one JSON object of the outcomes.
// argv[2]: { devicesPerServer?, maxCount?, checkComm? }
import assert from 'node:assert/strict';
import { createMpiWorld, initMpi } from '@strata-ml/mpi';

const options = JSON.parse(process.argv[2] ?? '{}');
const groups = createMpiWorld({ timeoutMs: 20_000, ...options });
const { world, serverGroup, crossGroup } = groups;
const { rank: me, size } = world;
const TYPES = [Float32Array, Float64Array, Int32Array, Uint32Array, Uint16Array, Uint8Array];
// Around the eager limit, the switch to blocking calls, and not divisible by anything.
const LENGTHS = [0, 1, 3, 257, 4_099];
const LONG = 40_009;

/** Element i of rank r: small integers, so that every sum is exact in every type. */
const value = (r, i) => ((r + 1) * (i + 3)) % 13;
const make = (T, r, n, at = 0) => {
  const padded = new T(n + 3); // a view with an offset: a lost byteOffset must fail
  for (let i = 0; i < n; i++) padded[i + 3] = value(r, i + at);
  return padded.subarray(3);
};
const all = (f) => Array.from({ length: size }, (_, r) => f(r));
const reduced = (T, n, op, at = 0) => {
  const out = new T(n);
  for (let i = 0; i < n; i++) {
    const column = all((r) => value(r, i + at));
    out[i] =
      op === 'max'
        ? Math.max(...column)
        : op === 'min'
          ? Math.min(...column)
          : column.reduce((a, b) => (op === 'prod' ? a * b : a + b));
  }
  return out;
};
const same = (got, expected, what) => {
  assert.equal(got.length, expected.length, what);
  for (let i = 0; i < got.length; i++) {
    if (!Object.is(got[i] + 0, expected[i] + 0))
      assert.fail(`${what}: element ${i} is ${got[i]}, expected ${expected[i]}`);
  }
};
const each = (f) => {
  for (const T of TYPES) {
    for (const n of T === Float32Array ? [...LENGTHS, LONG] : LENGTHS) f(T, n, `${T.name} [${n}]`);
  }
};
const uneven = (n) => all((r) => (r === 1 ? 0 : Math.floor((n * (r + 1)) / 7)));
const offsets = (counts) => counts.map((_, r) => counts.slice(0, r).reduce((a, b) => a + b, 0));
const total = (counts) => counts.reduce((a, b) => a + b, 0);

const cases = {
  'all-reduce sums over all ranks': () =>
    each((T, n, what) => {
      for (const algorithm of ['flat', 'hierarchical', 'auto']) {
        const x = make(T, me, n);
        world.allReduce(x, { algorithm });
        same(x, reduced(T, n, 'sum'), `${what} ${algorithm}`);
      }
    }),
  'all-reduce takes max, min and product': () =>
    each((T, n, what) => {
      for (const op of ['max', 'min', 'prod']) {
        if (op === 'prod' && T.BYTES_PER_ELEMENT < 4 && size > 2) continue; // overflows
        const x = make(T, me, n);
        world.allReduce(x, { op, algorithm: op === 'max' ? 'hierarchical' : 'flat' });
        same(x, reduced(T, n, op), `${what} ${op}`);
      }
    }),
  'NaN propagates through every reduction; infinities and signed zeros keep their order': () => {
    for (const T of [Float32Array, Float64Array]) {
      for (const op of ['sum', 'max', 'min', 'prod']) {
        for (let bad = 0; bad < size; bad++) {
          const x = T.of(me === bad ? NaN : 1, me + 1);
          world.allReduce(x, { op });
          assert.ok(Number.isNaN(x[0]), `${T.name} ${op} NaN on rank ${bad} gave ${x[0]}`);
          assert.ok(!Number.isNaN(x[1]), 'NaN leaked');
          const y = T.of(me === bad ? NaN : 1);
          world.reduce(y, 0, { op });
          if (me === 0) assert.ok(Number.isNaN(y[0]), `reduce ${op}`);
          else same(y, T.of(me === bad ? NaN : 1), 'others unchanged');
          const scattered = new T(1);
          const input = new T(size).fill(me === bad ? NaN : -2.5);
          world.reduceScatter(input, scattered, { op });
          assert.ok(Number.isNaN(scattered[0]), `reduceScatter ${op}`);
          same(input, new T(size).fill(me === bad ? NaN : -2.5), 'input unchanged');
        }
      }
      const x = T.of(me === 0 ? -Infinity : -1e-30, me === 0 ? Infinity : 3e38, me === 0 ? -0 : -5);
      world.allReduce(x, { op: 'max' });
      const expected = size === 1 ? [-Infinity, Infinity, -0] : [-1e-30, Infinity, -0];
      same(x, T.from(expected), 'max');
      const y = T.of(me === 0 ? -Infinity : -1e-30, -me - 0.5);
      world.allReduce(y, { op: 'min' });
      same(y, T.of(-Infinity, -(size - 1) - 0.5), 'min');
    }
  },
  'reduce gives the sum to the root and leaves others unchanged': () =>
    each((T, n, what) => {
      const root = size - 1;
      const x = make(T, me, n);
      world.reduce(x, root);
      same(x, me === root ? reduced(T, n, 'sum') : make(T, me, n), what);
    }),
  'broadcast copies the root everywhere': () =>
    each((T, n, what) => {
      for (const root of [0, size - 1]) {
        const x = make(T, me, n);
        world.broadcast(x, root);
        same(x, make(T, root, n), what);
      }
    }),
  'reduce-scatter gives rank r the sum of block r': () =>
    each((T, n, what) => {
      const input = make(T, me, n * size);
      const output = new T(n);
      world.reduceScatter(input, output);
      same(output, reduced(T, n, 'sum', n * me), what);
      same(input, make(T, me, n * size), `${what} input`);
      const counts = uneven(n);
      const v = new T(counts[me]);
      world.reduceScatterV(make(T, me, total(counts)), counts, v);
      same(v, reduced(T, counts[me], 'sum', offsets(counts)[me]), `${what} uneven`);
      const aliased = make(T, me, n * size);
      world.reduceScatter(aliased, aliased.subarray(me * n, (me + 1) * n));
      same(aliased.subarray(me * n, (me + 1) * n), reduced(T, n, 'sum', n * me), `${what} in place`);
    }),
  'all-gather concatenates in rank order': () =>
    each((T, n, what) => {
      const output = new T(n * size);
      world.allGather(make(T, me, n), output);
      same(output, T.from(all((r) => [...make(T, r, n)]).flat()), what);
      const inPlace = new T(n * size);
      inPlace.set(make(T, me, n), n * me);
      world.allGather(inPlace.subarray(n * me, n * (me + 1)), inPlace);
      same(inPlace, output, `${what} in place`);
      const counts = uneven(n);
      const v = new T(total(counts));
      world.allGatherV(make(T, me, counts[me]), v, counts);
      same(v, T.from(all((r) => [...make(T, r, counts[r])]).flat()), `${what} uneven`);
    }),
  'all-to-all transposes blocks': () =>
    each((T, n, what) => {
      const output = new T(n * size);
      world.allToAll(make(T, me, n * size), output);
      same(output, T.from(all((r) => [...make(T, r, n, n * me)]).flat()), what);
      // Rank a sends (a + 2b) mod 5 blocks of ⌊n/50⌋ to rank b; some pairs send nothing.
      const count = (a, b) => ((a + 2 * b) % 5) * Math.floor(n / 50);
      const sends = all((r) => count(me, r));
      const receives = all((r) => count(r, me));
      const v = new T(total(receives));
      world.allToAllV(make(T, me, total(sends)), sends, v, receives);
      const expected = all((r) => [...make(T, r, count(r, me), offsets(all((b) => count(r, b)))[me])]).flat();
      same(v, T.from(expected), `${what} uneven`);
    }),
  'messages arrive by sender and tag, also to oneself and empty': () =>
    each((T, n, what) => {
      const next = (me + 1) % size;
      const previous = (me + size - 1) % size;
      const [a, b] = [new T(n), new T(n)];
      const works = [world.irecv(b, previous, { tag: 2 }), world.irecv(a, previous, { tag: 1 })];
      const sent = [world.isend(make(T, me, n), next, { tag: 1 }), world.isend(make(T, me, n, 7), next, { tag: 2 })];
      for (const work of [...works, ...sent]) work.wait();
      same(a, make(T, previous, n), what);
      same(b, make(T, previous, n, 7), what);
    }),
  'asynchronous forms give the same as blocking ones, in flight together': async () => {
    for (const T of [Float32Array, Int32Array]) {
      for (const n of [...LENGTHS, LONG]) {
        const sums = [make(T, me, n), make(T, me, n, 1), make(T, me, n, 2)];
        const gathered = new T(n * size);
        const scattered = new T(n);
        const swapped = new T(n * size);
        const copied = make(T, me, n);
        const works = [
          world.allReduceAsync(sums[0], { algorithm: 'hierarchical' }),
          world.allReduceAsync(sums[1], { algorithm: 'hierarchical' }),
          world.allReduceAsync(sums[2], { algorithm: 'flat' }),
          world.allGatherAsync(make(T, me, n), gathered),
          world.reduceScatterAsync(make(T, me, n * size), scattered),
          world.allToAllAsync(make(T, me, n * size), swapped),
          world.broadcastAsync(copied, 0),
          world.barrierAsync(),
        ];
        // Ranks complete them in different orders and ways: neither may matter.
        const order = me % 2 === 0 ? works : [...works].reverse();
        for (const [i, work] of order.entries()) {
          if ((i + me) % 3 === 0) await work.done;
          else work.wait();
        }
        for (const k of [0, 1, 2]) same(sums[k], reduced(T, n, 'sum', k), `allReduce ${k} [${n}]`);
        same(gathered, T.from(all((r) => [...make(T, r, n)]).flat()), 'allGather');
        same(scattered, reduced(T, n, 'sum', n * me), 'reduceScatter');
        same(swapped, T.from(all((r) => [...make(T, r, n, n * me)]).flat()), 'allToAll');
        same(copied, make(T, 0, n), 'broadcast');
      }
    }
  },
  'the event loop turns while a Work is awaited': async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    if (me === 0 && size > 1) await new Promise((resolve) => setTimeout(resolve, 60));
    await world.barrierAsync().done;
    clearInterval(timer);
    if (me !== 0) assert.ok(turns > 1, `turned ${turns} times`);
  },
  'split groups by colour and orders by key': () => {
    const group = world.split(-(me % 2), -me);
    const members = all((r) => r)
      .filter((r) => r % 2 === me % 2)
      .reverse();
    assert.deepEqual([...group.ranks], members);
    assert.equal(group.rank, members.indexOf(me));
    const x = Int32Array.of(me);
    group.allReduce(x);
    assert.equal(x[0], total(members));
    const again = group.split(0, group.rank);
    assert.deepEqual([...again.ranks], members);
    assert.equal(group.traffic, world.traffic);
  },
  'server and cross groups follow the layout': () => {
    const { devicesPerServer, server, localRank } = groups;
    const first = total(devicesPerServer.slice(0, server));
    assert.equal(first + localRank, me);
    assert.deepEqual(
      [...serverGroup.ranks],
      Array.from({ length: devicesPerServer[server] }, (_, i) => first + i),
    );
    const expected = devicesPerServer.flatMap((n, s) =>
      localRank < n ? [total(devicesPerServer.slice(0, s)) + localRank] : [],
    );
    assert.deepEqual([...crossGroup.ranks], expected);
  },
  'counts by link class what the direct algorithms send': () => {
    const { devicesPerServer, server } = groups;
    const local = devicesPerServer[server];
    const n = 48 * size; // divides by every server's ranks
    const bytes = (run) => {
      world.traffic.reset();
      run();
      const rows = world.traffic.rows();
      for (const row of rows) assert.deepEqual([row.phase, row.layer], ['test', 3]);
      const of = (c) => rows.filter((r) => r.class === c).reduce((sum, r) => sum + r.bytes, 0);
      return [of('intra'), of('inter')];
    };
    const o = { phase: 'test', layer: 3 };
    const x = new Float32Array(n);
    const flat = 2 * (n / size) * 4;
    assert.deepEqual(
      bytes(() => world.allReduce(x, { ...o, algorithm: 'flat' })),
      [flat * (local - 1), flat * (size - local)],
    );
    const servers = devicesPerServer.length;
    if (servers > 1 && local > 1 && devicesPerServer.every((d) => d === local)) {
      const hierarchical = [2 * (n / local) * 4 * (local - 1), 2 * (n / local / servers) * 4 * (servers - 1)];
      assert.deepEqual(
        bytes(() => world.allReduce(x, { ...o, algorithm: 'hierarchical' })),
        hierarchical,
      );
      assert.deepEqual(
        bytes(() => world.allReduceAsync(x, { ...o, algorithm: 'hierarchical' }).wait()),
        hierarchical,
      );
    }
    const isNear = (r) => r !== me && serverGroup.ranks.includes(r);
    const isFar = (r) => !serverGroup.ranks.includes(r);
    const sends = all((r) => r + 1);
    const receives = all(() => me + 1);
    assert.deepEqual(
      bytes(() => world.allToAllV(new Uint8Array(total(sends)), sends, new Uint8Array(total(receives)), receives, o)),
      [total(sends.filter((_, r) => isNear(r))), total(sends.filter((_, r) => isFar(r)))],
    );
    const to = (me + 1) % size;
    assert.deepEqual(
      bytes(() => {
        const work = world.irecv(new Float64Array(5), (me + size - 1) % size);
        world.send(new Float64Array(5), to, o);
        work.wait();
      }),
      [isNear(to) ? 40 : 0, isFar(to) ? 40 : 0],
    );
    assert.deepEqual(
      bytes(() => world.allGather(x, new Float32Array(n * size), o)),
      [4 * n * (local - 1), 4 * n * (size - local)],
    );
  },
  'refuses wrong shapes, types, ranks and tags before anything is sent': () => {
    const x = new Float32Array(4);
    const refuses = (code, run) => assert.throws(run, (e) => e.code === code, `${run}`);
    refuses('ERR_STRATA_SHAPE', () => world.allGather(x, new Float32Array(4 * size + 1)));
    refuses('ERR_STRATA_SHAPE', () => world.reduceScatter(x, new Float32Array(5 * size)));
    refuses('ERR_STRATA_OPTION', () => world.allGatherV(x, new Float32Array(4), [4, ...new Array(size).fill(0)]));
    refuses('ERR_STRATA_OPTION', () => world.allGather(x, new Int32Array(4 * size)));
    refuses('ERR_STRATA_OPTION', () => world.broadcast(x, size));
    refuses('ERR_STRATA_OPTION', () => world.send(x, -1));
    refuses('ERR_STRATA_OPTION', () => world.send(x, 0, { tag: 2 ** 31 }));
    refuses('ERR_STRATA_OPTION', () => world.split(0.5));
  },
};

const outcomes = {};
for (const [name, run] of Object.entries(cases)) {
  const failed = new Int32Array(1);
  let message = '';
  try {
    await run();
  } catch (error) {
    failed[0] = 1;
    message = `rank ${me}: ${error.stack}`;
  }
  world.allReduce(failed);
  const texts = new Uint8Array(400 * size);
  world.allGather(
    Uint8Array.from({ length: 400 }, (_, i) => message.charCodeAt(i) || 32),
    texts,
  );
  outcomes[name] = failed[0] === 0 ? 'ok' : Buffer.from(texts).toString('latin1').replace(/ +/g, ' ').trim();
}
if (me === 0) {
  const { mpi, hosts } = initMpi();
  process.stdout.write(JSON.stringify({ outcomes, family: mpi.library.family, hosts, size }));
}
