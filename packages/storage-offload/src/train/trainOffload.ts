/** A whole training run: epochs, evaluations, checkpoints, and what came of it. */
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  AbortedError,
  type ChromeTrace,
  createDevice,
  createTraceBuffer,
  type EngineReport,
  median,
  OptionError,
  openTrace,
  readTrace,
  type StorageMode,
  summariseTimings,
  type TimingSummary,
  toChromeTrace,
} from '@strata-ml/core';
import { flattenParameters, type ResolvedGnnSpec } from '@strata-ml/models';
import { InMemoryTrainer } from '../baselines/InMemoryTrainer.js';
import { checkpointFingerprint, loadCheckpoint, saveCheckpoint } from '../checkpoint/checkpoint.js';
import { FolderLock } from '../store/FolderLock.js';
import type { GraphStore } from '../store/GraphStore.js';
import type { EpochReport, OffloadEvaluation, PassReport } from './EpochReport.js';
import type { FullGraphTrainer } from './FullGraphTrainer.js';
import { OffloadTrainer } from './OffloadTrainer.js';
import { type OffloadOptions, resolveOffloadOptions } from './options.js';

/** One row of the timeline. */
export interface OffloadEpochRow extends Partial<OffloadEvaluation> {
  readonly epoch: number;
  readonly loss: number;
  readonly seconds: number;
}

/** Sent to `onEvent`. */
export type OffloadEvent =
  | { readonly type: 'setup'; readonly minimumHostBytes: number; readonly seconds: number; readonly epoch: number }
  | {
      readonly type: 'pass';
      readonly epoch: number;
      readonly epochs: number;
      readonly pass: PassReport;
      readonly index: number;
      readonly of: number;
    }
  | { readonly type: 'epoch'; readonly row: OffloadEpochRow; readonly epochs: number; readonly report: EpochReport }
  | { readonly type: 'checkpoint'; readonly epoch: number; readonly path: string };

/** Options of {@link trainOffload}. */
export interface TrainOffloadOptions extends OffloadOptions {
  /** What `initEngine` returned in this thread. */
  readonly engine: EngineReport;
  /** @defaultValue `100` */
  readonly epochs?: number;
  /** Epochs between evaluations; the last epoch is evaluated always. @defaultValue `10` */
  readonly evalEvery?: number;
  /** Folder for `checkpoint.safetensors`. @defaultValue none is written */
  readonly checkpointDir?: string;
  /** Epochs between checkpoints. @defaultValue `1` */
  readonly checkpointEvery?: number;
  /** Go on from the checkpoint in `checkpointDir`, if there is one. @defaultValue `false` */
  readonly resume?: boolean;
  /** Ends the run cleanly between two steps; epochs that are done count. */
  readonly signal?: AbortSignal;
  /** Record a trace of the last passes. @defaultValue `false` */
  readonly traces?: boolean;
  readonly onEvent?: (event: OffloadEvent) => void;
}

/** Bytes that are counted and were predicted; per epoch, those of the last one. */
export interface OffloadBytes {
  readonly storage: { readonly bytesRead: number; readonly bytesWritten: number; readonly mode: StorageMode };
  readonly uploadBytes: number;
  readonly downloadBytes: number;
}

/** Metrics of `gnn train --offload` (result schema version 1). */
export interface OffloadMetrics extends OffloadBytes {
  /** Epoch of the best validation accuracy, and figures there; fractions. */
  readonly bestEpoch: number;
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  readonly valAccuracy: number;
  readonly testAccuracy: number;
  /** After the last epoch. */
  readonly finalTrainLoss: number;
  /** Without the first epoch, which finds the memory empty, if there are more. */
  readonly epochSeconds: TimingSummary;
  readonly firstEpochSeconds: number;
  /** Of the median epoch: asleep for the drive. */
  readonly waitSeconds: number;
  /** SHA-256 over all parameters, float32 little-endian, in model order. */
  readonly parametersHash: string;
  readonly parameters: number;
  readonly peakDeviceBytes: readonly number[];
  readonly peakHostBytes: number;
  readonly peakRssBytes: number;
  readonly minimumHostBytes: number;
  /** Share of accesses that found their block in memory, last epoch. */
  readonly hitRate: number;
  /** Gradient sums put aside before they were complete, last epoch; part of the storage bytes. */
  readonly spillBytes: number;
  readonly predicted: OffloadBytes;
}

