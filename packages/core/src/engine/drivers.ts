/** One driver per engine: can it run in this thread, and make it run. Libraries are loaded only when asked for. */
import * as tf from '@tensorflow/tfjs-core';
import type { MemoryAccount } from '../device/Device.js';
import { attachAccount, type BackendAccount } from './account.js';
import type { EngineName } from './EngineReport.js';
import type { WasmBackend } from './wasm/backend.js';
import { guardAllocations, WASM_LIMIT_BYTES } from './wasm/guard.js';
import { loadWasm } from './wasm/load.js';

/** What an engine may be told before its first use. */
export interface EngineOptions {
  /** Budget of the device, in bytes; undefined means no limit. */
  readonly memoryBytes?: number | undefined;
  /** Threads one op may use. */
  readonly threads?: number | undefined;
}

/** An engine that runs in this thread. */
export interface RunningEngine {
  readonly version: string;
  readonly account: MemoryAccount;
  /** Gives up hooks on the backend, when another engine takes over. */
  detach(): void;
}

/** The outcome of a look at an engine. */
export type Probe =
  | { readonly available: true; readonly reason: string; start(options: EngineOptions): Promise<RunningEngine> }
  | { readonly available: false; readonly reason: string };

/**
 * Looks whether an engine can run in this thread. Never throws: what went wrong becomes the reason.
 *
 * @param options - what it will be started with; TensorFlow takes its threads when it is loaded
 */
export async function probeEngine(name: EngineName, options: EngineOptions = {}): Promise<Probe> {
  try {
    return await PROBES[name](options);
  } catch (error) {
    return { available: false, reason: `did not load: ${firstLine(error)}` };
  }
}

const PROBES: Readonly<Record<EngineName, (options: EngineOptions) => Promise<Probe>>> = {
  native: probeNative,
  tensorflow: probeTensorflow,
  wasm: probeWasm,
  cpu: probeCpu,
};

type NativeModule = typeof import('@strata-ml/tfjs-backend-native');

async function probeNative(): Promise<Probe> {
  // Loading registers the backend, so it waits until someone asks.
  const native: NativeModule = await import('@strata-ml/tfjs-backend-native');
  const { available, reason, version = 'unknown' } = native.nativeAvailability();
  if (!available) return { available, reason };
  return {
    available,
    reason,
    async start({ memoryBytes, threads }) {
      if (memoryBytes !== undefined || threads !== undefined) {
        native.configureNative({
          ...(memoryBytes === undefined ? {} : { memoryBytes }),
          ...(threads === undefined ? {} : { threads }),
        });
      }
      await useBackend('native');
      return { version, account: nativeAccount(native), detach: () => {} };
    },
  };
}

/** The arena's own figures, read when asked. */
function nativeAccount(native: NativeModule): MemoryAccount {
  return {
    get currentBytes() {
      return native.nativeMemory().currentBytes;
    },
    get peakBytes() {
      return native.nativeMemory().peakBytes;
    },
    get budgetBytes() {
      return native.nativeMemory().budgetBytes;
    },
    resetPeak() {
      native.nativeMemory().resetPeak();
    },
  };
}

async function probeTensorflow({ threads }: EngineOptions): Promise<Probe> {
  const { probeTensorflow: probe } = await import('./tensorflow/probe.js');
  const found = probe(threads);
  if (!found.available) return found;
  const { reason, version } = found;
  return {
    available: true,
    reason,
    start: ({ memoryBytes }) => startCounted('tensorflow', version, memoryBytes),
  };
}

async function probeWasm(): Promise<Probe> {
  const { version, hasSimd } = await loadWasm();
  return {
    available: true,
    reason: `WebAssembly kernels of tfjs${hasSimd ? ' with SIMD' : ', without SIMD on this processor'}, one thread, at most 3.5 GiB of tensors`,
    async start({ memoryBytes }) {
      const limit = Math.min(memoryBytes ?? WASM_LIMIT_BYTES, WASM_LIMIT_BYTES);
      const engine = await startCounted('wasm', version, limit);
      guardAllocations(tf.backend() as WasmBackend);
      return engine;
    },
  };
}

async function probeCpu(): Promise<Probe> {
  const cpu = await import('@tensorflow/tfjs-backend-cpu');
  return {
    available: true,
    reason: 'plain JavaScript, complete but slow',
    start: ({ memoryBytes }) => startCounted('cpu', cpu.version_cpu, memoryBytes),
  };
}

async function startCounted(
  name: EngineName,
  version: string,
  memoryBytes: number | undefined,
): Promise<RunningEngine> {
  await useBackend(name);
  // The cpu backend advises on first use, on the console, to install tfjs-node: that choice was made already.
  (tf.backend() as tf.KernelBackend & { firstUse?: boolean }).firstUse = false;
  const account: BackendAccount = attachAccount(tf.backend(), memoryBytes);
  return { version, account, detach: () => account.detach() };
}

async function useBackend(name: EngineName): Promise<void> {
  if (!(await tf.setBackend(name))) throw new Error(`the ${name} backend failed to initialise`);
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String((error as { message?: unknown })?.message ?? error);
  return text.split('\n')[0] ?? '';
}
