/** A link's latency and bandwidth from timed transfers. */
import { OptionError } from '../errors.js';
import type { LinkSpec } from './Cluster.js';

/** One timed transfer. */
export interface LinkSample {
  readonly bytes: number;
  readonly seconds: number;
}

/**
 * Fits seconds = latencyS + bytes / bandwidthBytesPerS to samples by least squares of the relative errors, so that
 * small messages count as much as large ones.
 *
 * Latency and bandwidth are kept physical: where the best line would start below 0 it is drawn through 0, and where
 * time does not grow with size the bandwidth is the largest that was seen.
 *
 * @throws {@link OptionError} if fewer than two sizes were timed, or a time is not positive and finite.
 * @example
 * fitLink([{ bytes: 0, seconds: 1e-3 }, { bytes: 1e6, seconds: 2e-3 }]); // => { latencyS: 0.001, bandwidthBytesPerS: 1e9 }
 */
export function fitLink(samples: readonly LinkSample[]): LinkSpec {
  for (const { bytes, seconds } of samples) {
    if (!(seconds > 0 && seconds < Number.POSITIVE_INFINITY)) {
      throw new OptionError('fitLink', 'seconds', seconds, 'positive and finite');
    }
    if (!(bytes >= 0)) throw new OptionError('fitLink', 'bytes', bytes, 'at least 0');
  }
  if (new Set(samples.map((s) => s.bytes)).size < 2) {
    throw new OptionError('fitLink', 'samples', samples.length, 'transfers of two sizes at least');
  }
  // Σ w·(t − L − x·s)², w = 1/t²: two normal equations in L and s = 1/bandwidth.
  let w0 = 0;
  let wx = 0;
  let wxx = 0;
  let wt = 0;
  let wxt = 0;
  for (const { bytes: x, seconds: t } of samples) {
    const w = 1 / (t * t);
    w0 += w;
    wx += w * x;
    wxx += w * x * x;
    wt += w * t;
    wxt += w * x * t;
  }
  const determinant = w0 * wxx - wx * wx;
  const latency = (wt * wxx - wxt * wx) / determinant;
  const slope = latency >= 0 ? (w0 * wxt - wx * wt) / determinant : wxt / wxx;
  if (slope > 0) return { latencyS: Math.max(0, latency), bandwidthBytesPerS: 1 / slope };
  const fastest = samples.reduce((max, s) => Math.max(max, s.bytes / s.seconds), 0);
  return { latencyS: samples.reduce((min, s) => Math.min(min, s.seconds), latency), bandwidthBytesPerS: fastest };
}
