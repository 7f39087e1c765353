/** A transfer of a block, with what is to be done about its checksums. */
import type { IoRequest } from './IoRequest.js';

/** Wait for it in one of two ways, and before the memory is used again. */
export class BlockRequest {
  readonly #request: IoRequest;
  readonly #settle: (checksums: Uint32Array) => void;

  /** @internal Made by {@link BlockFile}. */
  constructor(request: IoRequest, settle: (checksums: Uint32Array) => void) {
    this.#request = request;
    this.#settle = settle;
  }

  /** True once the transfer has ended. Never blocks. */
  get isDone(): boolean {
    return this.#request.isDone;
  }

  /**
   * Blocks this thread until the block is there and its checksums match.
   *
   * @throws {@link StorageError}
   */
  wait(): void {
    this.#request.wait();
    this.#settle(this.#request.checksums);
  }

  /** The same without blocking the thread. */
  async done(): Promise<void> {
    await this.#request.done();
    this.#settle(this.#request.checksums);
  }
}
