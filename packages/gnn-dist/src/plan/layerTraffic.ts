/** Closed form of one epoch's row traffic, layer by layer, from the halo regions of a rank's blocks. */
import type { HaloBytes } from './traffic.js';

/** Rows that one layer fetches. */
export interface LayerRows {
  /** Rows from peer q are `offsets[q] … offsets[q + 1] − 1`. int32 `[worldSize + 1]`. */
  readonly offsets: Int32Array;
  /** Columns of a row. */
  readonly width: number;
  /** Rows travel forward in every epoch. */
  readonly forward: boolean;
  /** Gradients travel back in every epoch. */
  readonly backward: boolean;
}

/** Bytes that rank `rank` receives forward and returns backward, by class of link. */
export function layerBytes(layers: readonly LayerRows[], serverOf: readonly number[], rank: number): HaloBytes {
  let intraBytes = 0;
  let interBytes = 0;
  for (const { offsets, width, forward, backward } of layers) {
    const bytesPerRow = 4 * width * ((forward ? 1 : 0) + (backward ? 1 : 0));
    for (let q = 0; q < serverOf.length; q++) {
      const bytes = (offsets[q + 1]! - offsets[q]!) * bytesPerRow;
      if (serverOf[q] === serverOf[rank]) intraBytes += bytes;
      else interBytes += bytes;
    }
  }
  return { intraBytes, interBytes };
}