/** What {@link trainOffload} returns. */
export interface OffloadReport {
  readonly status: 'ok' | 'aborted';
  readonly metrics: OffloadMetrics;
  readonly timeline: { readonly epochs: readonly OffloadEpochRow[] };
  /** Of the last epoch. */
  readonly passes: readonly PassReport[];
  readonly spec: ResolvedGnnSpec;
  readonly files: { readonly checkpoint?: string };
  /** Transfers, gathering and computing, if asked for. */
  readonly trace?: ChromeTrace;
}

/** Opens the trainer of a mode. */
export async function openTrainer(store: GraphStore, options: OffloadOptions = {}): Promise<FullGraphTrainer> {
  const { mode } = resolveOffloadOptions(options);
  return mode === 'in-memory' ? InMemoryTrainer.open(store, options) : OffloadTrainer.open(store, options);
}

/**
 * Trains on a prepared graph in this thread, whose engine runs already.
 *
 * @throws `OptionError`, `HostBudgetError` before work starts; `OutOfDeviceMemoryError` if a partition is too large for the
 * device: prepare the graph with more parts; `StorageError`; `FolderInUseError`.
 */
export async function trainOffload(store: GraphStore, options: TrainOffloadOptions): Promise<OffloadReport> {
  const { engine, epochs = 100, evalEvery = 10, checkpointDir, checkpointEvery = 1, resume = false, signal } = options;
  for (const [option, got] of Object.entries({ epochs, evalEvery, checkpointEvery })) {
    if (!(Number.isSafeInteger(got) && got >= 1)) throw new OptionError('trainOffload', option, got, 'an integer ≥ 1');
  }
  const emit = options.onEvent ?? (() => {});
  const begin = performance.now();
  const lock = checkpointDir === undefined ? undefined : lockFolder(checkpointDir);
  let trainer: FullGraphTrainer | undefined;
  try {
    const buffer = options.traces ? createTraceBuffer() : undefined;
    trainer = await openTrainer(store, buffer ? { ...options, trace: openTrace(buffer) } : options);
    const { seed } = resolveOffloadOptions(options);
    const path = checkpointDir === undefined ? undefined : join(checkpointDir, 'checkpoint.safetensors');
    const fingerprint = checkpointFingerprint(store, trainer, seed);
    const saved = path !== undefined && resume ? loadCheckpoint(path, trainer, fingerprint) : undefined;
    const rows = (saved ?? []) as OffloadEpochRow[];
    const device = createDevice(engine);
    device.memory.resetPeak();
    emit({
      type: 'setup',
      minimumHostBytes: trainer.minimumHostBytes,
      seconds: (performance.now() - begin) / 1000,
      epoch: trainer.epoch,
    });
    const run = new Run(trainer, rows, emit, signal);
    let status: 'ok' | 'aborted' = 'ok';
    try {
      while (trainer.epoch < epochs) {
        await run.epoch(epochs, evalEvery);
        if (path !== undefined && (trainer.epoch % checkpointEvery === 0 || trainer.epoch === epochs)) {
          saveCheckpoint(path, trainer, fingerprint, rows);
          emit({ type: 'checkpoint', epoch: trainer.epoch, path });
        }
      }
    } catch (error) {
      if (!(error instanceof AbortedError) || rows.length === 0) throw error;
      status = 'aborted';
      if (path !== undefined) saveCheckpoint(path, trainer, fingerprint, rows);
    }
    return {
      status,
      metrics: run.metrics(store.device.mode, device.memory.peakBytes),
      timeline: { epochs: rows },
      passes: run.reports.at(-1)?.passes ?? [],
      spec: trainer.model.spec,
      files: path === undefined ? {} : { checkpoint: path },
      ...(buffer ? { trace: toChromeTrace([readTrace(buffer)]) } : {}),
    };
  } finally {
    trainer?.close();
    lock?.release();
  }
}

