/** All parameters of a rank and their gradients, each kind as one flat array: what all-reduce and optimizer work on. */
import { tensorFrom } from '@strata-ml/kernels';
import { initialiseParameter, type ParameterPart, partShape } from '@strata-ml/models';
import * as tf from '@tensorflow/tfjs-core';
import type { StageModule, StageParameter } from '../stages/StageModule.js';

/** A parameter's place. */
export interface ParameterSlot {
  readonly parameter: StageParameter;
  /** Model chunk it belongs to. */
  readonly chunk: number;
  /** Of this rank's part. */
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** Values and gradients of a rank's parts. */
export class FlatParameters {
  readonly slots: readonly ParameterSlot[];
  /** float32, in the order of the slots. */
  readonly values: Float32Array;
  readonly gradients: Float32Array;
  readonly part: ParameterPart;
  #tensors: readonly Readonly<Record<string, tf.Tensor>>[] | undefined;
  readonly #chunks: number;

  /** Draws the initial values: the same for every grid. */
  constructor(chunks: readonly StageModule[], part: ParameterPart, seed: number) {
    const slots: ParameterSlot[] = [];
    let at = 0;
    for (const [chunk, { parameters }] of chunks.entries()) {
      for (const parameter of parameters) {
        const shape = partShape(parameter, part);
        const begin = at;
        at += tf.util.sizeFromShape(shape);
        slots.push({ parameter, chunk, shape, begin, end: at });
      }
    }
    this.slots = slots;
    this.part = part;
    this.values = new Float32Array(at);
    this.gradients = new Float32Array(at);
    this.#chunks = chunks.length;
    for (const { parameter, begin } of slots) this.values.set(initialiseParameter(parameter, seed, part), begin);
  }

  /** The tied embedding's place, if this rank has it: the first slot or the last. */
  get tied(): ParameterSlot | undefined {
    return this.slots.find(({ parameter }) => parameter.isTied);
  }

  /** The values as tensors by name, for each chunk; made once per change. */
  tensors(): readonly Readonly<Record<string, tf.Tensor>>[] {
    this.#tensors ??= Array.from({ length: this.#chunks }, (_, chunk) =>
      Object.fromEntries(
        this.slots
          .filter((slot) => slot.chunk === chunk)
          .map(({ parameter, shape, begin, end }) => [
            parameter.name,
            tf.keep(tensorFrom(shape, (data) => data.set(this.values.subarray(begin, end)))),
          ]),
      ),
    );
    return this.#tensors;
  }

  /** Says that the values changed. */
  changed(): void {
    for (const chunk of this.#tensors ?? []) for (const tensor of Object.values(chunk)) tensor.dispose();
    this.#tensors = undefined;
  }

  /** Adds one micro-batch's gradient. */
  accumulate({ begin }: ParameterSlot, gradient: Float32Array): void {
    const { gradients } = this;
    for (let i = 0; i < gradient.length; i++) gradients[begin + i]! += gradient[i]!;
  }
}
