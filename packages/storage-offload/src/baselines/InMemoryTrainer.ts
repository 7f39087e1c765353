/** Mode `in-memory`: the whole graph at once and ordinary autograd. What the other modes must equal, where it fits. */
import { AbortedError, Rng } from '@strata-ml/core';
import {
  accuracy,
  createGnn,
  createOptimizer,
  crossEntropySum,
  flattenParameters,
  type GnnModel,
  importLayer,
  type LocalGraphContext,
  localGraphContext,
  lossAndGradients,
  type Optimizer,
  unflattenParameters,
} from '@strata-ml/models';
import { createCounters } from '../residency/ResidencyCounters.js';
import type { GraphStore } from '../store/GraphStore.js';
import type { EpochReport, OffloadEvaluation } from '../train/EpochReport.js';
import type { EpochControl, FullGraphTrainer, LossAndGradient } from '../train/FullGraphTrainer.js';
import { type OffloadOptions, resolveOffloadOptions } from '../train/options.js';
import { wholeGraph } from './wholeGraph.js';

/** Trains without a drive; memory grows with vertices × layers × width. */
export class InMemoryTrainer implements FullGraphTrainer {
  readonly model: GnnModel;
  readonly optimizer: Optimizer;
  readonly minimumHostBytes: number;
  readonly passesPerEpoch = 1;
  epoch = 0;
  readonly #context: LocalGraphContext;
  readonly #labels: Int32Array;
  readonly #rows: { readonly train: Int32Array; readonly val: Int32Array; readonly test: Int32Array };

  /** Reads the store whole. @throws `OutOfDeviceMemoryError` if the features do not fit the device. */
  static async open(store: GraphStore, options: OffloadOptions = {}): Promise<InMemoryTrainer> {
    const { model, seed, optimizer } = resolveOffloadOptions(options);
    const { featureWidth, classes } = store.meta;
    const spec = { ...model, inputWidth: featureWidth, numClasses: Math.max(1, classes) };
    const { graph, features } = await wholeGraph(store);
    const context = localGraphContext({ graph, features: { kind: 'dense', values: features }, rng: new Rng(seed) });
    const network = createGnn(spec, await importLayer(spec));
    const hostBytes = 8 * store.meta.edges + features.byteLength + store.residentBytes;
    return new InMemoryTrainer(store, network, createOptimizer(optimizer), context, hostBytes);
  }

  private constructor(
    store: GraphStore,
    model: GnnModel,
    optimizer: Optimizer,
    context: LocalGraphContext,
    hostBytes: number,
  ) {
    this.model = model;
    this.optimizer = optimizer;
    this.minimumHostBytes = hostBytes;
    this.#context = context;
    this.#labels = new Int32Array(store.meta.vertices);
    for (const [v, old] of store.order.entries()) this.#labels[old] = store.labels[v]!;
    const rowsOf = (mask: Uint8Array) => store.order.filter((_, v) => mask[v] === 1).sort();
    this.#rows = { train: rowsOf(store.trainMask), val: rowsOf(store.valMask), test: rowsOf(store.testMask) };
  }

  get peakHostBytes(): number {
    return this.minimumHostBytes;
  }

  async trainEpoch({ signal }: EpochControl = {}): Promise<EpochReport> {
    if (signal?.aborted) throw new AbortedError('InMemoryTrainer: stopped before the epoch');
    const begin = performance.now();
    const { loss, gradients } = await this.gradients();
    const parameters = flattenParameters(this.model.parameters);
    this.optimizer.step(parameters, gradients);
    unflattenParameters(parameters, this.model.parameters);
    this.epoch++;
    const nothing = { device: { uploadBytes: 0, downloadBytes: 0 }, storage: createCounters() };
    const seconds = (performance.now() - begin) / 1000;
    return { epoch: this.epoch, loss, seconds, waitSeconds: 0, ...nothing, predicted: nothing, passes: [] };
  }

  async gradients(): Promise<LossAndGradient> {
    const { train } = this.#rows;
    const context = this.#context.at({ epoch: this.epoch + 1, training: true });
    return lossAndGradients(this.model.parameters, () =>
      crossEntropySum(this.model.forward(context), this.#labels, train, Math.max(1, train.length)),
    );
  }

  async evaluate(): Promise<OffloadEvaluation> {
    const logits = this.model.forward(this.#context.at({ training: false }));
    const { train, val, test } = this.#rows;
    const of = (rows: Int32Array) => accuracy(logits, this.#labels, rows).value;
    const result = { trainAccuracy: of(train), valAccuracy: of(val), testAccuracy: of(test) };
    logits.dispose();
    return result;
  }

  close(): void {
    this.#context.dispose();
    this.model.dispose();
  }
}
