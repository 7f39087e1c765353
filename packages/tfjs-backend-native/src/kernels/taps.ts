/** How a window slides over an NHWC image: the geometry that convolutions and pooling share. */
import type { backend_util } from '@tensorflow/tfjs-core';

/** One place of the window over part of one output row: neighbouring outputs read pixels `strideWidth` apart. */
export interface TapRun {
  /** Output row, counted from the first one asked for. */
  readonly row: number;
  /** Place in the window: `ky · filterWidth + kx`. */
  readonly tap: number;
  /** First output column whose pixel is inside the image. */
  readonly begin: number;
  /** Pixel that it reads, counted over all images. */
  readonly pixel: number;
  /** How many output columns. */
  readonly count: number;
}

/** Visits the taps of `rows` output rows (counted over all images) from `firstRow` on, in row order, inside the images. */
export function forTaps(
  info: backend_util.Conv2DInfo,
  firstRow: number,
  rows: number,
  visit: (run: TapRun) => void,
): void {
  const { inHeight, inWidth, outHeight, outWidth, filterWidth, strideWidth, dilationWidth, padInfo } = info;
  for (let row = 0; row < rows; row++) {
    const batch = Math.floor((firstRow + row) / outHeight);
    const top = ((firstRow + row) % outHeight) * info.strideHeight - padInfo.top;
    for (let ky = 0; ky < info.filterHeight; ky++) {
      const y = top + ky * info.dilationHeight;
      if (y < 0 || y >= inHeight) continue;
      for (let kx = 0; kx < filterWidth; kx++) {
        const left = kx * dilationWidth - padInfo.left;
        const begin = Math.max(0, Math.ceil(-left / strideWidth));
        const end = Math.min(outWidth, Math.floor((inWidth - 1 - left) / strideWidth) + 1);
        if (end <= begin) continue;
        const pixel = (batch * inHeight + y) * inWidth + left + begin * strideWidth;
        visit({ row, tap: ky * filterWidth + kx, begin, pixel, count: end - begin });
      }
    }
  }
}
