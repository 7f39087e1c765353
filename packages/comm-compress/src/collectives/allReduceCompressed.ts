/** One compressed all-reduce of one array. */
import type { ProcessGroup } from '@strata-ml/core';
import type { Codec } from '../codecs/Codec.js';
import { type CompressionStats, GradientCompressor, type GradientCompressorOptions } from './GradientCompressor.js';

/** Options of {@link allReduceCompressed}. */
export interface AllReduceCompressedOptions
  extends Pick<GradientCompressorOptions, 'aggregation' | 'feedback' | 'seed' | 'phase'> {
  /** Shape of the array, for codecs of matrices. @defaultValue one dimension */
  readonly shape?: readonly number[];
  /** Number of the call, which random codecs draw by. @defaultValue `1` */
  readonly step?: number;
}

/**
 * Replaces float32 `x` by its mean over the group (by the majority of signs, for codecs that vote), through a codec.
 *
 * Collective: all ranks call it with the same key, codec, shape and step. Afterwards all hold the same bits. For many tensors,
 * or on every step, use {@link GradientCompressor}, which shares messages and keeps the errors.
 *
 * @throws {@link OptionError} if the codec cannot be combined that way.
 */
export function allReduceCompressed(
  group: ProcessGroup,
  key: string,
  x: Float32Array,
  codec: Codec,
  options: AllReduceCompressedOptions = {},
): CompressionStats {
  const { shape = [x.length], step = 1, ...rest } = options;
  const compressor = new GradientCompressor(group, codec, { ...rest, compressAll: true });
  return compressor.average([{ key, shape, values: x }], step);
}
