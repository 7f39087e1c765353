/** A transfer under way. */
import { ERRORS, type QueueMemory, STATE } from './queue.js';
import { StorageError } from './StorageError.js';

// Node has it since version 16, the standard library's types only know it from ES2024 on.
const { waitAsync } = Atomics as unknown as {
  readonly waitAsync: (cells: Int32Array, index: number, value: number) => { async: boolean; value: unknown };
};

/** A piece of a request: its slot in the queue and its place in the file. */
export interface RequestPart {
  readonly slot: number;
  readonly position: number;
}

/** A read, write or flush; wait for it in one of two ways, and before the memory is used again. */
export class IoRequest {
  readonly #queue: QueueMemory;
  readonly #free: number[];
  readonly #operation: string;
  readonly #path: string;
  #parts: readonly RequestPart[] | undefined;
  #checksums: Uint32Array = new Uint32Array(0);
  #error: StorageError | undefined;

  /** @internal Made by {@link StorageDevice}. */
  constructor(queue: QueueMemory, free: number[], operation: string, path: string, parts: readonly RequestPart[]) {
    this.#queue = queue;
    this.#free = free;
    this.#operation = operation;
    this.#path = path;
    this.#parts = parts;
  }

  /** CRC-32 of each piece, uint32, if the request asked for checksums; empty until it is done. */
  get checksums(): Uint32Array {
    return this.#checksums;
  }

  /** True once all bytes are there, or the request failed. Never blocks. */
  get isDone(): boolean {
    const { states } = this.#queue;
    return !this.#parts || this.#parts.every(({ slot }) => Atomics.load(states, slot) !== STATE.pending);
  }

  /**
   * Blocks this thread until the bytes are there.
   *
   * @throws {@link StorageError}
   */
  wait(): void {
    const { states } = this.#queue;
    for (const { slot } of this.#parts ?? []) {
      // A slot is used again: the notice of its last transfer may come late and wake this one too early.
      while (Atomics.load(states, slot) === STATE.pending) Atomics.wait(states, slot, STATE.pending);
    }
    this.#settle();
  }

  /** The same without blocking the thread. */
  async done(): Promise<void> {
    const { states } = this.#queue;
    // Nothing else keeps the process alive for a wait in shared memory.
    const alive = setInterval(() => {}, 2 ** 30);
    for (const { slot } of this.#parts ?? []) {
      while (Atomics.load(states, slot) === STATE.pending) {
        const waiting = waitAsync(states, slot, STATE.pending);
        if (waiting.async) await waiting.value;
      }
    }
    clearInterval(alive);
    this.#settle();
  }

  /** Frees the slots, once, and reports the first failure. */
  #settle(): void {
    const parts = this.#parts;
    if (parts) {
      this.#parts = undefined;
      const { states, failures, checksums } = this.#queue;
      this.#checksums = Uint32Array.from(parts, ({ slot }) => checksums[slot]!);
      const failed = parts.find(({ slot }) => Atomics.load(states, slot) === STATE.failed);
      if (failed) {
        const reason = ERRORS[failures[failed.slot]!]!;
        const what = reason === 'SHORT' ? 'the file ends before the data; it was cut off' : `failed with ${reason}`;
        this.#error = new StorageError(this.#operation, { path: this.#path, offset: failed.position, reason }, what);
      }
      for (const { slot } of parts) this.#free.push(slot);
    }
    if (this.#error) throw this.#error;
  }
}
