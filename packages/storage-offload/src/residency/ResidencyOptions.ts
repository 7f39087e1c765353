/** What block memory is made from. */
import type { BlockIo } from './BlockIo.js';
import type { ByteArena } from './ByteArena.js';

/** What a `Residency` is made from. */
export interface ResidencyOptions {
  /** Bytes of each block. float64 `[blocks]`. */
  readonly blockBytes: Float64Array;
  /** 1 for blocks whose content is on the drive for good. uint8 `[blocks]`. */
  readonly isPersistent: Uint8Array;
  readonly arena: ByteArena;
  readonly io: BlockIo;
  /** Steps to read ahead; 0 reads on demand. */
  readonly lookahead: number;
  /** Bytes that may be on their way at once. */
  readonly windowBytes: number;
  /** False gives every block up as soon as it was used: the cache is off. */
  readonly keeps: boolean;
}
