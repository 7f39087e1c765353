/** One session per operator and attributes, created on first use and kept, run in place on the device memory. */
import { type CApi, ORT_TYPE, type Pointer } from './cApi.js';
import { type ElementTypeName, encodeModel, type OnnxGraph } from './onnxModel.js';

const BYTES: Readonly<Record<ElementTypeName, number>> = { float32: 4, int32: 4, int64: 8, bool: 1 };

/** A single-operator (or few-operator) model over a memory; addresses are bytes from the start of that memory. */
export class OrtOperator {
  readonly #api: CApi;
  readonly #session: Pointer;
  readonly #base: number;
  readonly #inputTypes: readonly ElementTypeName[];
  readonly #outputType: ElementTypeName;
  // What Run reads: names and tensors as arrays of pointers. Names are addressed once, so their bytes must be kept.
  readonly #names: Uint8Array<ArrayBuffer>;
  readonly #inputNames: BigUint64Array;
  readonly #outputNames: BigUint64Array;
  readonly #inputs: BigUint64Array;
  readonly #inputSlots: readonly BigUint64Array[];
  readonly #output: BigUint64Array;
  // 64-bit dimensions as pairs of 32-bit words, low word first: cheaper to fill than BigInt64Array.
  readonly #shape = new Int32Array(64);
  #pending = 0;

  /** @param base - address of the memory's first byte in this process */
  constructor(api: CApi, model: Uint8Array, { inputs, outputs }: OnnxGraph, base: number, threads: number) {
    this.#api = api;
    this.#base = base;
    this.#inputTypes = Object.values(inputs);
    this.#outputType = Object.values(outputs)[0]!;
    const inputCount = this.#inputTypes.length;
    const { bytes, starts } = cStrings([...Object.keys(inputs), ...Object.keys(outputs)]);
    this.#names = bytes;
    const namesAt = BigInt(api.addressOf(this.#names.buffer));
    this.#inputNames = BigUint64Array.from(starts.slice(0, inputCount), (start) => namesAt + BigInt(start));
    this.#outputNames = BigUint64Array.of(namesAt + BigInt(starts[inputCount]!));
    this.#inputs = new BigUint64Array(inputCount);
    this.#inputSlots = this.#inputTypes.map((_, i) => this.#inputs.subarray(i, i + 1));
    this.#output = new BigUint64Array(1);
    this.#session = api.createSession(model, threads);
  }

  /** Sets input `index` of the next run; inputs are set in order. */
  input(index: number, address: number, dims: readonly number[]): this {
    // After a failed call its tensors are still there.
    if (index === 0) this.#releaseInputs();
    this.#createTensor(address, dims, this.#inputTypes[index]!, this.#inputSlots[index]!);
    this.#pending = index + 1;
    return this;
  }

  /** Runs the operator; the result, of exactly the shape `dims`, is written at `address`. */
  run(address: number, dims: readonly number[]): void {
    this.#createTensor(address, dims, this.#outputType, this.#output);
    try {
      this.#api.run(this.#session, this.#inputNames, this.#inputs, this.#outputNames, this.#output);
    } finally {
      this.#api.releaseTensor(this.#output[0]!);
      this.#releaseInputs();
    }
  }

  /** Frees the native session. */
  dispose(): void {
    this.#releaseInputs();
    this.#api.releaseSession(this.#session);
  }

  #createTensor(address: number, dims: readonly number[], type: ElementTypeName, out: BigUint64Array): void {
    let bytes = BYTES[type];
    for (let i = 0; i < dims.length; i++) {
      this.#shape[2 * i] = dims[i]!;
      bytes *= dims[i]!;
    }
    this.#api.createTensor(this.#base + address, bytes, this.#shape, dims.length, ORT_TYPE[type], out);
  }

  #releaseInputs(): void {
    for (let i = 0; i < this.#pending; i++) this.#api.releaseTensor(this.#inputs[i]!);
    this.#pending = 0;
  }
}

/** The operators of one backend, by key. */
export class OperatorCache {
  readonly #api: CApi;
  readonly #base: number;
  readonly #threads: number;
  readonly #operators = new Map<string, OrtOperator>();

  /**
   * @param memory - what the operators work on; must never move
   * @param threads - threads of the operators that `heavy` asks for; all others use one
   */
  constructor(api: CApi, memory: ArrayBuffer, threads: number) {
    this.#api = api;
    this.#base = api.addressOf(memory);
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
    const model = graph();
    const operator = new OrtOperator(this.#api, encodeModel(model), model, this.#base, heavy ? this.#threads : 1);
    this.#operators.set(key, operator);
    return operator;
  }

  /** Frees all sessions. */
  dispose(): void {
    for (const operator of this.#operators.values()) operator.dispose();
    this.#operators.clear();
  }
}

function cStrings(texts: readonly string[]): { bytes: Uint8Array<ArrayBuffer>; starts: number[] } {
  const starts: number[] = [];
  const all: number[] = [];
  for (const text of texts) {
    starts.push(all.length);
    all.push(...new TextEncoder().encode(text), 0);
  }
  // Never so small that V8 would keep it inside the array object and move it.
  const bytes = new Uint8Array(new ArrayBuffer(Math.max(256, all.length)));
  bytes.set(all);
  return { bytes, starts };
}
