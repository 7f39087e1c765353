// The entry of launch.mjs: what each mode does on the rank it is about.
const sleepForever = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);

export default async function main(ctx, { mode, rank: target = 1 }) {
  const isTarget = ctx.rank === target;
  const x = Float64Array.of(ctx.rng.uniformAt(ctx.rank));
  ctx.world.allReduce(x, { phase: 'gradient' });
  ctx.report({ hello: ctx.rank });
  if (mode === 'throw' && isTarget) throw new RangeError('the rank is sad');
  if (mode === 'throwInAwait') {
    if (isTarget) throw new RangeError('the rank is sad');
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  }
  if (mode === 'kill' && isTarget) process.kill(process.pid, 'SIGKILL');
  if (mode === 'exit' && isTarget) process.exit(7);
  if (mode === 'hang' && isTarget) sleepForever();
  if (mode === 'mismatch') ctx.world.allReduce(new Float32Array(isTarget ? 5 : 4));
  if (mode === 'loop') {
    for (;;) {
      const stop = Int32Array.of(ctx.isAborting ? 1 : 0);
      ctx.world.allReduce(stop);
      if (stop[0] > 0) ctx.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  ctx.world.barrier({ phase: 'end' });
  return {
    rank: ctx.rank,
    server: ctx.server,
    localRank: ctx.localRank,
    sum: x[0],
    big: new Float32Array(300_000).fill(ctx.rank).at(-1),
  };
}
