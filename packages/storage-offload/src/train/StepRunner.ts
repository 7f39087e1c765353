/** Computes the steps of a schedule: rows of blocks go to the device, through a stage, and back into blocks. */
import type { Rng, Trace } from '@strata-ml/core';
import { readTensor, unfilledTensor } from '@strata-ml/kernels';
import { accuracy, crossEntropySum, dropoutKey, type GnnModel } from '@strata-ml/models';
import * as tf from '@tensorflow/tfjs-core';
import { gatheredVertices } from '../gather/gatheredVertices.js';
import { addAll, addRows, gatherRows } from '../gather/rows.js';
import { type DeviceMatrix, deviceMatrix } from '../layers/deviceMatrix.js';
import { PartitionContext } from '../layers/PartitionContext.js';
import { convolveStage, forwardStage, stageGradients } from '../layers/runStage.js';
import { type TileRows, TileSums } from '../layers/TileSums.js';
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
import { type TiledStep, tiledBackward, tiledForward, type UpperGradient } from './TiledSteps.js';
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
  readonly stripeRows: number | undefined;
}

/** Edges of a partition while its step runs. */
interface HeldEdges {
  readonly held: HeldBlock;
  readonly csr: BipartiteCsr;
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
    if (edges && this.#isTiled(l)) {
      this.#tiledForward(l, p, edges);
      return;
    }
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
    if (edges && this.#isTiled(l)) {
      const upper = dy
        ? { dy: this.#matrix(stage.outputWidth, readTensor(dy)) }
        : { labels: this.#labels(p), trainRows: this.#trainRows(p) };
      dy?.dispose();
      this.#tiledBackward(l, p, edges, upper);
      return;
    }
    const gathered = snapshots && !(isLast && fusedHead) ? this.#upload(l) : this.#gather(l, p);
    const context = this.#context(l, p, edges?.csr);
    // The gradient of a batch norm needs sums over all partitions: here it ends at what the norm gives.
    const prepared = stage.hasBatchNorm ? stage.prepare!(gathered, context) : gathered;
    const compute = () => (stage.hasBatchNorm ? convolveStage : forwardStage)(stage, context, prepared);
    const f = dy ? compute : () => crossEntropySum(compute(), this.#labels(p), this.#trainRows(p), 1);
    const { value, inputs, parameters } = this.#compute(() => stageGradients(model, l > 0 ? [prepared] : [], f, dy));
    if (!dy) this.#sums.loss += readTensor(value)[0]!;
    this.#sums.add(parameters);
    if (l > 0) this.#scatter(l, p, inputs[0] && readTensor(inputs[0]));
    context.dispose();
    if (edges) this.#residency.release(edges.held);
  }

  #evaluate({ stage: l, partition: p }: Step): void {
    const { stages, store } = this.#options;
    const edges = this.#edges(l, p);
    if (edges && this.#isTiled(l)) {
      const values = new Float32Array(store.rows(p) * stages[l]!.outputWidth);
      this.#compute(() => tiledForward(this.#tiledStep(l, p, edges.csr), (at, rows) => values.set(rows, at)));
      this.#count(this.#tensor(values, stages[l]!.outputWidth), p);
      this.#residency.release(edges.held);
      return;
    }
    const gathered = this.#gather(l, p);
    const context = this.#context(l, p, edges?.csr);
    const logits = this.#compute(() => forwardStage(stages[l]!, context, gathered));
    this.#count(logits, p);
    context.dispose();
    if (edges) this.#residency.release(edges.held);
  }

  /** Counts correct predictions of a partition. */
  #count(logits: tf.Tensor2D, p: number): void {
    const { store } = this.#options;
    for (const [split, mask] of [store.trainMask, store.valMask, store.testMask].entries()) {
      const { correct, total } = accuracy(logits, this.#labels(p), this.#rowsOf(mask, p));
      this.#sums.correct[split]! += correct;
      this.#sums.counted[split]! += total;
    }
  }

  #tiledForward(l: number, p: number, { held: edges, csr }: HeldEdges): void {
    const { stages, widths } = this.#options;
    const step = this.#tiledStep(l, p, csr);
    let out: HeldBlock | undefined;
    this.#compute(() =>
      tiledForward(step, (at, rows) => {
        // Taken when the sums are formed: all blocks that they read were given back.
        out ??= this.#residency.acquire();
        this.#floats(out).set(rows, at);
      }),
    );
    const held = out!; // a partition without rows has no steps
    const values = this.#floats(held);
    this.traffic.downloadBytes += values.byteLength;
    if (this.#training && stages[l + 1]?.hasBatchNorm) this.#norms.add(l + 1, values, widths[l + 1]!);
    this.#residency.release(held);
    this.#residency.release(edges);
  }

