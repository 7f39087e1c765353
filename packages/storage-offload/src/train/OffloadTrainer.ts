/**
 * Trains a graph network on every vertex of a prepared graph with activations and gradients on a drive, exactly: the same
 * numbers as in memory, within a host and a device budget.
 *
 * "GriNNder: Breaking the Memory Capacity Wall in Full-Graph GNN Training with Storage Offloading", MLSys 2026,
 * arXiv:2605.11517. Where we differ: which block is where follows from the schedule alone, so bytes are predicted exactly;
 * gradients live in the same budget as activations.
 */
import { AbortedError, DIRECT_ALIGNMENT, Rng } from '@strata-ml/core';
import {
  createGnn,
  createOptimizer,
  flattenParameters,
  type GnnModel,
  importLayer,
  type Optimizer,
  unflattenParameters,
} from '@strata-ml/models';
import { type MappedMemory, mappedMemory } from '../baselines/mappedMemory.js';
import { BlockNumbers } from '../residency/BlockNumbers.js';
import { DriveIo } from '../residency/DriveIo.js';
import { HostBudgetError } from '../residency/HostBudgetError.js';
import { HostMemory } from '../residency/HostMemory.js';
import type { PlannedRun, Residency } from '../residency/Residency.js';
import { counterDifference, type ResidencyCounters } from '../residency/ResidencyCounters.js';
import { FolderLock } from '../store/FolderLock.js';
import type { GraphStore } from '../store/GraphStore.js';
import { type BlockMemoryOptions, createResidency, plannedRun, playPlan } from './BlockMemory.js';
import type { EpochReport, OffloadEvaluation, PassReport } from './EpochReport.js';
import type { EpochControl, FullGraphTrainer, LossAndGradient } from './FullGraphTrainer.js';
import { stageWidths, trainedStages } from './ModelStages.js';
import { checkWeights, type OffloadOptions, type ResolvedOffloadOptions, resolveOffloadOptions } from './options.js';
import { StepRunner } from './StepRunner.js';
import { evaluationSchedule, type Schedule, type ScheduleInput, trainingSchedule } from './schedule.js';
import { type DeviceTraffic, trafficPerEpoch } from './TrafficCounters.js';

/** State of all counters at one moment. */
interface Mark {
  readonly ms: number;
  readonly waitedMs: number;
  readonly gatherMs: number;
  readonly traffic: DeviceTraffic;
  readonly counters: ResidencyCounters;
}

/** A network being trained out of core. Close it after use. */
export class OffloadTrainer implements FullGraphTrainer {
  readonly options: ResolvedOffloadOptions;
  readonly model: GnnModel;
  readonly optimizer: Optimizer;
  readonly store: GraphStore;
  /** Bytes of host memory below which this graph and model cannot be trained. */
  readonly minimumHostBytes: number;
  /** Epochs done. */
  epoch = 0;
  readonly #lock: FolderLock;
  readonly #io: DriveIo;
  readonly #swap: MappedMemory | undefined;
  readonly #live: Residency;
  readonly #twin: Residency;
  readonly #runner: StepRunner;
  readonly #training: Schedule;
  readonly #evaluation: Schedule;
  readonly #runs: { readonly training: PlannedRun; readonly evaluation: PlannedRun };
  readonly #traffic: Parameters<typeof trafficPerEpoch>[0];
  readonly #trainVertices: number;

  /**
   * Opens a trainer on a prepared graph; takes the folder for itself until {@link OffloadTrainer.close}. An engine must
   * run in this thread (`initEngine`), with the device's budget.
   *
   * @throws `OptionError` for an option out of range; {@link HostBudgetError} below the minimum, which it names;
   * `FolderInUseError` if another run uses the folder.
   */
  static async open(store: GraphStore, options: OffloadOptions = {}): Promise<OffloadTrainer> {
    const resolved = resolveOffloadOptions(options);
    checkWeights(store, resolved);
    const { featureWidth, classes } = store.meta;
    const spec = { ...resolved.model, inputWidth: featureWidth, numClasses: Math.max(1, classes) };
    const model = createGnn(spec, await importLayer(spec));
    try {
      return new OffloadTrainer(store, model, resolved);
    } catch (error) {
      model.dispose();
      throw error;
    }
  }

