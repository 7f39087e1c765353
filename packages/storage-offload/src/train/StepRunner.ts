/** Computes the steps of a schedule: rows of blocks go to the device, through a stage, and back into blocks. */
import type { Rng } from '@strata-ml/core';
import { readTensor } from '@strata-ml/kernels';
import { accuracy, crossEntropySum, dropoutKey, type GnnModel } from '@strata-ml/models';
import * as tf from '@tensorflow/tfjs-core';
import { addAll } from '../gather/rows.js';
import { PartitionContext } from '../layers/PartitionContext.js';
import { convolveStage, forwardStage, stageGradients } from '../layers/runStage.js';
import { TileSums } from '../layers/TileSums.js';
import type { HeldBlock } from '../residency/Residency.js';
import type { BipartiteCsr } from '../store/BipartiteCsr.js';
import { BlockRows, type BlockRowsOptions, type HeldEdges } from './BlockRows.js';
import { EpochSums } from './EpochSums.js';
import { NormSums } from './NormSums.js';
import type { Step } from './schedule.js';
import { type TiledStep, tiledBackward, tiledForward, type UpperGradient } from './TiledSteps.js';
import type { DeviceTraffic } from './TrafficCounters.js';

/** What a {@link StepRunner} works with. */
export interface StepRunnerOptions extends BlockRowsOptions {
  readonly model: GnnModel;
  readonly rng: Rng;
  readonly fusedHead: boolean;
  readonly stripeRows: number | undefined;
}

/** Runs steps in the order of their schedule; takes and gives back blocks exactly as the plan has them. */
export class StepRunner {
  readonly #options: StepRunnerOptions;
  readonly #rows: BlockRows;
  readonly #norms: NormSums;
  #sums: EpochSums;
  #epoch = 0;
  #training = false;

  constructor(options: StepRunnerOptions) {
    this.#options = options;
    this.#rows = new BlockRows(options);
    this.#norms = new NormSums(options.model, options.widths);
    this.#sums = new EpochSums(options.model.parameters);
  }

  /** Bytes that crossed so far. */
  get traffic(): DeviceTraffic {
    return this.#rows.traffic;
  }

