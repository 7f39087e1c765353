/** The process of one rank: `rankProcessEntry.js RANK MEMORY_BYTES PARENT`. Started by `launchProcesses`. */
import { readFileSync, readSync } from 'node:fs';
import { dieWithParent, futexDoorbell, mapOver, SHARED_FILE } from '../comm/processes/sharedMemory.js';
import { decode, encode, joinParts } from '../comm/processes/wire.js';
import type { Fabric } from '../comm/threads/fabric.js';
import { StrataError, serializeError } from '../errors.js';
import { wasm } from '../webAssembly.js';
import type { RankJob, RankMessage } from './messages.js';
import { runRank } from './runRank.js';

const PAGE = 65_536;
const exit = process.exit.bind(process);
const [rank = 0, memoryBytes = 0, parent = 0] = process.argv.slice(2).map(Number);

function post(message: RankMessage): void {
  process.send?.(joinParts(encode(message)));
}

function fail(thrown: unknown): void {
  const message: RankMessage = { type: 'failure', error: serializeError(thrown) };
  if (process.connected) process.send?.(joinParts(encode(message)), () => exit(1));
  else exit(1);
}

process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);
// The channel alone must not keep a rank alive whose entry waits for nothing.
process.channel?.unref();

async function run(): Promise<void> {
  dieWithParent();
  if (process.ppid !== parent) throw new StrataError('ERR_STRATA_PROCESSES', 'launch: the parent process is gone');
  const pages = memoryBytes / PAGE;
  const memory = new wasm.Memory({ initial: pages, maximum: pages, shared: true });
  const base = mapOver(memory, memoryBytes, SHARED_FILE);
  const job = readJob();
  const reduce = new wasm.Module(readFileSync(new URL('./reduce.wasm', import.meta.url)));
  const fabric: Fabric = { ...job.fabric, memory, reduce };
  await runRank({ ...job, rank, fabric }, { transport: 'processes', doorbell: futexDoorbell(base), post });
}

/** The job lies in the file, behind the memory. */
function readJob(): RankJob {
  let at = memoryBytes;
  return decode((target) => {
    for (let done = 0; done < target.length; ) {
      const bytes = readSync(SHARED_FILE, target, done, target.length - done, at);
      if (bytes === 0) throw new StrataError('ERR_STRATA_PROCESSES', 'launch: the job of this rank is cut off');
      done += bytes;
      at += bytes;
    }
  }) as RankJob;
}

run().catch(fail);
