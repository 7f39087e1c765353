/** Trains the classifier and tells what happened. */
import * as tf from '@tensorflow/tfjs';
import { type Examples, loadExamples, TRAIN_IMAGES } from './data.js';
import { createModel } from './model.js';

/** What to train, on the engine that is selected. */
export interface TrainOptions {
  /** Folder of the data set's four files. */
  readonly folder: string;
  readonly epochs: number;
  /** @defaultValue `128` */
  readonly batchSize?: number;
  /** Training images, from the front. @defaultValue all but those of `validation` */
  readonly count?: number;
  /** Images from the end of the training files to choose the epoch by; 0 keeps the last epoch. @defaultValue `5000` */
  readonly validation?: number;
  /** Steps after which training ends early. @defaultValue none */
  readonly maxSteps?: number;
  /** Ends training after the current step. */
  readonly signal?: AbortSignal;
  readonly onStep?: (step: StepReport) => void;
  readonly onEpoch?: (epoch: EpochReport) => void;
}

/** One batch. */
export interface StepReport {
  readonly epoch: number;
  /** Of the epoch, from 1. */
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
}

/** One pass over the training images. */
export interface EpochReport {
  readonly epoch: number;
  readonly loss: number;
  readonly accuracy: number;
  /** Undefined without validation images. */
  readonly validationAccuracy: number | undefined;
  readonly seconds: number;
}

/** What {@link train} did. */
export interface TrainReport {
  readonly epochs: readonly EpochReport[];
  /** Seconds of each step, in order. */
  readonly stepSeconds: readonly number[];
  /** Loss of each step. */
  readonly stepLosses: readonly number[];
  /** The epoch whose weights were tested: the best on the validation images. 0 if training was stopped early. */
  readonly testedEpoch: number;
  /** Share of the test images that are classified rightly; undefined if training was stopped early. */
  readonly testAccuracy: number | undefined;
}

const BATCH_SIZE = 128;
const TEST_BATCH = 500;
const VALIDATION = 5000;

/** Trains with `model.fit` and evaluates the epoch that validates best on the test images, which are read only then. */
export async function train(options: TrainOptions): Promise<TrainReport> {
  const {
    folder,
    epochs,
    batchSize = BATCH_SIZE,
    validation = VALIDATION,
    maxSteps,
    signal,
    onStep,
    onEpoch,
  } = options;
  const model = createModel();
  const first = TRAIN_IMAGES - validation;
  const { images, labels } = loadExamples(folder, 'train', Math.min(options.count ?? first, first));
  const held = validation > 0 ? loadExamples(folder, 'train', validation, first) : undefined;
  const best = { epoch: 0, accuracy: Number.NEGATIVE_INFINITY, weights: [] as tf.Tensor[] };
  const steps = Math.ceil(images.shape[0] / batchSize);
  const reports: EpochReport[] = [];
  const stepSeconds: number[] = [];
  const stepLosses: number[] = [];
  let [epochStart, stepStart] = [0, 0];
  const isStopped = () => signal?.aborted === true || (maxSteps !== undefined && stepSeconds.length >= maxSteps);
  await model.fit(images, labels, {
    epochs,
    batchSize,
    verbose: 0,
    ...(held ? { validationData: [held.images, held.labels] as [tf.Tensor, tf.Tensor] } : {}),
    callbacks: {
      onEpochBegin: async () => {
        epochStart = performance.now();
      },
      onBatchBegin: async () => {
        stepStart = performance.now();
      },
      onBatchEnd: async (batch, logs) => {
        stepSeconds.push((performance.now() - stepStart) / 1000);
        stepLosses.push(logs?.loss ?? Number.NaN);
        onStep?.({ epoch: reports.length + 1, step: batch + 1, steps, loss: stepLosses.at(-1)! });
        if (isStopped()) model.stopTraining = true;
      },
      onEpochEnd: async (epoch, logs) => {
        if (isStopped()) return;
        const seconds = (performance.now() - epochStart) / 1000;
        const [loss, accuracy] = [logs?.loss ?? Number.NaN, logs?.acc ?? Number.NaN];
        const validationAccuracy = logs?.val_acc;
        reports.push({ epoch: epoch + 1, loss, accuracy, validationAccuracy, seconds });
        // Without validation images every epoch is better than the one before.
        if ((validationAccuracy ?? epoch) > best.accuracy) {
          tf.dispose(best.weights);
          best.weights = model.getWeights().map((weight) => weight.clone());
          [best.epoch, best.accuracy] = [epoch + 1, validationAccuracy ?? epoch];
        }
        onEpoch?.(reports.at(-1)!);
      },
    },
  });
  tf.dispose([images, labels]);
  if (held) tf.dispose([held.images, held.labels]);
  const stopped = isStopped();
  if (!stopped) model.setWeights(best.weights);
  tf.dispose(best.weights);
  const testAccuracy = stopped ? undefined : accuracyOf(model, loadExamples(folder, 't10k'));
  model.dispose();
  return { epochs: reports, stepSeconds, stepLosses, testedEpoch: stopped ? 0 : best.epoch, testAccuracy };
}

function accuracyOf(model: tf.Sequential, { images, labels }: Examples): number {
  const scalars = model.evaluate(images, labels, { batchSize: TEST_BATCH }) as tf.Scalar[];
  const accuracy = scalars[1]!.dataSync()[0]!;
  tf.dispose([...scalars, images, labels]);
  return accuracy;
}