  /** Milliseconds spent copying rows so far, waiting for the drive included. */
  get gatherMs(): number {
    return this.#rows.gatherMs;
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
    const edges = this.#rows.edges(l, p);
    if (edges && this.#rows.isTiled(l)) {
      this.#tiledForward(l, p, edges);
      return;
    }
    const gathered = this.#rows.gather(l, p);
    if (snapshots && this.#training) this.#rows.keep(gathered);
    const context = this.#context(l, p, edges?.csr);
    const z = this.#compute(() => forwardStage(stages[l]!, context, gathered));
    gathered.dispose();
    const held = this.#rows.residency.acquire();
    const out = this.#rows.floats(held);
    out.set(readTensor(z));
    this.#rows.traffic.downloadBytes += out.byteLength;
    if (this.#training && stages[l + 1]?.hasBatchNorm) this.#norms.add(l + 1, out, widths[l + 1]!);
    this.#rows.residency.release(held);
    context.dispose();
    if (edges) this.#rows.residency.release(edges.held);
  }

  #backward(step: Step): void {
    const { stages, fusedHead, model, snapshots } = this.#options;
    const { stage: l, partition: p } = step;
    const stage = stages[l]!;
    const isLast = l === stages.length - 1;
    const above = isLast && fusedHead ? undefined : this.#rows.upload();
    const dy = isLast && above ? this.#lossGradient(above, p) : above;
    const edges = this.#rows.edges(l, p);
    if (edges && this.#rows.isTiled(l)) {
      const upper = dy
        ? { dy: this.#rows.matrix(stage.outputWidth, readTensor(dy)) }
        : { labels: this.#rows.labels(p), trainRows: this.#rows.trainRows(p) };
      dy?.dispose();
      this.#tiledBackward(l, p, edges, upper);
      return;
    }
    const gathered = snapshots && !(isLast && fusedHead) ? this.#rows.upload(l) : this.#rows.gather(l, p);
    const context = this.#context(l, p, edges?.csr);
    // The gradient of a batch norm needs sums over all partitions: here it ends at what the norm gives.
    const prepared = stage.hasBatchNorm ? stage.prepare!(gathered, context) : gathered;
    const compute = () => (stage.hasBatchNorm ? convolveStage : forwardStage)(stage, context, prepared);
    const f = dy ? compute : () => crossEntropySum(compute(), this.#rows.labels(p), this.#rows.trainRows(p), 1);
    const { value, inputs, parameters } = this.#compute(() => stageGradients(model, l > 0 ? [prepared] : [], f, dy));
    if (!dy) this.#sums.loss += readTensor(value)[0]!;
    this.#sums.add(parameters);
    if (l > 0) this.#rows.scatter(l, p, inputs[0] && readTensor(inputs[0]));
    context.dispose();
    if (edges) this.#rows.residency.release(edges.held);
  }

  #evaluate({ stage: l, partition: p }: Step): void {
    const { stages, store } = this.#options;
    const edges = this.#rows.edges(l, p);
    if (edges && this.#rows.isTiled(l)) {
      const values = new Float32Array(store.rows(p) * stages[l]!.outputWidth);
      this.#compute(() => tiledForward(this.#tiledStep(l, p, edges.csr), (at, rows) => values.set(rows, at)));
      this.#count(this.#rows.tensor(values, stages[l]!.outputWidth), p);
      this.#rows.residency.release(edges.held);
      return;
    }
    const gathered = this.#rows.gather(l, p);
    const context = this.#context(l, p, edges?.csr);
    const logits = this.#compute(() => forwardStage(stages[l]!, context, gathered));
    this.#count(logits, p);
    context.dispose();
    if (edges) this.#rows.residency.release(edges.held);
  }

  /** Counts correct predictions of a partition. */
  #count(logits: tf.Tensor2D, p: number): void {
    const { store } = this.#options;
    for (const [split, mask] of [store.trainMask, store.valMask, store.testMask].entries()) {
      const { correct, total } = accuracy(logits, this.#rows.labels(p), this.#rows.rowsOf(mask, p));
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
        out ??= this.#rows.residency.acquire();
        this.#rows.floats(out).set(rows, at);
      }),
    );
    const held = out!; // a partition without rows has no steps
    const values = this.#rows.floats(held);
    this.#rows.traffic.downloadBytes += values.byteLength;
    if (this.#training && stages[l + 1]?.hasBatchNorm) this.#norms.add(l + 1, values, widths[l + 1]!);
    this.#rows.residency.release(held);
    this.#rows.residency.release(edges);
  }

  #tiledBackward(l: number, p: number, { held, csr }: HeldEdges, upper: UpperGradient): void {
    const step = this.#tiledStep(l, p, csr);
    this.#compute(() => tiledBackward(step, upper, this.#sums, l > 0));
    if (l > 0) this.#rows.scatter(l, p, step.own.values());
    step.own.dispose();
    this.#rows.residency.release(held);
  }

  #tiledStep(l: number, p: number, csr: BipartiteCsr): TiledStep {
    const { store, model, stages, widths, rng } = this.#options;
    const stage = stages[l]!;
    const width = widths[l]!;
    const rate = this.#training ? model.spec.dropout : 0;
    const key = rate > 0 ? dropoutKey(rng, 'dropout', this.#epoch, stage.layer) : undefined;
    const held = this.#rows.residency.acquire();
    const own = this.#rows.matrix(width, this.#rows.floats(held));
    this.#rows.traffic.uploadBytes += 4 * width * store.rows(p);
    this.#rows.residency.release(held);
    const sums = new TileSums({
      csr,
      ranges: this.#rows.ranges(p),
      width,
      norm: model.spec.model === 'gcn' ? 'gcn' : 'mean',
      rows: this.#rows.tileRows(l, p),
      dropout: key && { rate, key },
      vertices: key ? this.#rows.vertices(p, true) : new Int32Array(0),
    });
    const shape = { rows: store.rows(p), globalRows: store.meta.vertices, training: this.#training };
    return { model, stage, sums, own, stripeRows: this.#options.stripeRows, ...shape };
  }

  /** One step of the two passes of batch norm's gradient: its sums, then the gradient with them. */
  #normGradient({ kind, stage: l, partition: p }: Step): void {
    const { stages, model } = this.#options;
    const stage = stages[l]!;
    const isSums = kind === 'norm-sums';
    const x = this.#rows.upload();
    const skip = !isSums && stage.isResidual ? this.#rows.upload() : undefined;
    const held = this.#rows.residency.acquire();
    const gradient = this.#rows.floats(held);
    const dy = this.#rows.tensor(gradient, x.shape[1]);
    this.#rows.traffic.uploadBytes += gradient.byteLength;
    const context = this.#context(l, p, undefined);
    const { inputs, parameters } = stageGradients(model, [x], () => stage.prepare!(x, context), dy);
    if (isSums) this.#sums.add(parameters);
    else {
      gradient.set(readTensor(inputs[0]!));
      if (skip) addAll(gradient, readTensor(skip));
      this.#rows.traffic.downloadBytes += gradient.byteLength;
    }
    this.#rows.residency.release(held);
  }

  #compute<T>(body: () => T): T {
    return this.#options.trace.span('compute', 'compute', body);
  }

  #lossGradient(logits: tf.Tensor2D, p: number): tf.Tensor2D {
    const { model } = this.#options;
    const loss = () => crossEntropySum(logits, this.#rows.labels(p), this.#rows.trainRows(p), 1);
    const { value, inputs } = stageGradients(model, [logits], loss);
    this.#sums.loss += readTensor(value)[0]!;
    return inputs[0] as tf.Tensor2D;
  }

  #context(l: number, p: number, csr: BipartiteCsr | undefined): PartitionContext {
    const { store, rng, stages, model } = this.#options;
    const gathers = csr !== undefined;
    const rows = store.rows(p);
    const shared = {
      vertices: this.#training && model.spec.dropout > 0 ? this.#rows.vertices(p, gathers) : new Int32Array(0),
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
}