  private constructor(store: GraphStore, model: GnnModel, options: ResolvedOffloadOptions) {
    const { meta } = store;
    this.store = store;
    this.model = model;
    this.options = options;
    this.optimizer = createOptimizer(options.optimizer);
    const stages = trainedStages(model);
    const widths = stageWidths(model.stages);
    const partitions = Array.from({ length: meta.parts }, (_, p) => p);
    const rows = partitions.map((p) => store.rows(p));
    const numbers = new BlockNumbers({
      rows,
      expandedRows: meta.expandedRows,
      topologyBytes: partitions.map((p) => store.topologyBytes(p)),
      widths,
      gathers: stages.map(({ gathers }) => gathers),
    });
    const { fusedHead, order, cachePolicy, lookahead } = options;
    const snapshots = options.mode === 'snapshot';
    const input: ScheduleInput = {
      numbers,
      stages,
      rows,
      dependencies: (p) => store.dependencies(p),
      order,
      fusedHead,
      snapshots,
    };
    this.#training = trainingSchedule(input);
    this.#evaluation = evaluationSchedule(input);
    this.#traffic = {
      vertices: meta.vertices,
      expandedRows: meta.expandedRows.reduce((a, b) => a + b, 0),
      stages,
      widths,
      fusedHead,
      snapshots,
    };
    this.minimumHostBytes = store.residentBytes + minimumArena(numbers, [this.#training, this.#evaluation]);
    const isMapped = options.mode === 'naive-swap';
    const budget = isMapped ? Number.POSITIVE_INFINITY : options.hostMemory;
    if (budget < this.minimumHostBytes) throw new HostBudgetError(budget, this.minimumHostBytes);
    const arenaBytes = arenaFor(budget - store.residentBytes, numbers);
    const memoryOptions: BlockMemoryOptions = { numbers, arenaBytes, policy: cachePolicy, lookahead };
    this.#runs = {
      training: plannedRun(memoryOptions, this.#training.plan, this.#training.plan),
      evaluation: plannedRun(memoryOptions, this.#evaluation.plan, this.#training.plan),
    };
    this.#trainVertices = store.trainMask.reduce((sum, flag) => sum + flag, 0);
    this.#lock = FolderLock.acquire(store.folder);
    try {
      this.#swap = isMapped ? mappedMemory(store.folder, arenaBytes) : undefined;
    } catch (error) {
      this.#lock.release();
      throw error;
    }
    const memory = this.#swap?.memory ?? new HostMemory(arenaBytes);
    this.#io = new DriveIo(store, numbers, memory, options.trace);
    this.#live = createResidency(memoryOptions, this.#io);
    this.#twin = createResidency(memoryOptions);
    const rng = new Rng(options.seed);
    this.#runner = new StepRunner({
      store,
      model,
      stages,
      widths,
      numbers,
      memory,
      residency: this.#live,
      rng,
      fusedHead,
      snapshots,
      trace: options.trace,
      stripeRows: options.stripeRows,
    });
  }

  /** Most bytes of host memory held so far: blocks and the tables of the store. */
  get peakHostBytes(): number {
    return this.#live.peakBytes + this.store.residentBytes;
  }

  get passesPerEpoch(): number {
    const { steps } = this.#training;
    return steps.filter(({ kind, stage }, i) => kind !== steps[i - 1]?.kind || stage !== steps[i - 1]?.stage).length;
  }

