/** The thread of one rank: joins the fabric, runs the entry, posts its result or failure. Started by `launchThreads`. */
import { parentPort, workerData } from 'node:worker_threads';
import { placeRank } from '../cluster/Cluster.js';
import { Endpoint } from '../comm/threads/Endpoint.js';
import { Mailbox } from '../comm/threads/Mailbox.js';
import { ThreadGroup } from '../comm/threads/ThreadGroup.js';
import { OptionError, serializeError } from '../errors.js';
import { openTrace } from '../trace/Trace.js';
import type { RankJob, RankMessage } from './messages.js';
import { createRankContext, importRankEntry, startDevice } from './rank.js';

const job = workerData as RankJob;
/** Least time that ranks have to start, in ms: engines load, and cores may be busy. */
const START_TIMEOUT_MS = 120_000;
const exit = process.exit.bind(process);

function post(message: RankMessage): void {
  parentPort?.postMessage(message);
}

function fail(thrown: unknown): void {
  post({ type: 'failure', error: serializeError(thrown) });
  exit(1);
}

process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);

async function run(): Promise<void> {
  const { fabric, rank, cluster } = job;
  const trace = job.traceBuffer ? openTrace(job.traceBuffer) : undefined;
  const end = new Endpoint(fabric, rank, {
    timeoutMs: job.timeoutMs,
    checkComm: job.checkComm,
    ...(trace ? { trace } : {}),
  });
  // While the event loop turns, the rank lives; blocked in a wait, the wait shows it.
  setInterval(() => end.beat(), 1000).unref();
  end.enter('start');
  const mail = new Mailbox(end);
  const { server, localRank } = placeRank(cluster, rank);
  const { device, report } = await startDevice(job.engine, cluster.deviceMemoryBytes);
  end.enter('load');
  const entry = await importRankEntry(job.entry);
  const world = new ThreadGroup(end, mail, fabric.world);
  const context = createRankContext({
    cluster,
    rank,
    transport: 'threads',
    world,
    serverGroup: new ThreadGroup(end, mail, fabric.servers[server]!),
    crossGroup: new ThreadGroup(end, mail, fabric.cross[localRank]!),
    device,
    seed: job.seed,
    ...(trace ? { trace } : {}),
    report: (event) => {
      end.beat();
      clone('report', 'event', () => post({ type: 'event', event }));
    },
    isAborting: () => end.isAborting,
  });
  world.meet('start', Math.max(job.timeoutMs, START_TIMEOUT_MS));
  post({ type: 'ready' });
  end.enter('run');
  const result = await entry(context, job.payload);
  // Peers may still need what was sent without waiting.
  end.wait(mail.flush());
  end.enter('end');
  clone('launch', 'result', () =>
    post({
      type: 'result',
      result,
      traffic: end.traffic.rows(),
      peakBytes: report ? device.memory.peakBytes : 0,
      stagingPeakBytes: end.arena.peakBytes,
      ...(report ? { engine: report } : {}),
    }),
  );
}

/** Posts; what cannot be cloned is an error a person can act on. */
function clone(where: string, what: string, send: () => void): void {
  try {
    send();
  } catch (cause) {
    if ((cause as Error).name !== 'DataCloneError') throw cause;
    throw new OptionError(where, what, (cause as Error).message, 'plain data that can be posted to another thread');
  }
}

run().catch(fail);
