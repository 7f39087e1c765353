/*
 * The all-reduce of allreduce.c through the binding: same sizes, same batches, same lines.
 * Build the package, then: mpirun -n 4 node allreduce.mjs [repeats] [nonblocking]
 */
import { createMpiWorld } from '../dist/index.js';

const { world } = createMpiWorld({ servers: 'hosts' });
const repeats = Number(process.argv[2] ?? 11);
const isNonBlocking = process.argv[3] === 'nonblocking';

for (let bytes = 4096; bytes <= 64 * 2 ** 20; bytes *= 4) {
  const x = new Float32Array(bytes / 4).fill(world.rank + 1);
  const batch = bytes <= 65536 ? 100 : bytes <= 2 ** 20 ? 10 : 1;
  const samples = [];
  for (let r = -2; r < repeats; r++) {
    world.barrier();
    const start = performance.now();
    for (let k = 0; k < batch; k++) {
      if (isNonBlocking) world.allReduceAsync(x).wait();
      else world.allReduce(x);
    }
    const slowest = Float64Array.of((performance.now() - start) / 1000 / batch);
    world.allReduce(slowest, { op: 'max' });
    if (r >= 0) samples.push(slowest[0]);
  }
  samples.sort((a, b) => a - b);
  if (world.rank === 0) process.stdout.write(`${bytes} ${samples[repeats >> 1].toFixed(9)}\n`);
}
