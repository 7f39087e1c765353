/** Computes the steps of a schedule: rows of blocks go to the device, through a stage, and back into blocks. */
import type { Rng, Trace } from '@strata-ml/core';
import { readTensor, unfilledTensor } from '@strata-ml/kernels';
import { accuracy, crossEntropySum, type GnnModel } from '@strata-ml/models';
import * as tf from '@tensorflow/tfjs-core';
import { gatheredVertices } from '../gather/gatheredVertices.js';
import { addAll, addRows, gatherRows } from '../gather/rows.js';
import { PartitionContext } from '../layers/PartitionContext.js';
import { convolveStage, forwardStage, type StageContext, stageGradients } from '../layers/runStage.js';
import { TiledContext, type TileRows } from '../layers/TiledContext.js';
import type { ColumnRange } from '../layers/tiles.js';
import type { BlockNumbers } from '../residency/BlockNumbers.js';
import type { HostMemory } from '../residency/HostMemory.js';
import type { HeldBlock, Residency } from '../residency/Residency.js';
import type { BipartiteCsr } from '../store/BipartiteCsr.js';
import type { GraphStore } from '../store/GraphStore.js';
import { EpochSums } from './EpochSums.js';
import type { TrainedStage } from './ModelStages.js';
import { NormSums } from './NormSums.js';
import { type Step, sourcesOf } from './schedule.js';
import type { DeviceTraffic } from './TrafficCounters.js';

/** What a {@link StepRunner} works with. */
export interface StepRunnerOptions {
  readonly store: GraphStore;
  readonly model: GnnModel;
  readonly stages: readonly TrainedStage[];
  /** Columns that enter each stage, then those that leave the last. */
  readonly widths: readonly number[];
  readonly numbers: BlockNumbers;
  readonly memory: HostMemory;
  readonly residency: Residency;
  readonly rng: Rng;
  readonly fusedHead: boolean;
  readonly snapshots: boolean;
  readonly trace: Trace;
}

/** Runs steps in the order of their schedule; takes and gives back blocks exactly as the plan has them. */
export class StepRunner {
  readonly traffic: DeviceTraffic = { uploadBytes: 0, downloadBytes: 0 };
  /** Milliseconds spent copying rows, waiting for the drive included. */
  gatherMs = 0;
  readonly #options: StepRunnerOptions;
  readonly #norms: NormSums;
  #sums: EpochSums;
  #epoch = 0;
  #training = false;

  constructor(options: StepRunnerOptions) {
    this.#options = options;
    this.#norms = new NormSums(options.model, options.widths);
    this.#sums = new EpochSums(options.model.parameters);
  }

  /** Starts an epoch, or an evaluation. */
  begin(epoch: number, training: boolean): EpochSums {
    this.#epoch = epoch;
    this.#training = training;
    this.#sums = new EpochSums(this.#options.model.parameters);
    this.#norms.begin();
    return this.#sums;
  }

  /** Computes one step; leaves no tensors. */
  run(step: Step): void {
    tf.tidy(() => {
      const guard = this.#norms.guard(step, this.#training, this.#options.stages[step.stage]!);
      if (step.kind === 'forward') this.#forward(step);
      else if (step.kind === 'backward') this.#backward(step);
      else if (step.kind === 'evaluate') this.#evaluate(step);
      else this.#normGradient(step);
      guard();
    });
  }

