const entries = {
  hangsInCollective(ctx, { rank }) {
    if (ctx.rank === rank) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30_000);
    ctx.world.allReduce(new Float32Array(1000), { phase: 'gradient' });
  },
  neverSends(ctx) {
    if (ctx.rank === 0) ctx.world.recv(new Float32Array(4), 1, { phase: 'halo', timeoutMs: 200 });
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30_000);
  },
  neverAwaited(ctx) {
    if (ctx.rank === 0) return ctx.world.irecv(new Float32Array(4), 1, { timeoutMs: 200 }).done;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30_000);
  },
  differsInOperation(ctx, { rank }) {
    if (ctx.rank === rank) ctx.world.barrier();
    else ctx.world.allReduce(new Float32Array(3));
  },
  differsInLength(ctx, { rank }) {
    ctx.world.allReduce(new Float32Array(ctx.rank === rank ? 4 : 3));
  },
  differsInType(ctx, { rank }) {
    ctx.world.allReduce(ctx.rank === rank ? new Int32Array(3) : new Float32Array(3));
  },
  differsInReduction(ctx, { rank }) {
    ctx.world.allReduce(new Float32Array(3), { op: ctx.rank === rank ? 'max' : 'sum' });
  },
  differsInRoot(ctx, { rank }) {
    ctx.world.broadcast(new Float32Array(3), ctx.rank === rank ? 1 : 0);
  },
  differsInCounts(ctx, { rank }) {
    const counts = ctx.rank === rank ? [1, 2, 1, 0] : [1, 1, 1, 1];
    ctx.world.allGatherV(new Float32Array(counts[ctx.rank]), new Float32Array(4), counts);
  },
  sendsTooMuch(ctx) {
    if (ctx.rank === 1) ctx.world.send(new Float32Array(5), 0, { tag: 2 });
    if (ctx.rank === 0) ctx.world.recv(new Float32Array(4), 1, { tag: 2 });
    ctx.world.barrier();
  },
  sendsOtherType(ctx) {
    if (ctx.rank === 1) ctx.world.send(new Int32Array(4), 0);
    if (ctx.rank === 0) ctx.world.recv(new Float32Array(4), 1);
    ctx.world.barrier();
  },
  stopsTogether(ctx) {
    let steps = 0;
    ctx.report('begun');
    for (;;) {
      const stop = Float64Array.of(ctx.isAborting ? 1 : 0);
      ctx.world.allReduce(stop, { op: 'max' });
      if (stop[0] > 0) return steps;
      steps++;
    }
  },
  stopsAlone(ctx) {
    ctx.report('begun');
    for (;;) {
      ctx.throwIfAborted();
      ctx.world.barrier();
    }
  },
  ignoresAbort(ctx) {
    ctx.report('begun');
    for (;;) if (ctx.rank < 2) ctx.world.recv(new Float32Array(1), 3, { timeoutMs: 1e9 });
  },
  streams(ctx) {
    // More than an arena holds, in all directions at once, with nobody receiving yet.
    const { rank, size } = ctx.world;
    const n = 40_000_000;
    const works = [];
    for (let i = 0; i < 4; i++)
      works.push(ctx.world.isend(new Float32Array(n).fill(rank + i), (rank + 1) % size, { tag: i }));
    const x = new Float32Array(n);
    const seen = [];
    for (const tag of [3, 0, 2, 1]) {
      ctx.world.recv(x, (rank + size - 1) % size, { tag });
      seen.push(x[0], x[n - 1]);
    }
    for (const work of works) work.wait();
    return seen;
  },
  flushes(ctx) {
    // Returns without waiting: what was sent arrives nevertheless.
    const x = new Float32Array(1_000_000).fill(ctx.rank + 1);
    if (ctx.rank === 0) for (let i = 0; i < 100; i++) ctx.world.isend(Int32Array.of(i), 1);
    if (ctx.rank === 0) return ctx.world.isend(x, 1, { tag: 1 }) && 0;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    const y = new Int32Array(1);
    for (let i = 0; i < 100; i++) ctx.world.recv(y, 0);
    ctx.world.recv(x, 0, { tag: 1 });
    return y[0] + x[999_999];
  },
  transfers(ctx, { bytes, rounds }) {
    // The clock all threads share: from the begin of the send to the end of the receive.
    const now = () => Number(process.hrtime.bigint()) / 1e6;
    const times = [];
    const x = new Uint8Array(bytes).fill(1);
    for (let i = 0; i < rounds; i++) {
      ctx.world.barrier();
      if (ctx.rank === 0) times.push(now());
      if (ctx.rank === 0) ctx.world.send(x, 1);
      else ctx.world.recv(x, 0);
      if (ctx.rank === 1) times.push(now());
    }
    return times;
  },
  reduces(ctx, { bytes, rounds }) {
    const times = [];
    const x = new Uint8Array(bytes);
    for (let i = 0; i < rounds; i++) {
      ctx.world.barrier();
      const begin = performance.now();
      ctx.world.allReduce(x, { algorithm: 'flat' });
      times.push(performance.now() - begin);
    }
    return times;
  },
  overlaps(ctx, { bytes, computeMs }) {
    // Both ranks send, compute, then wait: the link works while they compute.
    const other = 1 - ctx.rank;
    const x = new Uint8Array(bytes);
    const y = new Uint8Array(bytes);
    const waits = [];
    for (let i = 0; i < 3; i++) {
      ctx.world.barrier();
      const works = [
        ctx.world.isend(x, other),
        ctx.world.irecv(y, other),
        ctx.world.allReduceAsync(new Float32Array(1000)),
      ];
      const until = performance.now() + computeMs;
      while (performance.now() < until);
      const begin = performance.now();
      for (const work of works) work.wait();
      waits.push(performance.now() - begin);
    }
    return waits;
  },
  buckets: async (ctx, { n, bucketBytes, algorithm }) => {
    const { GradientBuckets } = await import('@strata-ml/core');
    const gradients = new Float32Array(n);
    const buckets = new GradientBuckets(ctx.world, gradients, { bucketBytes, algorithm });
    const sums = [];
    for (let step = 0; step < 3; step++) {
      for (let i = 0; i < n; i++) gradients[i] = (i % 7) * (ctx.rank + 1) + step;
      // Ranks report in different orders and leave something for flush.
      const cuts = ctx.rank % 2 ? [0, 10, 300, n - 5] : [0, 100, 250, n - 1];
      for (let c = cuts.length - 1; c > 0; c--) buckets.ready(cuts[c - 1], cuts[c]);
      buckets.flush();
      sums.push(Array.from(gradients));
    }
    return { sums, traffic: ctx.world.traffic.rows(), count: buckets.count };
  },
  describes(ctx, payload) {
    const { rank, worldSize, server, localRank, transport, cluster } = ctx;
    if (payload.shared) Atomics.add(payload.shared, 0, rank + 1);
    return {
      rank,
      worldSize,
      server,
      localRank,
      transport,
      servers: cluster.devicesPerServer.length,
      u: ctx.rng.uniformAt(0),
    };
  },
  usesDevice(ctx) {
    return ctx.device.engine;
  },
  traces(ctx) {
    return ctx.trace.span('work', 'compute', () => {
      ctx.world.allReduce(new Float32Array(1000), { phase: 'gradient' });
      return ctx.trace.isEnabled;
    });
  },
};

export default function entry(ctx, payload) {
  return entries[payload.name](ctx, payload);
}