function lockFolder(folder: string): FolderLock {
  mkdirSync(folder, { recursive: true });
  return FolderLock.acquire(folder);
}

class Run {
  readonly reports: EpochReport[] = [];
  readonly #trainer: FullGraphTrainer;
  readonly #rows: OffloadEpochRow[];
  readonly #emit: (event: OffloadEvent) => void;
  readonly #signal: AbortSignal | undefined;

  constructor(
    trainer: FullGraphTrainer,
    rows: OffloadEpochRow[],
    emit: (event: OffloadEvent) => void,
    signal: AbortSignal | undefined,
  ) {
    this.#trainer = trainer;
    this.#rows = rows;
    this.#emit = emit;
    this.#signal = signal;
  }

  async epoch(epochs: number, evalEvery: number): Promise<void> {
    const trainer = this.#trainer;
    const control = this.#signal ? { signal: this.#signal } : {};
    let index = 0;
    const onPass = (pass: PassReport) =>
      this.#emit({ type: 'pass', epoch: trainer.epoch + 1, epochs, pass, index: index++, of: trainer.passesPerEpoch });
    const report = await trainer.trainEpoch({ ...control, onPass });
    const { epoch, loss, seconds } = report;
    const isEvaluated = epoch % evalEvery === 0 || epoch === epochs;
    const evaluation = isEvaluated ? await trainer.evaluate() : {};
    const row = { epoch, loss, seconds, ...evaluation };
    this.reports.push(report);
    this.#rows.push(row);
    this.#emit({ type: 'epoch', row, epochs, report });
  }

  metrics(mode: StorageMode, peakDeviceBytes: number): OffloadMetrics {
    const { model } = this.#trainer;
    const rows = this.#rows;
    const best = bestRow(rows);
    const last = this.reports.at(-1);
    const parameters = flattenParameters(model.parameters);
    const timed = rows.length > 1 ? rows.slice(1) : rows;
    const bytes = ({ device, storage }: Pick<EpochReport, 'device' | 'storage'>): OffloadBytes => ({
      storage: { bytesRead: storage.bytesRead, bytesWritten: storage.bytesWritten, mode },
      ...device,
    });
    const none = { storage: { bytesRead: 0, bytesWritten: 0, mode }, uploadBytes: 0, downloadBytes: 0 };
    const { hits = 0, misses = 0, spillRead = 0, spillWritten = 0 } = last?.storage ?? {};
    return {
      bestEpoch: best?.epoch ?? 0,
      trainLoss: best?.loss ?? Number.NaN,
      trainAccuracy: best?.trainAccuracy ?? Number.NaN,
      valAccuracy: best?.valAccuracy ?? Number.NaN,
      testAccuracy: best?.testAccuracy ?? Number.NaN,
      finalTrainLoss: rows.at(-1)?.loss ?? Number.NaN,
      epochSeconds: summariseTimings(timed.map((row) => row.seconds)),
      firstEpochSeconds: rows[0]?.seconds ?? Number.NaN,
      waitSeconds: median(this.reports.map((report) => report.waitSeconds)),
      parametersHash: createHash('sha256').update(new Uint8Array(parameters.buffer)).digest('hex'),
      parameters: parameters.length,
      peakDeviceBytes: [peakDeviceBytes],
      peakHostBytes: this.#trainer.peakHostBytes,
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
      minimumHostBytes: this.#trainer.minimumHostBytes,
      hitRate: hits / Math.max(1, hits + misses),
      spillBytes: spillRead + spillWritten,
      ...(last ? bytes(last) : none),
      predicted: last ? bytes(last.predicted) : none,
    };
  }
}

/** The evaluated row of highest validation accuracy, the earliest of equals; the last row if none was evaluated. */
function bestRow(rows: readonly OffloadEpochRow[]): OffloadEpochRow | undefined {
  let best: OffloadEpochRow | undefined;
  for (const row of rows) {
    if (row.valAccuracy !== undefined && row.valAccuracy > (best?.valAccuracy ?? -1)) best = row;
  }
  return best ?? rows.at(-1);
}