  #forward({ stage: l, partition: p }: Step): void {
    const { stages, widths, snapshots } = this.#options;
    const edges = this.#edges(l, p);
    const gathered = this.#gather(l, p);
    if (snapshots && this.#training) this.#keep(gathered);
    const context = this.#context(l, p, edges?.csr);
    const z = this.#compute(() => forwardStage(stages[l]!, context, gathered));
    gathered.dispose();
    const held = this.#residency.acquire();
    const out = this.#floats(held);
    out.set(readTensor(z));
    this.traffic.downloadBytes += out.byteLength;
    if (this.#training && stages[l + 1]?.hasBatchNorm) this.#norms.add(l + 1, out, widths[l + 1]!);
    this.#residency.release(held);
    context.dispose();
    if (edges) this.#residency.release(edges.held);
  }

  #backward(step: Step): void {
    const { stages, fusedHead, model, snapshots } = this.#options;
    const { stage: l, partition: p } = step;
    const stage = stages[l]!;
    const isLast = l === stages.length - 1;
    const above = isLast && fusedHead ? undefined : this.#upload();
    const dy = isLast && above ? this.#lossGradient(above, p) : above;
    const edges = this.#edges(l, p);
    const gathered = snapshots && !(isLast && fusedHead) ? this.#upload(l) : this.#gather(l, p);
    const context = this.#context(l, p, edges?.csr);
    // The gradient of a batch norm needs sums over all partitions: here it ends at what the norm gives.
    const prepared = stage.hasBatchNorm ? stage.prepare!(gathered, context) : gathered;
    const compute = () => (stage.hasBatchNorm ? convolveStage : forwardStage)(stage, context, prepared);
    const f = dy ? compute : () => crossEntropySum(compute(), this.#labels(p), this.#trainRows(p), 1);
    const { value, input, parameters } = this.#compute(() =>
      stageGradients(model, prepared, f, { ...(dy ? { dy } : {}), wantsInput: l > 0 }),
    );
    if (!dy) this.#sums.loss += readTensor(value)[0]!;
    this.#sums.add(parameters);
    if (l > 0) this.#scatter(l, p, input);
    context.dispose();
    if (edges) this.#residency.release(edges.held);
  }

  #evaluate({ stage: l, partition: p }: Step): void {
    const { stages, store } = this.#options;
    const edges = this.#edges(l, p);
    const gathered = this.#gather(l, p);
    const context = this.#context(l, p, edges?.csr);
    const logits = this.#compute(() => forwardStage(stages[l]!, context, gathered));
    for (const [split, mask] of [store.trainMask, store.valMask, store.testMask].entries()) {
      const { correct, total } = accuracy(logits, this.#labels(p), this.#rowsOf(mask, p));
      this.#sums.correct[split]! += correct;
      this.#sums.counted[split]! += total;
    }
    context.dispose();
    if (edges) this.#residency.release(edges.held);
  }

