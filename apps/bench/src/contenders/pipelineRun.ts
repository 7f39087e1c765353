/** Program: `pipelineRun.js JSON` prints what a pipeline step takes: by the simulator, or on ranks. */
import { buildSchedule, type P2pMode, type ScheduleKind, simulateSchedule } from '@strata-ml/comm-compress';
import { launch, median, parseCluster } from '@strata-ml/core';

interface Step {
  readonly what: 'simulated' | 'runtime';
  readonly schedule: ScheduleKind;
  readonly p2p: P2pMode;
  readonly stages: number;
  readonly microBatches: number;
}

const { what, schedule, p2p, stages, microBatches } = JSON.parse(process.argv[2] ?? '{}') as Step;
const chunks = schedule === 'interleaved' ? 2 : 1;
const [rows, width] = [64, 256];
const seconds = { forward: 0.08 / chunks, backward: 0.16 / chunks, message: 0.02 };

async function measure(): Promise<number> {
  const cluster = parseCluster(`1x${stages}`, { intraBandwidth: (rows * width * 4) / seconds.message });
  const options = { pp: stages, schedule, chunks, p2p, microBatch: 1, globalBatch: microBatches };
  const { results } = await launch<unknown, number[]>(
    cluster,
    new URL('./pipelineRankEntry.js', import.meta.url),
    { ...seconds, rows, width, steps: 4, options },
    { engine: 'cpu' },
  );
  // A step ends with its last rank; the first warms up.
  const steps = results[0]!.map((_, step) => Math.max(...results.map((rank) => rank[step]!)));
  return median(steps.slice(1));
}

function predict(): number {
  return simulateSchedule(buildSchedule(schedule, stages, microBatches, { chunks, p2p }), {
    forwardS: seconds.forward,
    backwardS: seconds.backward,
    messageS: seconds.message,
    rendezvous: p2p === 'batchedSync',
  }).makespanS;
}

console.log(JSON.stringify({ value: what === 'simulated' ? predict() : await measure() }));
