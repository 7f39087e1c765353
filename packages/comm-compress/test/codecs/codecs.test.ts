import { DataError, NonFiniteError, OptionError, Rng, ShapeError } from '@strata-ml/core';
import { expectClose } from '@strata-ml/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as c from '../../src/index.js';

const rng = new Rng(5);
const normal = (n: number, seed = 0) => Float32Array.from({ length: n }, (_, i) => rng.normalAt(i, seed));
/** Gradients are views into a bigger buffer: a lost offset must fail. */
const asView = (x: ArrayLike<number>) => Float32Array.from([9, 9, ...Array.from(x), 9]).subarray(2, 2 + x.length);
const finite = fc.oneof(
  fc.float32Array({ minLength: 1, maxLength: 200, noNaN: true, min: -1e4, max: 1e4 }),
  fc.array(fc.integer({ min: -2, max: 2 }), { minLength: 1, maxLength: 200 }).map((a) => Float32Array.from(a)),
);
const energy = (x: Float32Array) => x.reduce((sum, v) => sum + v * v, 0);

/** Each codec, and the bytes that the table of its paper gives for n elements. */
const table: readonly (readonly [name: string, make: () => c.Codec, bytes: (n: number) => number])[] = [
  ['fp32', c.fp32, (n) => 4 * n],
  ['fp16', c.fp16, (n) => 2 * n],
  ['bf16', c.bf16, (n) => 2 * n],
  ['int8', c.int8, (n) => n + 4 * Math.ceil(n / 256)],
  ['int8 at random', () => c.int8({ block: 32, stochastic: true }), (n) => n + 4 * Math.ceil(n / 32)],
  ['qsgd', c.qsgd, (n) => n + 4 * Math.ceil(n / 128)],
  ['ternGrad', c.ternGrad, (n) => Math.ceil(n / 4) + 4],
  ['signSGD', c.signSgd, (n) => Math.ceil(n / 8)],
  ['signum', c.signum, (n) => Math.ceil(n / 8)],
  ['efSign', c.efSign, (n) => Math.ceil(n / 8) + 4],
  ['oneBit', c.oneBit, (n) => Math.ceil(n / 8) + 4],
  ['oneBitSGD', c.oneBitSgd, (n) => Math.ceil(n / 8) + 8],
  [
    'topK',
    () => c.topK({ ratio: 0.01 }),
    (n) => {
      const k = Math.max(1, Math.floor(0.01 * n));
      return Math.min(8 * k, 4 * k + Math.ceil(n / 8));
    },
  ],
  [
    'topK, bitmap',
    () => c.topK({ ratio: 0.25 }),
    (n) => {
      const k = Math.max(1, Math.floor(0.25 * n));
      return 4 * k + Math.min(4 * k, Math.ceil(n / 8));
    },
  ],
  ['randomK', () => c.randomK({ ratio: 0.1 }), (n) => 4 * Math.max(1, Math.floor(0.1 * n))],
  ['powerSGD', () => c.powerSgd({ rank: 3 }), (n) => 4 * (n + 1)],
];

describe('every codec', () => {
  it.each(table)(
    '%s: bytes are those of the table, equal for equal seeds, and decode from any address',
    (_, make, bytes) => {
      fc.assert(
        fc.property(finite, (x) => {
          const codec = make();
          const shape = [x.length];
          const payload = codec.encode(asView(x), shape, 'w', rng);
          expect(payload.bytes.length).toBe(bytes(x.length));
          if (c.isFixedSize(codec)) expect(codec.payloadBytes(shape)).toBe(bytes(x.length));
          expect(make().encode(x, shape, 'w', rng).bytes).toEqual(payload.bytes);
          const out = new Float32Array(x.length).fill(Number.NaN);
          codec.decode(payload, out);
          expect(out.every(Number.isFinite)).toBe(true);
          const moved = new Uint8Array(payload.bytes.length + 1);
          moved.set(payload.bytes, 1);
          const again = asView(new Float32Array(x.length));
          codec.decode({ ...payload, bytes: moved.subarray(1) }, again);
          expect([...again]).toEqual([...out]);
        }),
        { numRuns: 30 },
      );
    },
  );

  it.each(table)('%s: refuses what is not its own', (name, make) => {
    const codec = make();
    const payload = codec.encode(normal(40), [40], 'w', rng);
    expect(() => codec.encode(normal(40), [41], 'w', rng)).toThrow(ShapeError);
    expect(() => codec.decode(payload, new Float32Array(39))).toThrow(ShapeError);
    expect(() => codec.decode({ ...payload, codec: 'other' }, new Float32Array(40))).toThrow(DataError);
    expect(() => codec.decode({ ...payload, bytes: payload.bytes.subarray(1) }, new Float32Array(40))).toThrow(
      DataError,
    );
    if (name !== 'fp32' && name !== 'fp16' && name !== 'bf16' && name !== 'randomK') {
      const bad = normal(40);
      bad[7] = Number.NaN;
      expect(() => codec.encode(bad, [40], 'w', rng)).toThrow(NonFiniteError);
    }
  });

  it('is made from text', () => {
    expect(c.parseCodec('top-k:0.25').encode(normal(8), [8], '', rng).bytes.length).toBe(9);
    expect(c.parseCodec('powersgd:2').encode(normal(64), [8, 8], '', rng).bytes.length).toBe(128);
    for (const bad of ['top', 'top-k:', 'top-k:x', 'int8:1:2', 'threshold', 'powersgd:0', 'toString']) {
      expect(() => c.parseCodec(bad), bad).toThrow(OptionError);
    }
  });
});