  /** One step of the two passes of batch norm's gradient: its sums, then the gradient with them. */
  #normGradient({ kind, stage: l, partition: p }: Step): void {
    const { stages, model } = this.#options;
    const stage = stages[l]!;
    const isSums = kind === 'norm-sums';
    const x = this.#upload();
    const skip = !isSums && stage.isResidual ? this.#upload() : undefined;
    const held = this.#residency.acquire();
    const gradient = this.#floats(held);
    const dy = this.#tensor(gradient, x.shape[1]);
    this.traffic.uploadBytes += gradient.byteLength;
    const context = this.#context(l, p, undefined);
    const { input, parameters } = stageGradients(model, x, () => stage.prepare!(x, context), { dy, wantsInput: true });
    if (isSums) this.#sums.add(parameters);
    else {
      gradient.set(readTensor(input!));
      if (skip) addAll(gradient, readTensor(skip));
      this.traffic.downloadBytes += gradient.byteLength;
    }
    this.#residency.release(held);
  }

  #compute<T>(body: () => T): T {
    return this.#options.trace.span('compute', 'compute', body);
  }

  get #residency(): Residency {
    return this.#options.residency;
  }

  /** The edges of a partition, held until the step is done; none for dense stages. */
  #edges(l: number, p: number): { readonly held: HeldBlock; readonly csr: BipartiteCsr } | undefined {
    const { stages, store, memory, numbers } = this.#options;
    if (!stages[l]!.gathers) return undefined;
    const held = this.#residency.acquire();
    return { held, csr: store.viewTopology(p, memory.padded(held.offset, numbers.bytes[held.block]!)) };
  }

  /** True if the rows of other partitions come one after another, inside the layer. */
  #isTiled(l: number): boolean {
    return this.#options.stages[l]!.isTiled && !this.#options.snapshots;
  }

  /** Moves rows between a partition and the blocks of others while its layer runs. */
  #tileRows(l: number, p: number): TileRows {
    const { store, widths, trace } = this.#options;
    const width = widths[l]!;
    const timed = (name: string, bytes: number, move: () => void) => {
      const begin = performance.now();
      const span = trace.begin(name, 'other');
      move();
      trace.end(span, bytes);
      this.gatherMs += performance.now() - begin;
    };
    return {
      read: (owner, out) => {
        timed('gather', out.byteLength, () => {
          const held = this.#residency.acquire();
          gatherRows(this.#floats(held), width, store.boundary(p, owner), out);
          this.#residency.release(held);
        });
        this.traffic.uploadBytes += out.byteLength;
      },
      add: (owner, gradient) => {
        timed('scatter', gradient.byteLength, () => {
          const held = this.#residency.acquire();
          const block = this.#floats(held);
          if (held.isFresh) block.fill(0);
          addRows(block, width, store.boundary(p, owner), gradient);
          this.#residency.release(held);
        });
        this.traffic.downloadBytes += gradient.byteLength;
      },
    };
  }

  /** Rows that a partition reads at once: its own, then those of others by owner; its own only in a tiled stage. */
  #gather(l: number, p: number): tf.Tensor2D {
    const { store, stages, widths, trace } = this.#options;
    const width = widths[l]!;
    const begin = performance.now();
    const span = trace.begin('gather', 'other');
    const isWhole = stages[l]!.gathers && !this.#isTiled(l);
    const sources = sourcesOf(store.dependencies(p), p, isWhole);
    const count = isWhole ? store.expandedRows(p) : store.rows(p);
    const gathered = unfilledTensor<tf.Rank.R2>([count, width], (out) => {
      let at = 0;
      for (const q of sources) {
        const held = this.#residency.acquire();
        const block = this.#floats(held);
        if (q === p) {
          out.set(block);
          at += block.length;
        } else {
          const rows = store.boundary(p, q);
          gatherRows(block, width, rows, out.subarray(at, at + rows.length * width));
          at += rows.length * width;
        }
        this.#residency.release(held);
      }
    });
    this.gatherMs += performance.now() - begin;
    trace.end(span, 4 * count * width);
    this.traffic.uploadBytes += 4 * count * width;
    return gathered as tf.Tensor2D;
  }

  /** Adds the gradient of gathered rows to the blocks of their owners, in the order in which they were gathered. */
  #scatter(l: number, p: number, gradient: tf.Tensor2D | undefined): void {
    const { store, stages, widths, trace } = this.#options;
    const width = widths[l]!;
    const begin = performance.now();
    const span = trace.begin('scatter', 'other');
    const rows = gradient && readTensor(gradient);
    let at = 0;
    for (const q of sourcesOf(store.dependencies(p), p, stages[l]!.gathers && !this.#isTiled(l))) {
      const held = this.#residency.acquire();
      const block = this.#floats(held);
      if (held.isFresh) block.fill(0);
      const boundary = q === p ? undefined : store.boundary(p, q);
      const length = boundary ? boundary.length * width : block.length;
      const part = rows?.subarray(at, at + length);
      if (part && boundary) addRows(block, width, boundary, part);
      else if (part) addAll(block, part);
      at += length;
      this.#residency.release(held);
    }
    this.gatherMs += performance.now() - begin;
    trace.end(span, 4 * at);
    this.traffic.downloadBytes += 4 * at;
  }

  /** The next block as a matrix: a gradient, class scores, or with a stage its snapshot. */
  #upload(snapshotOf?: number): tf.Tensor2D {
    const { numbers, widths } = this.#options;
    const held = this.#residency.acquire();
    const { stage } = numbers.name(held.block);
    const tensor = this.#tensor(this.#floats(held), widths[snapshotOf ?? stage]!);
    this.traffic.uploadBytes += 4 * tensor.size;
    this.#residency.release(held);
    return tensor;
  }

  /** Writes a matrix into the next block. */
  #keep(x: tf.Tensor2D): void {
    const held = this.#residency.acquire();
    this.#floats(held).set(readTensor(x));
    this.traffic.downloadBytes += 4 * x.size;
    this.#residency.release(held);
  }

  #tensor(values: Float32Array, width: number): tf.Tensor2D {
    return unfilledTensor<tf.Rank.R2>([values.length / width, width], (out) => out.set(values)) as tf.Tensor2D;
  }

  #lossGradient(logits: tf.Tensor2D, p: number): tf.Tensor2D {
    const { model } = this.#options;
    const { value, input } = stageGradients(
      model,
      logits,
      () => crossEntropySum(logits, this.#labels(p), this.#trainRows(p), 1),
      { wantsInput: true },
    );
    this.#sums.loss += readTensor(value)[0]!;
    return input!;
  }

  /** The rows of a block, without padding. */
  #floats({ block, offset }: HeldBlock): Float32Array {
    const { numbers, store, stages, widths, memory } = this.#options;
    const { kind, stage, partition } = numbers.name(block);
    const isExpanded = kind === 'snapshots' && stages[stage]!.gathers;
    const rows = isExpanded ? store.expandedRows(partition) : store.rows(partition);
    return memory.floats(offset, rows * widths[stage]!);
  }

  #context(l: number, p: number, csr: BipartiteCsr | undefined): StageContext {
    const { store, rng, stages, model } = this.#options;
    const gathers = csr !== undefined;
    const rows = store.rows(p);
    const shared = {
      vertices: this.#training && model.spec.dropout > 0 ? this.#vertices(p, gathers) : new Int32Array(0),
      globalRows: store.meta.vertices,
      rng,
      epoch: this.#epoch,
      training: this.#training,
    };
    if (csr && this.#isTiled(l)) {
      return new TiledContext({ ...shared, csr, ranges: this.#ranges(p), tiles: this.#tileRows(l, p) });
    }
    const onSums = stages[l]!.hasBatchNorm ? this.#norms.exchange(l) : undefined;
    return new PartitionContext({
      rows,
      sources: gathers ? store.expandedRows(p) : rows,
      csr,
      ...shared,
      ...(onSums ? { onSums } : {}),
    });
  }

  /** Columns of a partition's edges by owner. */
  #ranges(p: number): ColumnRange[] {
    const { store } = this.#options;
    let at = 0;
    return sourcesOf(store.dependencies(p), p, true).map((owner) => {
      const begin = at;
      at += owner === p ? store.rows(p) : store.boundary(p, owner).length;
      return { owner, begin, end: at };
    });
  }

  /** The user's number of each gathered row. */
  #vertices(p: number, gathers: boolean): Int32Array {
    const { store } = this.#options;
    const { offsets } = store.meta;
    return gathers ? gatheredVertices(store, p) : store.order.slice(offsets[p]!, offsets[p + 1]!);
  }

  #labels(p: number): Int32Array {
    const { labels, meta } = this.#options.store;
    return labels.subarray(meta.offsets[p]!, meta.offsets[p + 1]!);
  }

  #trainRows(p: number): Int32Array {
    return this.#rowsOf(this.#options.store.trainMask, p);
  }

  #rowsOf(mask: Uint8Array, p: number): Int32Array {
    const { offsets } = this.#options.store.meta;
    const rows: number[] = [];
    for (let v = offsets[p]!; v < offsets[p + 1]!; v++) if (mask[v] === 1) rows.push(v - offsets[p]!);
    return Int32Array.from(rows);
  }
}