  #tiledBackward(l: number, p: number, { held, csr }: HeldEdges, upper: UpperGradient): void {
    const step = this.#tiledStep(l, p, csr);
    this.#compute(() => tiledBackward(step, upper, this.#sums, l > 0));
    if (l > 0) this.#scatter(l, p, step.own.values());
    step.own.dispose();
    this.#residency.release(held);
  }

  #tiledStep(l: number, p: number, csr: BipartiteCsr): TiledStep {
    const { store, model, stages, widths, rng } = this.#options;
    const stage = stages[l]!;
    const width = widths[l]!;
    const rate = this.#training ? model.spec.dropout : 0;
    const key = rate > 0 ? dropoutKey(rng, 'dropout', this.#epoch, stage.layer) : undefined;
    const held = this.#residency.acquire();
    const own = this.#matrix(width, this.#floats(held));
    this.traffic.uploadBytes += 4 * width * store.rows(p);
    this.#residency.release(held);
    const sums = new TileSums({
      csr,
      ranges: this.#ranges(p),
      width,
      norm: model.spec.model === 'gcn' ? 'gcn' : 'mean',
      rows: this.#tileRows(l, p),
      dropout: key && { rate, key },
      vertices: key ? this.#vertices(p, true) : new Int32Array(0),
    });
    const shape = { rows: store.rows(p), globalRows: store.meta.vertices, training: this.#training };
    return { model, stage, sums, own, stripeRows: this.#options.stripeRows, ...shape };
  }

  #matrix(width: number, values: Float32Array): DeviceMatrix {
    const matrix = deviceMatrix(values.length / width, width);
    matrix.values().set(values);
    return matrix;
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
    const { inputs, parameters } = stageGradients(model, [x], () => stage.prepare!(x, context), dy);
    if (isSums) this.#sums.add(parameters);
    else {
      gradient.set(readTensor(inputs[0]!));
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
  #edges(l: number, p: number): HeldEdges | undefined {
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
  #scatter(l: number, p: number, rows: Float32Array | undefined): void {
    const { store, stages, widths, trace } = this.#options;
    const width = widths[l]!;
    const begin = performance.now();
    const span = trace.begin('scatter', 'other');
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
    const loss = () => crossEntropySum(logits, this.#labels(p), this.#trainRows(p), 1);
    const { value, inputs } = stageGradients(model, [logits], loss);
    this.#sums.loss += readTensor(value)[0]!;
    return inputs[0] as tf.Tensor2D;
  }

  /** The rows of a block, without padding. */
  #floats({ block, offset }: HeldBlock): Float32Array {
    const { numbers, store, stages, widths, memory } = this.#options;
    const { kind, stage, partition } = numbers.name(block);
    const isExpanded = kind === 'snapshots' && stages[stage]!.gathers;
    const rows = isExpanded ? store.expandedRows(partition) : store.rows(partition);
    return memory.floats(offset, rows * widths[stage]!);
  }

  #context(l: number, p: number, csr: BipartiteCsr | undefined): PartitionContext {
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
