/** The storage side of the backend: where tensors live, who counts their bytes, which ONNX Runtime sessions exist. */

import { isMainThread } from 'node:worker_threads';
import { useKernelMemory } from '@strata-ml/kernels';
import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import { type DataStorage, type DataType, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { type ArenaArray, type DeviceArena, reserveArena, returnArena } from './arena/DeviceArena.js';
import { releaseSettings, takeSettings } from './options.js';
import type { CApi } from './ort/cApi.js';
import { OperatorCache } from './ort/operator.js';
import { kernelInProgress } from './profile.js';
import type { SimdLoops } from './simd/loops.js';

type BackendValues = Parameters<MathBackendCPU['write']>[0];

/** What tfjs's DataStorage holds for a tensor of this backend. */
interface StoredTensor {
  values: BackendValues | undefined;
  dtype: DataType;
  refCount: number;
  complexTensorInfos?: { real: TensorInfo; imag: TensorInfo };
  /** Block of the arena that holds `values`; undefined for arrays on the JavaScript heap. */
  block: number | undefined;
  /** Bytes counted against the budget for an array on the JavaScript heap. */
  outsideBytes: number;
}

/** Element types that native kernels produce. */
export type NativeDataType = 'float32' | 'int32' | 'bool';

/** A fresh tensor and the array to fill. */
export interface Allocated<A extends ArenaArray = ArenaArray> {
  readonly dataId: TensorInfo['dataId'];
  readonly values: A;
}

/** Elements that V8 keeps inside the array object, for 4-byte elements. */
const TINY_LENGTH = 16;

/**
 * The tfjs backend `native`.
 *
 * It inherits every kernel from the cpu backend and replaces those where ONNX Runtime or SIMD is faster. Tensors that
 * native kernels make are views into one fixed WebAssembly.Memory; arrays given by the user or made by inherited
 * kernels stay where they are until a SIMD kernel needs them, and count against the same budget.
 */
export class NativeBackend extends MathBackendCPU {
  /** Memory of this device. */
  readonly arena: DeviceArena;
  /** Sessions of ONNX Runtime. */
  readonly operators: OperatorCache;
  /** Loops over tensors in the arena. */
  readonly simd: SimdLoops;
  readonly #stored: DataStorage<StoredTensor>;
  readonly #slots: Float32Array;
  #lastId = 0;
  #isDisposed = false;

  /** @param ort - ONNX Runtime, checked */
  constructor(ort: CApi) {
    super();
    const { memoryBytes, isDefault, threads } = takeSettings();
    this.arena = reserveArena(memoryBytes, !isDefault);
    if (threads > 1) ort.shareThreads(threads);
    ort.adviseHugePages(this.arena.memory.buffer);
    this.simd = this.arena.loops;
    this.#slots = this.arena.slots;
    this.operators = new OperatorCache(ort, this.arena.memory.buffer, threads);
    // Same storage, but our records carry the block; they are only ever made by #store.
    this.#stored = this.data as unknown as DataStorage<StoredTensor>;
    useKernelMemory(this.arena.forKernels);
    // A worker thread ends without removing its backend, and native sessions are nobody's garbage.
    if (!isMainThread) process.once('exit', () => this.operators.dispose());
  }

  override write(values: BackendValues, _shape: number[], dtype: DataType): object {
    const dataId = { id: this.#lastId++ };
    this.#store(dataId, values, dtype, 1);
    return dataId;
  }

  override move(dataId: object, values: BackendValues, _shape: number[], dtype: DataType, refCount: number): void {
    this.#store(dataId, values, dtype, refCount);
  }

  /** A copy for tensors in the arena: the caller may keep it, the block will be used again. */
  override readSync(dataId: object): BackendValues {
    const stored = this.#stored.get(dataId);
    if (stored.block !== undefined) return (stored.values as ArenaArray).slice();
    return super.readSync(dataId);
  }

  override disposeData(dataId: object, force = false): boolean {
    if (!this.#stored.has(dataId)) return true;
    const stored = this.#stored.get(dataId);
    stored.refCount--;
    if (!force && stored.refCount > 0) return false;
    if (stored.complexTensorInfos) {
      this.disposeData(stored.complexTensorInfos.real.dataId, true);
      this.disposeData(stored.complexTensorInfos.imag.dataId, true);
    }
    this.#release(stored);
    this.#stored.delete(dataId);
    return true;
  }

  /** Bytes are exact: memory is freed by `dispose`, not by the garbage collector. */
  override memory(): { unreliable: boolean; reasons: string[] } {
    return { unreliable: false, reasons: [] };
  }

  override dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.operators.dispose();
    useKernelMemory(null);
    returnArena(this.arena);
    releaseSettings();
  }

  /**
   * Makes a tensor in the arena whose contents the caller writes.
   *
   * @param op - kernel that asks, for the error message
   * @throws OutOfDeviceMemoryError if it does not fit.
   */
  allocate(op: string, size: number, dtype: 'float32'): Allocated<Float32Array>;
  allocate(op: string, size: number, dtype: 'int32'): Allocated<Int32Array>;
  allocate(op: string, size: number, dtype: 'bool'): Allocated<Uint8Array>;
  allocate(op: string, size: number, dtype: NativeDataType): Allocated;
  allocate(op: string, size: number, dtype: NativeDataType): Allocated {
    const block = this.arena.allocate(dtype === 'bool' ? size : size * 4, op);
    const values = this.#view(block, size, dtype);
    const dataId = { id: this.#lastId++ };
    this.#stored.set(dataId, { values, dtype, refCount: 1, block, outsideBytes: 0 });
    return { dataId, values };
  }

  /** The array of a tensor, without a copy; only for the time of a kernel, and never to be written. */
  values(dataId: object): BackendValues {
    return this.#stored.get(dataId).values!;
  }

  /** {@link values} of a float32 tensor. */
  floats(info: TensorInfo): Float32Array {
    return this.#stored.get(info.dataId).values as Float32Array;
  }

  /** Another tensor over the same data. */
  share(info: TensorInfo, shape: number[] = info.shape): TensorInfo {
    this.incRef(info.dataId);
    return { dataId: info.dataId, shape, dtype: info.dtype };
  }

  /**
   * First byte of a float32 operand for a SIMD loop.
   *
   * A single number that lives outside is put into a register-like slot of the unused first page instead of a block.
   *
   * @param slot - 0 for the first operand, 1 for the second
   */
  operand(info: TensorInfo, slot: 0 | 1): number {
    const stored = this.#stored.get(info.dataId);
    const values = stored.values as Float32Array;
    if (stored.block !== undefined) return values.byteOffset;
    if (values.length === 1) return this.constant(slot, values[0]!);
    return this.address(info.dataId);
  }

  /** Puts a number where a SIMD loop can read it, until the slot is used again; gives its first byte. */
  constant(slot: 0 | 1, value: number): number {
    this.#slots[slot] = value;
    return this.#slots.byteOffset + 4 * slot;
  }

  /** Moves a tensor's array into the arena if it is not there yet; gives its first byte. */
  address(dataId: object): number {
    const stored = this.#stored.get(dataId);
    if (stored.block === undefined) this.#bringIn(stored);
    return (stored.values as ArenaArray).byteOffset;
  }

  /** For the `kernels` package: a tensor in the device memory, to be filled by the caller. */
  strataAllocate(shape: readonly number[], dtype: NativeDataType): Allocated {
    return this.allocate('strataAllocate', util.sizeFromShape([...shape]), dtype);
  }

  /** For the `kernels` package: the array of a tensor in the device memory; must not be written. */
  strataView(dataId: object): ArenaArray {
    this.address(dataId);
    return this.#stored.get(dataId).values as ArenaArray;
  }

  #store(dataId: object, values: BackendValues | undefined, dtype: DataType, refCount: number): void {
    const stored: StoredTensor = { values, dtype, refCount, block: undefined, outsideBytes: 0 };
    if (values !== undefined && dtype !== 'string' && dtype !== 'complex64') {
      const array = ofType(values as ArenaArray | number[] | ArrayBuffer, dtype as NativeDataType);
      // Asking a tiny array for its buffer makes V8 create one; copying it is cheaper, and safe wherever it came from.
      const isTiny = array.length <= TINY_LENGTH;
      stored.values = isTiny && array === values ? array.slice() : array;
      // A view into the arena would die with the tensor it was taken from; shared memory ONNX Runtime refuses on Node 20.
      if (!isTiny && (this.arena.owns(array) || !(array.buffer instanceof ArrayBuffer))) this.#bringIn(stored);
    }
    if (stored.block === undefined) {
      stored.outsideBytes = bytesOf(stored.values);
      this.arena.reserveOutside(stored.outsideBytes, kernelInProgress() ?? 'upload');
    }
    this.#stored.set(dataId, stored);
  }

  #bringIn(stored: StoredTensor): void {
    const source = stored.values as ArenaArray;
    // Uncounted first: the array is about to leave the heap, and both need not fit at once.
    this.arena.releaseOutside(stored.outsideBytes);
    try {
      const block = this.arena.allocate(source.byteLength, kernelInProgress() ?? 'upload');
      const values = this.#view(block, source.length, stored.dtype as NativeDataType);
      values.set(source);
      stored.block = block;
      stored.values = values;
      stored.outsideBytes = 0;
    } catch (error) {
      this.arena.reserveOutside(stored.outsideBytes, 'upload');
      throw error;
    }
  }

  #release(stored: StoredTensor): void {
    if (stored.block !== undefined) this.arena.free(stored.block);
    this.arena.releaseOutside(stored.outsideBytes);
    stored.block = undefined;
    stored.outsideBytes = 0;
  }

  #view(block: number, size: number, dtype: NativeDataType): ArenaArray {
    if (dtype === 'float32') return this.arena.float32(block, size);
    return dtype === 'int32' ? this.arena.int32(block, size) : this.arena.uint8(block, size);
  }
}

/** The array in the type that the dtype promises; kernels of the cpu backend sometimes hand over plain arrays. */
function ofType(values: ArenaArray | number[] | ArrayBuffer, dtype: NativeDataType): ArenaArray {
  if (dtype === 'float32') return values instanceof Float32Array ? values : new Float32Array(values);
  if (dtype === 'int32') return values instanceof Int32Array ? values : new Int32Array(values);
  return values instanceof Uint8Array ? values : new Uint8Array(values);
}

function bytesOf(values: BackendValues | undefined): number {
  if (values === undefined) return 0;
  if (ArrayBuffer.isView(values)) return values.byteLength;
  let bytes = 0;
  // Strings as UTF-8 bytes; a buffer not yet filled holds none.
  for (const item of values as readonly ({ byteLength?: number } | undefined)[]) bytes += item?.byteLength ?? 0;
  return bytes;
}
