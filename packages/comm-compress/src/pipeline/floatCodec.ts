/** Messages as they are: float32, or rounded to 16 bits. */
import { OptionError } from '@strata-ml/core';
import { bfloat16From, bfloat16To, float16From, float16To } from '@strata-ml/kernels';
import type { WireCodec } from '../train/hooks.js';

/** Number formats of messages. Sums, norms and weights are float32 whatever travels. */
export const wireFormats = ['fp32', 'bf16', 'fp16'] as const;
/** One of {@link wireFormats}. */
export type WireFormat = (typeof wireFormats)[number];

/**
 * A codec without state.
 *
 * @throws {@link OptionError} if there is no such format.
 */
export function floatCodec(format: WireFormat): WireCodec {
  switch (format) {
    case 'fp32':
      return {
        encode: (x) => new Uint8Array(x.buffer, x.byteOffset, x.byteLength),
        decode: (payload, _, out) => new Uint8Array(out.buffer, out.byteOffset, out.byteLength).set(payload),
      };
    case 'bf16':
      return halfCodec(bfloat16From, bfloat16To);
    case 'fp16':
      return halfCodec(float16From, float16To);
    default:
      throw new OptionError('floatCodec', 'format', format, `one of ${wireFormats.join(', ')}`);
  }
}

function halfCodec(narrow: typeof float16From, widen: typeof float16To): WireCodec {
  return {
    encode(x) {
      const halves = new Uint16Array(x.length);
      narrow(x, halves);
      return new Uint8Array(halves.buffer);
    },
    decode(payload, _, out) {
      widen(new Uint16Array(payload.buffer, payload.byteOffset, out.length), out);
    },
  };
}
