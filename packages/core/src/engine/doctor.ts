/** What runs on this machine: engines with their speed, kernels, direct I/O, processor, memory. */
import { fork } from 'node:child_process';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { kernelVariant } from '@strata-ml/kernels';
import { AbortedError } from '../errors.js';
import { requestedEngine } from './choose.js';
import { ENGINE_NAMES, type EngineName, type KernelVariant } from './EngineReport.js';
import type { EngineMeasurement } from './engineProbe.js';
import { type Availability, probeDirectIo, simdSupport } from './features.js';

/** MPI as `@strata-ml/mpi` finds it; core knows nothing of MPI itself. */
export interface MpiReport extends Availability {
  /** For instance `Open MPI 4.1.4`. */
  readonly implementation?: string;
}

/** One engine, tried and measured. */
export interface EngineDiagnosis extends EngineMeasurement {
  readonly name: EngineName;
}

/** What {@link doctorReport} finds. Plain data. */
export interface DoctorReport {
  readonly engines: readonly EngineDiagnosis[];
  /** The engine that `auto` takes. */
  readonly selected: EngineName;
  readonly kernels: KernelVariant;
  readonly mpi: MpiReport;
  readonly directIo: Availability;
  /** Threads this process may run at once. */
  readonly cores: number;
  /** Memory this process may use: the machine's, or less in a container. */
  readonly memoryBytes: number;
  readonly simd: boolean;
  readonly relaxedSimd: boolean;
  /** Name of the processor. */
  readonly processor: string;
  readonly node: string;
  readonly platform: string;
}

/** Options of {@link doctorReport}. */
export interface DoctorOptions {
  /** What `@strata-ml/mpi` found. @defaultValue not looked for */
  readonly mpi?: MpiReport;
  /** Folder in which direct I/O is tried. @defaultValue the folder for temporary files */
  readonly folder?: string;
  /** Engines to try. @defaultValue all */
  readonly engines?: readonly EngineName[];
  /** Time of each engine's measurement, start not included. @defaultValue `0.3` */
  readonly secondsPerEngine?: number;
  /** Longest wait for one engine, in ms. @defaultValue `30000` */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Called before each engine is measured. */
  readonly onProgress?: (engine: EngineName) => void;
}

/**
 * Looks what runs on this machine and how fast.
 *
 * Each engine is measured in a child process of its own, one after the other: the caller's engine is untouched, engines
 * that only load in a main thread get one, and one that crashes is reported instead of taking the caller with it.
 *
 * @throws {@link AbortedError} if `signal` is aborted.
 */
export async function doctorReport({
  mpi = { available: false, reason: 'not looked for; @strata-ml/mpi does' },
  folder = tmpdir(),
  engines = ENGINE_NAMES,
  secondsPerEngine = 0.3,
  timeoutMs = 30_000,
  signal,
  onProgress,
}: DoctorOptions = {}): Promise<DoctorReport> {
  const diagnoses: EngineDiagnosis[] = [];
  for (const name of engines) {
    onProgress?.(name);
    if (signal?.aborted) throw new AbortedError('doctor: aborted');
    diagnoses.push({ name, ...(await measureEngine(name, secondsPerEngine, timeoutMs, signal)) });
  }
  const wanted = requestedEngine();
  const best = ENGINE_NAMES.find((name) => diagnoses.some((d) => d.name === name && d.available)) ?? 'cpu';
  const limit = process.constrainedMemory?.() ?? 0;
  return {
    engines: diagnoses,
    selected: wanted === 'auto' ? best : wanted,
    kernels: kernelVariant(),
    mpi,
    directIo: await probeDirectIo(folder),
    cores: availableParallelism(),
    memoryBytes: limit > 0 ? Math.min(limit, totalmem()) : totalmem(),
    ...simdSupport(),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
  };
}

function measureEngine(
  name: EngineName,
  seconds: number,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<EngineMeasurement> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('./engineProbe.js', import.meta.url)), [name, String(seconds)], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: [],
    });
    let result: EngineMeasurement | undefined;
    let complaint = '';
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    const abort = () => child.kill('SIGKILL');
    signal?.addEventListener('abort', abort, { once: true });
    child.stderr?.on('data', (text: Buffer) => {
      complaint = (complaint + text.toString()).slice(0, 2000);
    });
    child.on('message', (message) => {
      result = message as EngineMeasurement;
    });
    child.on('error', (error) => {
      complaint = error.message;
    });
    child.on('close', (code, killedBy) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      if (signal?.aborted) reject(new AbortedError('doctor: aborted'));
      else if (result) resolve(result);
      else if (isLate) resolve({ available: false, reason: `did not answer within ${timeoutMs} ms` });
      else {
        const why = complaint.trim().split('\n')[0] ?? '';
        resolve({ available: false, reason: `ended with ${killedBy ?? `code ${code}`}${why ? `: ${why}` : ''}` });
      }
    });
  });
}
