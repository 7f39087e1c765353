/** Which tfjs backend computes in this thread, and why. */
import { kernelVariant } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';
import type { MemoryAccount } from '../device/Device.js';
import { OptionError, registerErrorClass, StrataError } from '../errors.js';
import { type EngineOptions, probeEngine, type RunningEngine } from './drivers.js';
import { ENGINE_NAMES, type EngineCandidate, type EngineName, type EngineReport } from './EngineReport.js';

/** Options of {@link initEngine}. */
export interface InitEngineOptions {
  /** An engine by name, or the fastest that runs here; `STRATA_ENGINE` decides for `auto`. @defaultValue `'auto'` */
  readonly prefer?: EngineName | 'auto';
  /** Memory budget of this device in bytes; exceeding it throws `OutOfDeviceMemoryError`. @defaultValue no limit */
  readonly memoryBytes?: number | undefined;
  /**
   * Threads one op may use; ranks that share a machine use 1. Only `native` and `tensorflow` take it, the latter when
   * its library is loaded in a main thread. @defaultValue `1` on `native`, all cores on `tensorflow`
   */
  readonly threads?: number | undefined;
}

interface Current extends RunningEngine {
  readonly report: EngineReport;
  readonly threads: number | undefined;
}

/** One engine per thread, so one per copy of this module. */
let current: Current | undefined;
let pending: Promise<EngineReport> | undefined;

/**
 * Selects and starts the tfjs backend of this thread: `native`, else `tensorflow`, else `wasm`, else `cpu`.
 *
 * Idempotent: what is left open matches whatever runs already. Asked for another engine or budget it switches, and
 * tensors of the old backend move over as tfjs does; the budget counts tensors made from then on. `native` takes its
 * budget once per thread.
 *
 * @throws {@link OptionError} if `prefer` or `STRATA_ENGINE` is no engine, or if `memoryBytes` or `threads` is no
 *   positive whole number.
 * @throws {@link EngineUnavailableError} if the named engine cannot run here; the message says why and what to do.
 */
export async function initEngine(options: InitEngineOptions = {}): Promise<EngineReport> {
  // One at a time: two switches at once would leave tfjs on one backend and the account on the other.
  const previous = pending;
  const turn = (previous ?? Promise.resolve()).then(
    () => start(options),
    () => start(options),
  );
  pending = turn;
  return turn;
}

/** The memory account of the engine that runs in this thread. */
export function currentAccount(): MemoryAccount {
  if (!current) {
    throw new StrataError(
      'ERR_STRATA_NO_ENGINE',
      'createDevice: an engine must run in this thread, got none; await initEngine() first',
    );
  }
  return current.account;
}

/** A named engine cannot run here. */
export class EngineUnavailableError extends StrataError {
  constructor(engine: EngineName, reason: string) {
    super('ERR_STRATA_ENGINE_UNAVAILABLE', `initEngine: ${engine} cannot run here: ${reason}; or choose auto`, {
      engine,
      reason,
    });
  }
}

registerErrorClass(EngineUnavailableError);

async function start({ prefer = 'auto', memoryBytes, threads }: InitEngineOptions): Promise<EngineReport> {
  const wanted = resolveName(prefer);
  requirePositive('memoryBytes', memoryBytes);
  requirePositive('threads', threads);
  if (current && isSatisfied(current, wanted.name, memoryBytes, threads)) return current.report;

  // Whoever imported the whole of tfjs has them already.
  if (!tf.getGradient('Sum')) await import('./gradients.js');
  const candidates: EngineCandidate[] = [];
  for (const name of wanted.name === 'auto' ? ENGINE_NAMES : [wanted.name]) {
    const probe = await probeEngine(name, { threads });
    if (!probe.available) {
      candidates.push({ name, available: false, reason: probe.reason });
      continue;
    }
    current?.detach();
    current = undefined;
    let engine: RunningEngine;
    try {
      engine = await probe.start({ memoryBytes, threads } satisfies EngineOptions);
    } catch (error) {
      if (wanted.name !== 'auto' || error instanceof OptionError) throw error;
      candidates.push({ name, available: false, reason: error instanceof Error ? error.message : String(error) });
      continue;
    }
    candidates.push({ name, available: true, reason: probe.reason });
    const report: EngineReport = {
      name,
      reason: explain(name, wanted.why, candidates),
      kernels: kernelVariant(),
      version: engine.version,
      candidates,
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
    };
    current = { ...engine, report, threads };
    return report;
  }
  const [first] = candidates;
  throw new EngineUnavailableError(first?.name ?? 'cpu', first?.reason ?? 'no engine is left');
}

/** What is not asked for matches whatever runs. */
function isSatisfied(
  { report, threads: running }: Current,
  name: EngineName | 'auto',
  memoryBytes: number | undefined,
  threads: number | undefined,
): boolean {
  return (
    (name === 'auto' || name === report.name) &&
    (memoryBytes === undefined || memoryBytes === report.memoryBytes) &&
    (threads === undefined || threads === running)
  );
}

/** The engine that `auto` stands for by the environment: a name, or `auto` itself. */
export function requestedEngine(): EngineName | 'auto' {
  return resolveName('auto').name;
}

function resolveName(prefer: string): { name: EngineName | 'auto'; why: string } {
  const fromEnvironment = prefer === 'auto' ? process.env.STRATA_ENGINE : undefined;
  const name = fromEnvironment || prefer;
  const option = fromEnvironment ? 'STRATA_ENGINE' : 'engine';
  if (name !== 'auto' && !(ENGINE_NAMES as readonly string[]).includes(name)) {
    throw new OptionError('initEngine', option, name, `one of auto, ${ENGINE_NAMES.join(', ')}`);
  }
  return { name: name as EngineName | 'auto', why: fromEnvironment ? 'STRATA_ENGINE asks for it' : 'it was asked for' };
}

function requirePositive(option: string, value: number | undefined): void {
  if (value !== undefined && !(Number.isSafeInteger(value) && value > 0)) {
    throw new OptionError('initEngine', option, value, 'a positive whole number');
  }
}

function explain(name: EngineName, why: string, candidates: readonly EngineCandidate[]): string {
  const chosen = candidates[candidates.length - 1]?.reason ?? '';
  if (candidates.length === 1 && name !== ENGINE_NAMES[0]) return `${why}: ${chosen}`;
  if (candidates.length === 1) return `the fastest engine: ${chosen}`;
  const refused = candidates.slice(0, -1).map((c) => `${c.name}: ${c.reason}`);
  return `the fastest engine that runs here: ${chosen} (${refused.join(' | ')})`;
}
