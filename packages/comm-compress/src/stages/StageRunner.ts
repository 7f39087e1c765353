/** Computes the chunks of one rank on its engine: what the pipeline calls for every forward and backward. */
import { NonFiniteError, type Trace } from '@strata-ml/core';
import { readTensor, tensorFrom } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';
import type { FlatParameters, ParameterSlot } from '../dataParallel/FlatParameters.js';
import type { StageExecutor } from '../pipeline/runSchedule.js';
import type { MicroBatch, StageModule, StagePass } from './StageModule.js';
import { Tape } from './Tape.js';

/** Options of {@link StageRunner}. */
export interface StageRunnerOptions {
  /** Run the forward again for its backward, keeping only the stage's input in between. */
  readonly recompute: boolean;
  readonly replica: number;
  readonly replicas: number;
  readonly microBatches: number;
  readonly trace: Trace;
}

/** What a forward leaves for its backward. */
interface InFlight {
  readonly pass: StagePass;
  readonly input: Float32Array | undefined;
  tape?: RecordedPass;
}

interface RecordedPass {
  readonly tape: Tape;
  readonly input: tf.Tensor | undefined;
}

/** Stages at work. */
export class StageRunner implements StageExecutor {
  readonly #chunks: readonly StageModule[];
  readonly #parameters: FlatParameters;
  readonly #options: StageRunnerOptions;
  readonly #slots: readonly (readonly ParameterSlot[])[];
  readonly #inFlight = new Map<string, InFlight>();
  #iteration = 0;
  #lossScale = 1;
  #batchAt: (microBatch: number) => MicroBatch = () => {
    throw new TypeError('StageRunner.begin was not called');
  };
  #lossSum = 0;
  /** Backwards that are still to come, by chunk. */
  readonly #left: number[];
  /** Called when no further micro-batch adds to a slot's gradient. */
  onGradientReady: ((slot: ParameterSlot) => void) | undefined;

  constructor(chunks: readonly StageModule[], parameters: FlatParameters, options: StageRunnerOptions) {
    this.#chunks = chunks;
    this.#parameters = parameters;
    this.#options = options;
    this.#left = chunks.map(() => 0);
    this.#slots = chunks.map((_, chunk) => parameters.slots.filter((slot) => slot.chunk === chunk));
  }

  /**
   * Starts a step, or with iteration 0 an evaluation.
   *
   * @param batchAt - this replica's micro-batch by index
   */
  begin(iteration: number, lossScale: number, batchAt: (microBatch: number) => MicroBatch): void {
    this.#iteration = iteration;
    this.#lossScale = lossScale;
    this.#batchAt = batchAt;
    this.#lossSum = 0;
    this.#left.fill(this.#options.microBatches);
  }

  /** Sum of the losses of all micro-batches since `begin`; 0 unless this rank has the last stage. */
  get lossSum(): number {
    return this.#lossSum;
  }

  /** Micro-batches that were forwarded and not yet backwarded. */
  get inFlight(): number {
    return this.#inFlight.size;
  }

  forward(chunk: number, microBatch: number, input: Float32Array | undefined): Float32Array | undefined {
    const { trace, recompute } = this.#options;
    const pass = this.#pass(microBatch);
    const isLast = this.#chunks[chunk]!.outputShape === null;
    return trace.span(`F${chunk}.${microBatch}`, 'compute', () => {
      if (!pass.training) {
        const value = tf.tidy(() => this.#value(chunk, pass, this.#inputTensor(chunk, input)));
        return this.#result(value, isLast, () => value.dispose());
      }
      const flight: InFlight = { pass, input };
      this.#inFlight.set(`${chunk}.${microBatch}`, flight);
      // The last stage turns round at once: its forward runs on the tape of its backward, never twice.
      if (recompute && isLast) return undefined;
      if (recompute) {
        const value = tf.tidy(() => this.#value(chunk, pass, this.#inputTensor(chunk, input)));
        return this.#result(value, false, () => value.dispose());
      }
      flight.tape = this.#record(chunk, flight);
      return this.#result(flight.tape.tape.value, isLast, () => {});
    });
  }

  backward(chunk: number, microBatch: number, gradOutput: Float32Array | undefined): Float32Array | undefined {
    const key = `${chunk}.${microBatch}`;
    const flight = this.#inFlight.get(key)!;
    this.#inFlight.delete(key);
    return this.#options.trace.span(`B${chunk}.${microBatch}`, 'compute', () => {
      const isLast = this.#chunks[chunk]!.outputShape === null;
      const recorded = flight.tape ?? this.#record(chunk, flight);
      if (!flight.tape && isLast) this.#result(recorded.tape.value, true, () => {});
      try {
        return this.#backward(chunk, recorded, gradOutput);
      } finally {
        recorded.tape.dispose();
        recorded.input?.dispose();
      }
    });
  }

  /** Frees what a broken-off step left. */
  dispose(): void {
    for (const { tape } of this.#inFlight.values()) {
      tape?.tape.dispose();
      tape?.input?.dispose();
    }
    this.#inFlight.clear();
  }

  #backward(
    chunk: number,
    { tape, input }: RecordedPass,
    gradOutput: Float32Array | undefined,
  ): Float32Array | undefined {
    const { microBatches } = this.#options;
    const slots = this.#slots[chunk]!;
    const dy = gradOutput
      ? tensorFrom(tape.value.shape, (data) => data.set(gradOutput))
      : tf.scalar(this.#lossScale / microBatches);
    let gradInput: Float32Array | undefined;
    const isLast = --this.#left[chunk]! === 0;
    try {
      tape.backward(dy, (index, gradient) => {
        const slot = slots[index];
        if (!slot) {
          gradInput = readTensor(gradient).slice();
          return;
        }
        this.#parameters.accumulate(slot, readTensor(gradient));
        if (isLast) this.onGradientReady?.(slot);
      });
    } finally {
      dy.dispose();
    }
    if (input && !gradInput) gradInput = new Float32Array(input.size);
    return gradInput;
  }

  #record(chunk: number, { pass, input }: InFlight): RecordedPass {
    const tensor = this.#inputTensor(chunk, input);
    const weights = this.#parameters.tensors()[chunk]!;
    const inputs = this.#slots[chunk]!.map(({ parameter }) => weights[parameter.name]!);
    const tape = new Tape(() => this.#value(chunk, pass, tensor), tensor ? [...inputs, tensor] : inputs);
    return { tape, input: tensor };
  }

  #inputTensor(chunk: number, input: Float32Array | undefined): tf.Tensor | undefined {
    return input && tensorFrom(this.#chunks[chunk]!.inputShape!, (data) => data.set(input));
  }

  #value(chunk: number, pass: StagePass, input: tf.Tensor | undefined): tf.Tensor {
    return this.#chunks[chunk]!.forward(this.#parameters.tensors()[chunk]!, input ?? null, pass);
  }

  /** Adds a loss, or copies what goes to the next stage. */
  #result(value: tf.Tensor, isLoss: boolean, dispose: () => void): Float32Array | undefined {
    const data = readTensor(value);
    const [loss] = data;
    const out = isLoss ? undefined : data.slice();
    dispose();
    if (!isLoss) return out;
    if (!Number.isFinite(loss)) {
      throw new NonFiniteError(`loss of step ${this.#iteration}`, 0, loss!, 'lower the learning rate');
    }
    this.#lossSum += loss!;
    return undefined;
  }

  #pass(microBatch: number): StagePass {
    const { replica, replicas } = this.#options;
    return {
      batch: this.#batchAt(microBatch),
      training: this.#iteration > 0,
      iteration: this.#iteration,
      microBatch: microBatch * replicas + replica,
    };
  }
}
