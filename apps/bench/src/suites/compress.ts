/** Suite `compress`: gradient compressors on one core. */
import { fileURLToPath } from 'node:url';
import type { Case, Suite } from '../harness/types.js';

const program = fileURLToPath(new URL('./compressRun.js', import.meta.url));
const ELEMENT = ['bf16', 'fp16', 'int8', 'qsgd', 'terngrad', 'signsgd', 'ef-sign', 'one-bit-sgd', 'one-bit'];
const SIZES = [
  { sizes: '1024x1920', codecs: [...ELEMENT, 'top-k:0.01', 'random-k:0.01', 'powersgd:4', 'powersgd:16'] },
  { sizes: '16777216', codecs: [...ELEMENT, 'top-k:0.01', 'random-k:0.01'] },
];

/** Encode and decode; the rate counts bytes of the float32 tensor. */
export const compress: Suite = {
  name: 'compress',
  description: 'gradient compressors: encode and decode a matrix of 1024 × 1920 and 16 Mi numbers, one core',
  cases: () => SIZES.flatMap((size) => (['encode', 'decode'] as const).map((what) => caseOf(size, what))),
};

function caseOf({ sizes, codecs }: (typeof SIZES)[number], what: 'encode' | 'decode'): Case {
  const amount = 4 * sizes.split('x').reduce((n, d) => n * Number(d), 1);
  return {
    name: `${what} ${sizes.replace('x', ' × ')}`,
    params: { shape: sizes },
    kind: 'measured',
    unit: 's',
    contenders: codecs.map((codec) => ({
      name: codec,
      version: '',
      command: process.execPath,
      args: [program, codec, sizes, what],
      timeoutS: 60,
    })),
    work: { amount, unit: 'B' },
  };
}
