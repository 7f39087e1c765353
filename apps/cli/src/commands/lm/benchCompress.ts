/** `strata lm bench-compress`. */
import { formatBandwidth, formatBytes, OptionError, Rng } from '@strata-ml/core';
import type { Command } from 'commander';
import { action } from '../../action.js';
import { addCommonFlags, addSeedFlag, type CommonFlags, integer } from '../../options.js';
import { seconds } from '../../output/format.js';
import { columnTable } from '../../output/table.js';

interface Flags extends CommonFlags {
  readonly shapes: readonly (readonly number[])[];
  readonly codecs: readonly string[];
  readonly repeats: number;
  readonly seed: number;
}

const DEFAULT_CODECS = 'fp16,bf16,int8,qsgd,terngrad,ef-sign,one-bit-sgd,top-k:0.01,random-k:0.01,powersgd:16';

/** Adds `bench-compress`. */
export function benchCompressCommand(area: Command): void {
  const command = area
    .command('bench-compress')
    .description('measure compressors on this core: ratio, error, speed, and the link below which they pay')
    .option('--shapes <list>', 'such as 1024x1920,4096', shapesOf, [[1024, 1920]])
    .option(
      '--codecs <list>',
      'names with their main number, such as top-k:0.01,powersgd:16',
      (text: string) => text.split(','),
      DEFAULT_CODECS.split(','),
    )
    .option('--repeats <n>', 'timed calls of each', integer('--repeats', { min: 1, max: 1000 }), 5);
  addSeedFlag(addCommonFlags(command)).action(
    action<Flags>('lm bench-compress', async ({ shapes, codecs, repeats, seed }, { output }) => {
      const { breakEvenBandwidth, measureCodec, parseCodec } = await import('@strata-ml/comm-compress');
      const all = codecs.map((text) => ({ text: text.trim(), codec: parseCodec(text) }));
      const rng = new Rng(seed);
      const rows = shapes.flatMap((shape) => {
        const n = shape.reduce((a, b) => a * b, 1);
        const x = Float32Array.from({ length: n }, (_, i) => rng.normalAt(i));
        return all.map(({ text, codec }) => {
          const report = measureCodec(codec, x, shape, rng, repeats);
          return { ...report, codec: text, breakEvenBandwidth: breakEvenBandwidth(report) };
        });
      });
      output.print(
        columnTable(
          ['codec', 'shape', 'bytes', 'ratio', 'error', 'encode', 'GB/s', 'decode', 'GB/s', 'pays below'],
          rows.map((r) => [
            r.codec,
            r.shape.join('×'),
            formatBytes(r.payloadBytes),
            `${(r.rawBytes / r.payloadBytes).toFixed(1)} ×`,
            r.relativeError.toPrecision(2),
            seconds(r.encodeSeconds),
            (r.rawBytes / r.encodeSeconds / 1e9).toFixed(2),
            seconds(r.decodeSeconds),
            (r.rawBytes / r.decodeSeconds / 1e9).toFixed(2),
            r.breakEvenBandwidth > 0 ? formatBandwidth(Number(r.breakEvenBandwidth.toPrecision(3))) : 'never',
          ]),
          ['left', 'left', ...new Array<'right'>(8).fill('right')],
        ),
      );
      output.print(
        '\nnormal numbers, one thread, measured; the last column is the link at which time saved = time spent coding',
      );
      return { config: { shapes, codecs, repeats, seed }, metrics: { rows }, labels: { compute: 'measured' } };
    }),
  );
}

function shapesOf(text: string): number[][] {
  return text.split(',').map((shape) => {
    const sizes = shape.trim().split(/[x×]/).map(Number);
    if (!sizes.every((n) => Number.isSafeInteger(n) && n >= 1)) {
      throw new OptionError('--shapes', 'value', shape, 'whole numbers ≥ 1 with x between, such as 1024x1920');
    }
    return sizes;
  });
}