  /** Runs one epoch: all training vertices, one update of the parameters. */
  async trainEpoch(control: EpochControl = {}): Promise<EpochReport> {
    const sums = this.#runner.begin(this.epoch + 1, true);
    const buffers = this.model.state().map(({ data }) => data.slice());
    try {
      const { passes, ...done } = await this.#play(this.#training, this.#runs.training, control);
      const count = Math.max(1, this.#trainVertices);
      const parameters = flattenParameters(this.model.parameters);
      this.optimizer.step(parameters, sums.gradients(count));
      unflattenParameters(parameters, this.model.parameters);
      this.epoch++;
      const predicted = { device: trafficPerEpoch(this.#traffic), storage: done.predicted };
      return { epoch: this.epoch, loss: sums.loss / count, ...done, predicted, passes };
    } catch (error) {
      for (const [i, { data }] of this.model.state().entries()) data.set(buffers[i]!);
      this.#forget();
      throw error;
    }
  }

  /** Gradients of the mean loss for the coming epoch, float32 in parameter order, without an update. */
  async gradients(): Promise<LossAndGradient> {
    const sums = this.#runner.begin(this.epoch + 1, true);
    const buffers = this.model.state().map(({ data }) => data.slice());
    await this.#play(this.#training, this.#runs.training, {});
    for (const [i, { data }] of this.model.state().entries()) data.set(buffers[i]!);
    const count = Math.max(1, this.#trainVertices);
    return { loss: sums.loss / count, gradients: sums.gradients(count) };
  }

  /** Classifies every labelled vertex, dropout off. */
  async evaluate(control: EpochControl = {}): Promise<OffloadEvaluation> {
    const { correct, counted } = this.#runner.begin(this.epoch, false);
    try {
      await this.#play(this.#evaluation, this.#runs.evaluation, control);
    } catch (error) {
      this.#forget();
      throw error;
    }
    const [trainAccuracy, valAccuracy, testAccuracy] = Array.from(correct, (n, i) => n / Math.max(1, counted[i]!));
    return { trainAccuracy: trainAccuracy!, valAccuracy: valAccuracy!, testAccuracy: testAccuracy! };
  }

  /** Frees the model, lets go of the folder and removes the run's files from it. The store stays open. */
  close(): void {
    this.#io.close();
    this.#swap?.close();
    this.#lock.release();
    this.model.dispose();
  }

  /** After an epoch that broke off: both memories start again from nothing, so that predictions hold. */
  #forget(): void {
    this.#io.quiesce();
    this.#live.clear();
    this.#twin.clear();
  }

  async #play({ steps }: Schedule, run: PlannedRun, { signal, onPass }: EpochControl) {
    const predicted = playPlan(this.#twin, run, this.store.meta.parts);
    const passes: PassReport[] = [];
    const start = this.#mark();
    this.#live.begin(run, this.#twin.evictedDirty);
    let passStart = start;
    for (const [i, step] of steps.entries()) {
      if (signal?.aborted) throw new AbortedError('OffloadTrainer: stopped before the epoch was done');
      this.#runner.run(step);
      if (this.options.trace.isEnabled) this.#io.poll();
      const next = steps[i + 1];
      if (next?.kind !== step.kind || next.stage !== step.stage) {
        const now = this.#mark();
        const pass = { kind: step.kind, stage: step.stage, ...this.#since(passStart, now) };
        passes.push(pass);
        onPass?.(pass);
        passStart = now;
      }
      // Lets signals and timers in; the next step's blocks are on their way.
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { uploadBytes, downloadBytes, seconds, waitSeconds, ...rest } = this.#since(start, this.#mark());
    const { residentBytes: _, gatherSeconds: __, ...storage } = rest;
    return { seconds, waitSeconds, device: { uploadBytes, downloadBytes }, storage, predicted, passes };
  }

  #mark(): Mark {
    return {
      ms: performance.now(),
      waitedMs: this.#io.waitedMs,
      gatherMs: this.#runner.gatherMs,
      traffic: { ...this.#runner.traffic },
      counters: { ...this.#live.counters },
    };
  }

  #since(before: Mark, after: Mark) {
    return {
      seconds: (after.ms - before.ms) / 1000,
      waitSeconds: (after.waitedMs - before.waitedMs) / 1000,
      gatherSeconds: (after.gatherMs - before.gatherMs) / 1000,
      uploadBytes: after.traffic.uploadBytes - before.traffic.uploadBytes,
      downloadBytes: after.traffic.downloadBytes - before.traffic.downloadBytes,
      residentBytes: this.#live.usedBytes,
      ...counterDifference(after.counters, before.counters),
    };
  }
}

/** Edges and two more blocks: with two, a hole of one is always there, wherever the edges lie. */
function minimumArena({ bytes, parts }: BlockNumbers, schedules: readonly Schedule[]): number {
  let edges = 0;
  let largest = DIRECT_ALIGNMENT;
  for (const { plan } of schedules) {
    for (const block of plan.blocks) {
      if (block < parts) edges = Math.max(edges, bytes[block]!);
      else largest = Math.max(largest, bytes[block]!);
    }
  }
  return edges + 2 * largest;
}

/** Whole pages, and not more than all blocks together take. */
function arenaFor(budget: number, { bytes }: BlockNumbers): number {
  const all = bytes.reduce((sum, size) => sum + size, DIRECT_ALIGNMENT);
  return Math.floor(Math.min(budget, all) / DIRECT_ALIGNMENT) * DIRECT_ALIGNMENT;
}
