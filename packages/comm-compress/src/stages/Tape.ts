/**
 * A recorded forward pass whose backward runs later.
 *
 * tfjs forgets its tape when `tf.grads` returns; a pipeline stage gets the gradient of its output much later. The tape is
 * therefore taken over from tfjs's engine, with the tensors it keeps, and walked here.
 */
import { StrataError } from '@strata-ml/core';
import * as tf from '@tensorflow/tfjs-core';

/** An operation as tfjs records it. */
interface TapeNode {
  readonly kernelName: string;
  readonly inputs: Readonly<Record<string, tf.Tensor>>;
  readonly outputs: readonly tf.Tensor[];
  readonly saved?: readonly tf.Tensor[];
  readonly gradient?: (dys: readonly (tf.Tensor | null)[]) => Readonly<Record<string, () => tf.Tensor>>;
}

/** A function's value, and what is needed to differentiate it. */
export class Tape {
  /** What the function returned; disposed by {@link Tape.dispose}. */
  readonly value: tf.Tensor;
  readonly #nodes: readonly TapeNode[];
  readonly #inputs: readonly tf.Tensor[];

  /** Runs `f` and records it. @param inputs - what to differentiate by; they must outlive the tape */
  constructor(f: () => tf.Tensor, inputs: readonly tf.Tensor[]) {
    const state = tf.engine().state as unknown as { activeTape: TapeNode[] | null; gradientDepth: number };
    if (state.gradientDepth > 0) {
      throw new StrataError('ERR_STRATA_TAPE', 'Tape: it must not be recorded inside tf.grads');
    }
    state.activeTape = [];
    state.gradientDepth++;
    try {
      this.value = tf.keep(tf.tidy(f));
    } finally {
      this.#nodes = state.activeTape;
      state.gradientDepth--;
      state.activeTape = null;
    }
    this.#inputs = inputs;
  }

  /**
   * Gradients by all inputs, one by one as soon as each is complete: those used last come first. An input that the value
   * does not depend on gets none. Leaves no tensors behind; `take` must copy.
   *
   * @param dy - gradient by the value, of its shape
   * @param take - called with the input's index and its gradient
   */
  backward(dy: tf.Tensor, take: (input: number, gradient: tf.Tensor) => void): void {
    const isWanted = this.#dependents();
    const nodes = this.#path(isWanted);
    const indexOf = new Map(this.#inputs.map((input, i) => [input.id, i]));
    /** Where each input is used first: behind it, on the way back, its gradient is complete. */
    const firstUse = new Map<number, number>();
    for (const [n, node] of nodes.entries()) {
      for (const { id } of Object.values(node.inputs)) if (!firstUse.has(id)) firstUse.set(id, n);
    }
    tf.tidy(() => {
      const gradients = new Map<number, tf.Tensor>([[this.value.id, dy]]);
      for (let n = nodes.length - 1; n >= 0; n--) {
        const node = nodes[n]!;
        for (const [id, gradient] of inputGradients(node, gradients, isWanted)) {
          const sum = gradients.get(id);
          gradients.set(id, sum ? tf.add(sum, gradient) : gradient);
        }
        for (const { id } of Object.values(node.inputs)) {
          const input = indexOf.get(id);
          const gradient = gradients.get(id);
          if (input === undefined || gradient === undefined || firstUse.get(id) !== n) continue;
          take(input, gradient);
          firstUse.delete(id);
        }
      }
    });
  }

  /** Frees the value and what the tape keeps. */
  dispose(): void {
    this.value.dispose();
    for (const { saved } of this.#nodes) for (const tensor of saved ?? []) tensor.dispose();
  }

  /** The operations between inputs and value; tfjs also records conversions whose results nobody uses. */
  #path(isWanted: ReadonlySet<number>): TapeNode[] {
    const leadsToValue = new Set([this.value.id]);
    const path: TapeNode[] = [];
    for (const node of this.#nodes.toReversed()) {
      if (!node.outputs.some(({ id }) => leadsToValue.has(id) && isWanted.has(id))) continue;
      for (const { id } of Object.values(node.inputs)) leadsToValue.add(id);
      path.push(node);
    }
    return path.reverse();
  }

  /** Ids of all tensors that depend on an input, the inputs among them. */
  #dependents(): Set<number> {
    const ids = new Set(this.#inputs.map(({ id }) => id));
    for (const { inputs, outputs } of this.#nodes) {
      if (Object.values(inputs).some(({ id }) => ids.has(id))) for (const { id } of outputs) ids.add(id);
    }
    return ids;
  }
}

function inputGradients(
  node: TapeNode,
  gradients: ReadonlyMap<number, tf.Tensor>,
  isWanted: ReadonlySet<number>,
): [number, tf.Tensor][] {
  const wanted = Object.entries(node.inputs).filter(([, { id }]) => isWanted.has(id));
  if (wanted.length === 0) return [];
  if (!node.gradient) {
    throw new StrataError('ERR_STRATA_NO_GRADIENT', `Tape: operation ${node.kernelName} has no gradient`);
  }
  const made = node.gradient(node.outputs.map(({ id }) => gradients.get(id) ?? null));
  return wanted.map(([name, { id }]) => [id, tf.tidy(() => made[name]!())]);
}
