/**
 * The `processes` transport: one child process per rank. They share the memory that threads would, so everything but the
 * start and the end is the same. For engines whose library loads in one thread of a process only, and for ranks that
 * must not take each other down.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createSharedFile, mapOver } from '../comm/processes/sharedMemory.js';
import { decode, encode, type Parts, readerOf, unsharedChunks } from '../comm/processes/wire.js';
import { createFabric, type Fabric } from '../comm/threads/fabric.js';
import { OptionError } from '../errors.js';
import { jobsOf, type RankMessage } from './messages.js';
import type { LaunchReport, LaunchRequest } from './options.js';
import { type RankEvents, type RankHandle, runRanks } from './RankRun.js';

/** Kept of what a rank writes to stderr, to tell why it broke down. */
const COMPLAINT_BYTES = 16_384;
const PAGE = 65_536;

/** Runs an entry in child processes. */
export async function launchProcesses(request: LaunchRequest): Promise<LaunchReport<unknown>> {
  const fabric = createFabric(request.cluster);
  const { memory, reduce: _, ...layout } = fabric;
  const memoryBytes = memory.buffer.byteLength;
  let job: Parts;
  try {
    job = encode({ ...jobsOf(request, fabric)(0), fabric: layout });
  } catch (cause) {
    if ((cause as Error).name !== 'DataCloneError') throw cause;
    throw new OptionError('launch', 'payload', (cause as Error).message, 'plain data that can be sent to a process');
  }
  const file = createSharedFile(memoryBytes);
  try {
    shareHead(fabric, file);
    writeAt(file, memoryBytes, job);
    return await runRanks(request, fabric, (rank, events) => startProcess(request, rank, memoryBytes, file, events));
  } finally {
    closeSync(file);
  }
}

/** Moves the run state and the ranks' records, all that the parent looks at, into the file. */
function shareHead({ memory, portsBase }: Fabric, file: number): void {
  const bytes = Math.ceil(portsBase / PAGE) * PAGE;
  writeAt(file, 0, [new Uint8Array(memory.buffer, 0, bytes)]);
  mapOver(memory, bytes, file);
}

function writeAt(file: number, position: number, parts: Parts): void {
  let at = position;
  for (const chunk of unsharedChunks(parts)) {
    for (let done = 0; done < chunk.length; ) done += writeSync(file, chunk, done, chunk.length - done, at + done);
    at += chunk.length;
  }
}

function startProcess(
  { options: { heapMb } }: LaunchRequest,
  rank: number,
  memoryBytes: number,
  file: number,
  events: RankEvents,
): RankHandle {
  const program = fileURLToPath(new URL('./rankProcessEntry.js', import.meta.url));
  const child = fork(program, [String(rank), String(memoryBytes), String(process.pid)], {
    // The shared file becomes descriptor SHARED_FILE.
    stdio: ['ignore', 'inherit', 'pipe', 'ipc', file],
    serialization: 'advanced',
    // Ctrl-C goes to the parent alone, which asks the ranks to stop.
    detached: true,
    execArgv: [...inheritedArguments(), ...(heapMb === undefined ? [] : [`--max-old-space-size=${heapMb}`])],
  });
  const complaint = listenTo(child);
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  child.on('message', (bytes) => events.onMessage(decode(readerOf(bytes as Uint8Array)) as RankMessage));
  child.on('error', (error) => events.onError(error.message, error));
  child.on('exit', (code, signal) => {
    const tell = () => {
      if (complaint().includes('heap out of memory')) events.onError('ran out of JavaScript heap; raise heapMb');
      else events.onExit(code ?? undefined, signal ?? undefined);
    };
    // What it sent before it ended may still be on its way.
    if (child.connected) child.once('disconnect', tell);
    else tell();
  });
  const kill = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await ended;
    if (child.connected) child.disconnect();
  };
  return { ended, kill };
}

/** Passes stderr on, but for V8's dump when the heap is full, which the error says in a sentence. */
function listenTo(child: ChildProcess): () => string {
  let tail = '';
  child.stderr?.on('data', (text: Buffer) => {
    tail = (tail + text.toString()).slice(-COMPLAINT_BYTES);
    if (!tail.includes('<--- Last few GCs')) process.stderr.write(text);
  });
  return () => tail;
}

/** Node's own arguments of this process that its ranks need too: loaders and flags, not the program or a debugger. */
function inheritedArguments(): string[] {
  const kept: string[] = [];
  for (let i = 0; i < process.execArgv.length; i++) {
    const argument = process.execArgv[i]!;
    if (/^(-e|--eval|-p|--print|-pe)$/.test(argument)) i++;
    else if (!/^--(inspect|input-type|test|watch|eval|print)/.test(argument)) kept.push(argument);
  }
  return kept;
}
