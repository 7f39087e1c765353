/** The thread of one rank. Started by `launchThreads`. */
import { parentPort, workerData } from 'node:worker_threads';
import { serializeError } from '../errors.js';
import type { RankJob, RankMessage } from './messages.js';
import { runRank } from './runRank.js';

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

runRank(workerData as RankJob, { transport: 'threads', post }).catch(fail);
