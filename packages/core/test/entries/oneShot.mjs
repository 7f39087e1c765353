// All-reduces around the size up to which each rank reduces for itself, in every mixture of blocking and asynchronous calls.
const LENGTHS = [0, 1, 7, 1024, 16_384, 32_768, 32_769, 70_000];

export default function oneShot(ctx, { rounds }) {
  const { world, rank, worldSize } = ctx;
  let checked = 0;
  const verify = (x, n, salt, what) => {
    for (let i = 0; i < n; i += Math.max(1, n >> 6)) {
      // The sum in rank order, each step rounded to float32: the same bits whoever computed it.
      let expected = Math.fround(value(0, i, salt));
      for (let r = 1; r < worldSize; r++) expected = Math.fround(expected + Math.fround(value(r, i, salt)));
      if (x[i] !== expected) throw new Error(`${what}: element ${i} of ${n} is ${x[i]}, expected ${expected}`);
      checked++;
    }
  };
  const make = (n, salt) => Float32Array.from({ length: n }, (_, i) => value(rank, i, salt));
  for (let round = 0; round < rounds; round++) {
    for (const n of LENGTHS) {
      // Ranks differ in how they call: what lies in shared memory must not depend on it.
      const isAsync = (round + rank) % 3 === 0;
      const x = make(n, round);
      const y = make(n, round + 1);
      if (isAsync) {
        const works = [world.allReduceAsync(x), world.barrierAsync(), world.allReduceAsync(y)];
        works.reverse().forEach((work) => {
          work.wait();
        });
      } else {
        world.allReduce(x);
        world.barrier();
        world.allReduce(y);
      }
      verify(x, n, round, `first, round ${round}`);
      verify(y, n, round + 1, `second, round ${round}`);
    }
    // A group of its own shares the rank's lanes.
    const z = make(33, round);
    ctx.serverGroup.allReduce(z);
    verify(z, 33, round, 'server group');
  }
  return checked;
}

function value(rank, i, salt) {
  return ((rank + 1) * 0.1 + (i % 97) * 1.7e-3 + salt * 1e3) * (1 + rank * 1e-4);
}