describe('16-bit floats', () => {
  // value, half bits, bfloat16 bits: from the formats' definitions.
  const cases: readonly (readonly [number, number, number])[] = [
    [0, 0x0000, 0x0000],
    [-0, 0x8000, 0x8000],
    [1, 0x3c00, 0x3f80],
    [-2, 0xc000, 0xc000],
    [2 ** -24, 0x0001, 0x3380], // smallest subnormal half
    [2 ** -25, 0x0000, 0x3300], // tie, to even
    [3 * 2 ** -25, 0x0002, 0x33c0], // tie, to even
    [2 ** -14, 0x0400, 0x3880], // smallest normal half
    [1 + 2 ** -11, 0x3c00, 0x3f80], // tie, to even
    [1 + 3 * 2 ** -11, 0x3c02, 0x3f80], // tie, to even
    [1 + 2 ** -8, 0x3c04, 0x3f80], // tie of bfloat16, to even
    [1 + 3 * 2 ** -8, 0x3c0c, 0x3f82],
    [65504, 0x7bff, 0x4780],
    [Infinity, 0x7c00, 0x7f80],
    [-Infinity, 0xfc00, 0xff80],
    [1e6, 0x7bff, 0x4974], // saturates as a half
  ];
  it('are those of the reference table', () => {
    const x = Float32Array.from(cases, ([v]) => v);
    const bits = (codec: c.Codec) => [...new Uint16Array(codec.encode(x, [x.length], '', rng).bytes.buffer)];
    expect(bits(c.fp16())).toEqual(cases.map(([, half]) => half));
    expect(bits(c.bf16())).toEqual(cases.map(([, , brain]) => brain));
    for (const codec of [c.fp16(), c.bf16()]) {
      const out = new Float32Array(1);
      codec.decode(codec.encode(Float32Array.of(Number.NaN), [1], '', rng), out);
      expect(out[0]).toBeNaN();
    }
  });
  it('raise instead of saturating if asked to, and scale losses', () => {
    const raise = c.fp16({ overflow: 'raise' });
    expect(() => raise.encode(Float32Array.of(1, 70_000), [2], '', rng)).toThrow('element 1 must be within');
    expect(raise.encode(Float32Array.of(Infinity), [1], '', rng).bytes.length).toBe(2);
    const tiny = Float32Array.of(2 ** -30, -3 * 2 ** -28);
    const scaled = c.fp16({ lossScale: 2 ** 16 });
    const out = new Float32Array(2);
    scaled.decode(scaled.encode(tiny, [2], '', rng), out);
    expect(out).toEqual(tiny);
  });
});

describe('unbiased codecs', () => {
  const draws = 4000;
  const n = 32;
  const x = normal(n, 3);
  const loud = new Float32Array(n).fill(0.5);
  loud[3] = -1;
  it.each([
    ['qsgd', c.qsgd({ levels: 4, bucket: 32 }), x],
    ['int8 at random', c.int8({ block: 16, stochastic: true }), x],
    ['ternGrad without clipping', c.ternGrad({ clip: Infinity }), x],
    ['ternGrad, nothing to clip', c.ternGrad({ clip: 4 }), loud],
    ['randomK, scaled', c.randomK({ ratio: 0.25, unbiased: true }), x],
  ] as const)('%s: the mean of many draws is x within four standard errors', (_, codec, input) => {
    const mean = new Float64Array(n);
    const squares = new Float64Array(n);
    const out = new Float32Array(n);
    let variance = 0;
    for (let d = 0; d < draws; d++) {
      codec.decode(codec.encode(input, [n], '', rng.split('draw', d)), out);
      out.forEach((v, i) => {
        mean[i]! += v / draws;
        squares[i]! += (v * v) / draws;
        variance += (v - input[i]!) ** 2 / draws;
      });
    }
    for (let i = 0; i < n; i++) {
      const error = Math.sqrt(Math.max(0, squares[i]! - mean[i]! ** 2) / draws);
      expect(Math.abs(mean[i]! - input[i]!)).toBeLessThanOrEqual(4 * error + 1e-6);
    }
    if (codec.id === 'qsgd') {
      expect(variance).toBeLessThanOrEqual(Math.min(n / 16, Math.sqrt(n) / 4) * energy(input));
      expect(variance).toBeGreaterThan(0);
    }
  });
});

