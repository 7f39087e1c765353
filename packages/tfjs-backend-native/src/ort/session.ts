/** One session per operator and attributes, created on first use and kept; run without allocating more than it must. */

import type { Ort, OrtSession, OrtTensor } from './binding.js';
import { type ElementTypeName, encodeModel, type OnnxGraph } from './onnxModel.js';

const NO_OPTIONS = {};

/** A single-operator (or few-operator) model, ready to run. */
export class OrtOperator {
  readonly #session: OrtSession;
  // The tensors of every call are the same objects, refilled: creating them would cost more than a small product.
  readonly #feeds: Record<string, OrtTensor>;
  readonly #fetches: Record<string, OrtTensor>;
  readonly #inputs: OrtTensor[];
  readonly #output: OrtTensor;

  constructor(ort: Ort, graph: OnnxGraph, threads: number) {
    this.#session = ort.load(encodeModel(graph), threads);
    this.#feeds = tensorsOf(graph.inputs);
    this.#fetches = tensorsOf(graph.outputs);
    this.#inputs = Object.values(this.#feeds);
    this.#output = Object.values(this.#fetches)[0]!;
  }

  /** Sets input `index` of the next run. */
  input(index: number, data: ArrayBufferView, dims: readonly number[]): this {
    const tensor = this.#inputs[index]!;
    tensor.data = data;
    tensor.dims = dims;
    return this;
  }

  /** Runs the operator; the result is written to `out`, which holds exactly the elements of `dims`. */
  run(out: ArrayBufferView, dims: readonly number[]): void {
    this.#output.data = out;
    this.#output.dims = dims;
    this.#session.run(this.#feeds, this.#fetches, NO_OPTIONS);
  }

  /** Frees the native session. */
  dispose(): void {
    this.#session.dispose();
  }
}

/** The sessions of one backend, by key. */
export class OperatorCache {
  readonly #ort: Ort;
  readonly #operators = new Map<string, OrtOperator>();
  readonly #threads: number;

  /** @param threads - threads of the operators that `heavy` asks for; all others use one */
  constructor(ort: Ort, threads: number) {
    this.#ort = ort;
    this.#threads = threads;
  }

  /**
   * Gives the operator of `key`, made by `graph` on first use.
   *
   * @param heavy - whether it gains from more than one thread; each such session owns a thread pool
   */
  get(key: string, graph: () => OnnxGraph, heavy = false): OrtOperator {
    const known = this.#operators.get(key);
    if (known) return known;
    const operator = new OrtOperator(this.#ort, graph(), heavy ? this.#threads : 1);
    this.#operators.set(key, operator);
    return operator;
  }

  /** Frees all sessions. */
  dispose(): void {
    for (const operator of this.#operators.values()) operator.dispose();
    this.#operators.clear();
  }
}

function tensorsOf(types: Readonly<Record<string, ElementTypeName>>): Record<string, OrtTensor> {
  return Object.fromEntries(
    Object.entries(types).map(([name, type]) => [name, { type, dims: [], data: new Float32Array(0), location: 'cpu' }]),
  );
}
