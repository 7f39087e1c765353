/** Blocks of the arena for the time of one kernel. */
import type { DeviceArena } from '../arena/DeviceArena.js';

/** Runs `use` with scratch memory of its own. */
export function withScratch(arena: DeviceArena, op: string, use: (scratch: Scratch) => void): void {
  const scratch = new Scratch(arena, op);
  try {
    use(scratch);
  } finally {
    scratch.free();
  }
}

/** Hands out arena memory and gives it all back at once. */
export class Scratch {
  readonly #arena: DeviceArena;
  readonly #op: string;
  readonly #blocks: number[] = [];

  /** @param op - kernel that asks, for the error message */
  constructor(arena: DeviceArena, op: string) {
    this.#arena = arena;
    this.#op = op;
  }

  /**
   * Takes a block; gives its first byte.
   *
   * @param isCleared - whether it must be zeros
   * @throws OutOfDeviceMemoryError if it does not fit.
   */
  take(bytes: number, isCleared = false): number {
    const block = this.#arena.allocate(bytes, this.#op);
    this.#blocks.push(block);
    const at = this.#arena.offsetBytes(block);
    if (isCleared) this.floats(at, Math.ceil(bytes / 4)).fill(0);
    return at;
  }

  /** A view of float32 numbers. */
  floats(at: number, length: number): Float32Array {
    return new Float32Array(this.#arena.memory.buffer, at, length);
  }

  /** Gives everything back. */
  free(): void {
    for (const block of this.#blocks) this.#arena.free(block);
    this.#blocks.length = 0;
  }
}