describe('sparse codecs', () => {
  it('Top-K keeps what a full sort keeps, and loses at most 1 − k/n of the energy', () => {
    fc.assert(
      fc.property(finite, fc.double({ min: 1e-3, max: 1, noNaN: true }), (x, ratio) => {
        const codec = c.topK({ ratio });
        const out = new Float32Array(x.length).fill(Number.NaN);
        codec.decode(codec.encode(x, [x.length], '', rng), out);
        const k = Math.max(1, Math.floor(ratio * x.length));
        const kept = new Set([...x.keys()].sort((a, b) => Math.abs(x[b]!) - Math.abs(x[a]!) || a - b).slice(0, k));
        expect([...out]).toEqual(Array.from(x, (v, i) => (kept.has(i) ? v : 0)));
        expect(energy(x.map((v, i) => v - out[i]!))).toBeLessThanOrEqual((1 - k / x.length) * energy(x) * (1 + 1e-12));
      }),
    );
  });

  it('a threshold keeps all at or above it', () => {
    const codec = c.threshold({ value: 2 });
    const x = Float32Array.of(1, -2, 0, 3, 1.99);
    const payload = codec.encode(x, [5], '', rng);
    expect(payload.bytes.length).toBe(16);
    const out = new Float32Array(5);
    codec.decode(payload, out);
    expect([...out]).toEqual([0, -2, 0, 3, 0]);
    expect(c.isFixedSize(codec)).toBe(false);
  });

  it('Random-K draws without replacement, each position alike', () => {
    const counts = new Float64Array(50);
    for (const ratio of [0.2, 0.8]) {
      for (let d = 0; d < 2000; d++) {
        const codec = c.randomK({ ratio });
        const out = new Float32Array(50);
        codec.decode(codec.encode(new Float32Array(50).fill(1), [50], '', rng.split(d)), out);
        expect(energy(out)).toBe(50 * ratio);
        out.forEach((v, i) => {
          counts[i]! += v;
        });
      }
    }
    // 2000 draws of probability 0.2 and as many of 0.8: standard deviation 25.
    for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(4.5 * 25.3);
  });
});

describe('codecs of codecs', () => {
  it('chain sends factors and values in another format', () => {
    const x = normal(12 * 16);
    for (const outer of [c.powerSgd({ rank: 2 }), c.randomK({ ratio: 0.5 })]) {
      const inner = c.chain<c.Codec>(outer, c.bf16());
      const [a, b] = [outer, inner].map((codec) => {
        const payload = codec.encode(x, [12, 16], '', rng);
        const out = new Float32Array(x.length);
        codec.decode(payload, out);
        return { bytes: payload.bytes.length, out };
      });
      expect(2 * b!.bytes).toBe(a!.bytes);
      expectClose(b!.out, a!.out, { rtol: 0.02, atol: 0.05, why: 'bfloat16 has 8 bits' });
    }
    expect(() => c.chain(c.topK() as never, c.fp16())).toThrow(OptionError);
  });

  it('schedule goes by the step, perTensor by the name', () => {
    const [a, b, d] = [c.fp32(), c.powerSgd({ rank: 4 }), c.powerSgd({ rank: 1 })];
    const warm = c.schedule([
      { from: 1, use: a },
      { from: 10, use: b },
      { from: 20, use: d },
    ]);
    const at = (step: number) => warm({ key: 'w', shape: [8, 8], step });
    expect([1, 9, 10, 19, 20, 99].map(at)).toEqual([a, a, b, b, d, d]);
    expect(() => c.schedule([{ from: 2, use: a }])).toThrow(OptionError);
    const named = c.perTensor({ 'embed*': a, 'block.*.w': warm }, d);
    const of = (key: string) => named({ key, shape: [8, 8], step: 12 });
    expect(['embedding', 'block.3.w', 'block.3.b', 'my embed'].map(of)).toEqual([a, b, d, d]);
    const links = c.perLink({ forward: a, 'backward:0': b }, d);
    const link = (key: string) => links({ key, shape: [8, 8], step: 1 });
    expect(['forward:0', 'forward:7', 'backward:0', 'backward:01'].map(link)).toEqual([a, a, b, d]);
  });
});

describe('measureCodec', () => {
  it('reports bytes and error, and the bandwidth where compression breaks even', () => {
    const report = c.measureCodec(c.topK({ ratio: 0.5 }), Float32Array.of(3, 4, 1e-9, 0), [4], rng, 1);
    expect(report).toMatchObject({ codec: 'topK', rawBytes: 16, payloadBytes: 9, stateBytes: 0 });
    expectClose([report.relativeError], [0], { atol: 1e-9 });
    const link = c.breakEvenBandwidth({ rawBytes: 100, payloadBytes: 40, encodeSeconds: 2, decodeSeconds: 1 });
    expect(link).toBe(20);
    expect(c.breakEvenBandwidth({ rawBytes: 10, payloadBytes: 40, encodeSeconds: 2, decodeSeconds: 1 })).toBe(0);
  });
});
