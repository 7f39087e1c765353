/** What a rank does from its start to its end, in a thread or in a process: joins the fabric, runs the entry, reports. */
import { placeRank } from '../cluster/Cluster.js';
import type { Doorbell } from '../comm/threads/Doorbell.js';
import { Endpoint } from '../comm/threads/Endpoint.js';
import { Mailbox } from '../comm/threads/Mailbox.js';
import { ThreadGroup } from '../comm/threads/ThreadGroup.js';
import { OptionError } from '../errors.js';
import { openTrace } from '../trace/Trace.js';
import { createTraceBuffer, readTrace } from '../trace/TraceBuffer.js';
import type { RankJob, RankMessage } from './messages.js';
import { createRankContext, importRankEntry, startDevice } from './rank.js';

/** Least time that ranks have to start, in ms: engines load, and cores may be busy. */
const START_TIMEOUT_MS = 120_000;

/** What differs between threads and processes. */
export interface RankPlace {
  readonly transport: string;
  readonly doorbell?: Doorbell;
  /** Sends to the parent; throws a `DataCloneError` for what is no plain data. */
  post(message: RankMessage): void;
}

/** Runs one rank to its result, which it posts. Rejects with whatever fails. */
export async function runRank(job: RankJob, { transport, doorbell, post }: RankPlace): Promise<void> {
  const { fabric, rank, cluster, traceCapacity: capacity } = job;
  const { server, localRank } = placeRank(cluster, rank);
  const traceBuffer = capacity === undefined ? undefined : createTraceBuffer({ rank, server, localRank, capacity });
  const trace = traceBuffer ? openTrace(traceBuffer) : undefined;
  const end = new Endpoint(fabric, rank, {
    timeoutMs: job.timeoutMs,
    checkComm: job.checkComm,
    ...(trace ? { trace } : {}),
    ...(doorbell ? { doorbell } : {}),
  });
  // While the event loop turns, the rank lives; blocked in a wait, the wait shows it.
  setInterval(() => end.beat(), 1000).unref();
  end.enter('start');
  const mail = new Mailbox(end);
  const { device, report } = await startDevice(job.engine, cluster.deviceMemoryBytes);
  end.enter('load');
  const entry = await importRankEntry(job.entry);
  const world = new ThreadGroup(end, mail, fabric.world);
  const context = createRankContext({
    cluster,
    rank,
    transport,
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
      ...(traceBuffer ? { recording: readTrace(traceBuffer) } : {}),
    }),
  );
}

/** Posts; what cannot be cloned is an error a person can act on. */
function clone(where: string, what: string, send: () => void): void {
  try {
    send();
  } catch (cause) {
    if ((cause as Error).name !== 'DataCloneError') throw cause;
    throw new OptionError(where, what, (cause as Error).message, 'plain data that can be posted to another rank');
  }
}
