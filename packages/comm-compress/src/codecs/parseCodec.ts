/** Codecs by name, for command lines and configuration files. */
import { OptionError } from '@strata-ml/core';
import type { Codec } from './Codec.js';
import { bf16, fp16, fp32 } from './elementFormats.js';
import { powerSgd } from './powerSgd.js';
import { int8, qsgd, ternGrad } from './quantised.js';
import { efSign, oneBit, oneBitSgd, signSgd, signum } from './signs.js';
import { randomK, threshold, topK } from './sparse.js';

/** Makes a codec; the number behind the colon is undefined if there is none. */
const makers: Readonly<Record<string, (value: number | undefined) => Codec>> = {
  fp32: () => fp32(),
  fp16: () => fp16(),
  bf16: () => bf16(),
  int8: (block) => int8(block === undefined ? {} : { block }),
  qsgd: (levels) => qsgd(levels === undefined ? {} : { levels }),
  terngrad: (clip) => ternGrad(clip === undefined ? {} : { clip }),
  signsgd: () => signSgd(),
  signum: (momentum) => signum(momentum === undefined ? {} : { momentum }),
  'ef-sign': () => efSign(),
  'one-bit-sgd': () => oneBitSgd(),
  'one-bit': () => oneBit(),
  'top-k': (ratio) => topK(ratio === undefined ? {} : { ratio }),
  'random-k': (ratio) => randomK(ratio === undefined ? {} : { ratio }),
  threshold: (value) => threshold({ value: value ?? Number.NaN }),
  powersgd: (rank) => powerSgd(rank === undefined ? {} : { rank }),
};

/** Names that {@link parseCodec} knows. */
export const codecNames: readonly string[] = Object.keys(makers);

/**
 * A codec from text: a name, and after a colon its main number: `top-k:0.01`, `powersgd:16`, `int8:256`, `qsgd:15`.
 *
 * @throws {@link OptionError} if the name is unknown or the number is out of range.
 */
export function parseCodec(text: string): Codec {
  const [name = '', value, ...more] = text.trim().split(':');
  const make = Object.hasOwn(makers, name) ? makers[name] : undefined;
  if (!make || more.length > 0) {
    throw new OptionError('codec', 'name', text, `one of ${codecNames.join(', ')}`, 'such as top-k:0.01');
  }
  if (value !== undefined && !Number.isFinite(Number(value || Number.NaN))) {
    throw new OptionError('codec', `value of ${name}`, value, 'a number');
  }
  return make(value === undefined ? undefined : Number(value));
}
