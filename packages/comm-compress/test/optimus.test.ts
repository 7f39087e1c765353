import { DataError, OptionError, Rng } from '@strata-ml/core';
import { expectClose } from '@strata-ml/testing';
import { describe, expect, it } from 'vitest';
import * as c from '../src/index.js';
import { isCompute, transfersOf } from '../src/schedule/ops.js';
import { matMul64 } from './oracles/linearAlgebra.js';

const message = (over: Partial<c.BoundaryMessage>): c.BoundaryMessage => {
  return {
    direction: 'backward',
    boundary: 0,
    microBatch: 0,
    iteration: 1,
    rows: 8,
    width: 12,
    isDrain: true,
    ...over,
  };
};
function through(sender: c.OptimusWire, x: Float32Array, m: c.BoundaryMessage, receiver = sender) {
  const out = new Float32Array(x.length).fill(Number.NaN);
  const bytes = sender.encode(x, m).slice();
  receiver.decode(bytes, m, out);
  return { out, bytes: bytes.length };
}
const transpose = (x: ArrayLike<number>, rows: number, columns: number) =>
  Float64Array.from({ length: x.length }, (_, i) => x[(i % rows) * columns + Math.floor(i / rows)]!);

describe('lazy error propagation', () => {
  it('Σ decoded = Σ true + first error − last error', () => {
    const wire = new c.OptimusWire({ backward: { mode: 'all', codec: 'powersgd:2' } }, 1);
    const rng = new Rng(4);
    const sum = new Float64Array(96);
    for (let m = 0; m < 12; m++) {
      const g = Float32Array.from({ length: 96 }, (_, i) => rng.normalAt(i, m));
      const { out } = through(wire, g, message({ microBatch: m % 6, iteration: 1 + Math.floor(m / 6) }));
      out.forEach((v, i) => {
        sum[i]! += v - g[i]!;
      });
    }
    const last = wire.state()['errors/error/backward:0']!;
    expect(last.some((v) => Math.abs(v) > 0.1)).toBe(true);
    expectClose(
      sum,
      last.map((v) => -v),
      { rtol: 1e-5, atol: 1e-5 },
    );
  });

  it('the error of a weight gradient is Σ (X(m+1) − X(m))ᵀ e(m) − X(n)ᵀ e(n) + X(1)ᵀ e(0)', () => {
    // Few bits, and a codec that sends numbers as they are: float32 is exact here, so the identity holds to float64 rounding.
    const rng = new Rng(8);
    const few = (n: number, j: number) => Float32Array.from({ length: n }, (_, i) => rng.intAt(65, i, j) / 32 - 1);
    const wire = new c.OptimusWire({ backward: { mode: 'all', codec: 'top-k:0.2' } }, 1);
    const [rows, width, inputs, n] = [8, 12, 5, 7];
    const errorNow = () => wire.state()['errors/error/backward:0'] ?? new Float32Array(rows * width);
    const xs: Float32Array[] = [];
    const es: Float32Array[] = [];
    const difference = new Float64Array(inputs * width);
    through(wire, few(rows * width, 99), message({ microBatch: 0 })); // leaves e(0)
    const e0 = errorNow();
    for (let m = 1; m <= n; m++) {
      const [x, g] = [few(rows * inputs, 10 + m), few(rows * width, 30 + m)];
      const { out } = through(wire, g, message({ microBatch: m }));
      xs.push(x);
      es.push(errorNow());
      const lost = out.map((v, i) => v - g[i]!);
      matMul64(transpose(x, rows, inputs), lost, inputs, rows, width).forEach((v, i) => {
        difference[i]! += v;
      });
    }
    const expected = new Float64Array(inputs * width);
    const add = (x: ArrayLike<number>, e: ArrayLike<number>, sign: number) =>
      matMul64(transpose(x, rows, inputs), e, inputs, rows, width).forEach((v, i) => {
        expected[i]! += sign * v;
      });
    for (let m = 0; m + 1 < n; m++)
      add(
        xs[m + 1]!.map((v, i) => v - xs[m]![i]!),
        es[m]!,
        1,
      );
    add(xs[n - 1]!, es[n - 1]!, -1);
    add(xs[0]!, e0, 1);
    expectClose(difference, expected, { rtol: 1e-12, atol: 1e-12 });
    expect(Math.max(...difference.map(Math.abs))).toBeGreaterThan(0.1);
  });

  it('helps where activations of successive micro-batches are alike, and can hurt where they are not', () => {
    const [n, m, count, inputs] = [64, 32, 16, 24];
    const errorOf = (delta: number, lep: boolean, seed: number) => {
      const rng = new Rng(seed);
      const normal = (length: number, j: number) => Float32Array.from({ length }, (_, i) => rng.normalAt(i, j));
      const wire = new c.OptimusWire({ backward: { mode: 'all', codec: 'powersgd:4', lep } }, seed);
      const signal = matMul64(normal(n * 6, 1), normal(6 * m, 2), n, 6, m);
      const common = normal(n * inputs, 3);
      const [exact, got] = [new Float64Array(inputs * m), new Float64Array(inputs * m)];
      for (let t = 0; t < count; t++) {
        const noise = normal(n * m, 300 + t);
        const g = Float32Array.from(signal, (v, i) => v + 0.3 * noise[i]!);
        const own = normal(n * inputs, 400 + t);
        const x = transpose(
          common.map((v, i) => v + delta * own[i]!),
          n,
          inputs,
        );
        const { out } = through(wire, g, message({ microBatch: t, rows: n, width: m }));
        matMul64(x, g, inputs, n, m).forEach((v, i) => {
          exact[i]! += v;
        });
        matMul64(x, out, inputs, n, m).forEach((v, i) => {
          got[i]! += v;
        });
      }
      return Math.sqrt(exact.reduce((s, v, i) => s + (v - got[i]!) ** 2, 0) / exact.reduce((s, v) => s + v * v, 0));
    };
    const mean = (delta: number, lep: boolean) =>
      [1, 2, 3, 4].reduce((s, seed) => s + errorOf(delta, lep, seed) / 4, 0);
    const why = 'means of other random draws than those of the table';
    const deltas = [0, 0.1, 0.3, 1, 3];
    expectClose(
      deltas.map((d) => mean(d, true)),
      [0.051, 0.051, 0.074, 0.21, 0.48],
      { rtol: 0.25, why },
    );
    expectClose(
      deltas.map((d) => mean(d, false)),
      [0.34, 0.34, 0.33, 0.39, 0.38],
      { rtol: 0.15, why },
    );
  });

  it('its conditions are measured at the boundary', () => {
    const wire = new c.OptimusWire({ backward: { mode: 'all', codec: 'top-k:0.3334', diagnostics: true } }, 1);
    const x = [0, 1, 2].map((m) => Float32Array.from({ length: 96 }, (_, i) => Math.sin(i) + m * ((i % 3) - 1)));
    for (const [m, v] of x.entries()) through(wire, v, message({ direction: 'forward', microBatch: m }));
    for (let m = 0; m < 3; m++) {
      // The error will be what activations lose from m to m + 1, apart from the entries that are sent.
      const g = Float32Array.from({ length: 96 }, (_, i) => (i % 3 === 1 ? 50 : m === 0 ? 1 - (i % 3) : 0));
      through(wire, g, message({ microBatch: m }));
    }
    const [report] = c.lepDiagnostics({ wire });
    expect(report).toMatchObject({ boundary: 0, iteration: 1 });
    expect(report!.cosine).toBeGreaterThan(0.9);
    expect(Math.abs(report!.activationDeltaMean)).toBeLessThan(1e-6);
    expect(report!.activationChange).toBeGreaterThan(0.5);
    expect(() => c.lepDiagnostics({})).toThrow(DataError);
  });
});

describe('which messages are compressed', () => {
  it('both ends agree, and the drain of stage k holds the last min(M, p − k) gradients, for all p and M up to 8', () => {
    for (let p = 2; p <= 8; p++) {
      for (let M = 1; M <= 9; M++) {
        for (const p2p of c.p2pModes) {
          const schedule = c.buildSchedule('1f1b', p, M, { p2p });
          const ends = { send: new Map<string, boolean>(), recv: new Map<string, boolean>() };
          for (const ops of schedule) {
            for (const t of ops.filter((op) => !isCompute(op)).flatMap(transfersOf)) {
              if (t.direction === 'backward') ends[t.kind].set(`${t.boundary} ${t.microBatch}`, t.isDrain);
            }
          }
          expect(ends.recv).toEqual(ends.send);
          for (let k = 1; k < p; k++) {
            const drained = [...ends.send].filter(([key, d]) => d && key.startsWith(`${k - 1} `)).map(([key]) => key);
            const first = M - Math.min(M, p - k);
            expect(drained).toEqual(Array.from({ length: M - first }, (_, i) => `${k - 1} ${first + i}`));
          }
          const total = [...ends.send.values()].filter(Boolean).length;
          if (M >= p) expect(total).toBe((p * (p - 1)) / 2);
        }
      }
    }
  });

  it('by mode, step and direction; what is not compressed leaves no trace in the codec', () => {
    const bytes = (config: c.OptimusConfig, over: Partial<c.BoundaryMessage>) =>
      through(new c.OptimusWire(config, 1), new Float32Array(96).fill(1), message(over)).bytes;
    const low = 4 * (8 + 12);
    const of = (mode: c.BackwardMode): c.OptimusConfig => ({ backward: { mode, codec: 'powersgd:1', startStep: 3 } });
    expect(bytes(of('all'), { iteration: 2 })).toBe(4 * 96);
    expect(bytes(of('all'), { iteration: 3, isDrain: false })).toBe(low);
    expect(bytes(of('epilogue'), { iteration: 3, isDrain: false })).toBe(4 * 96);
    expect(bytes(of('epilogue'), { iteration: 3 })).toBe(low);
    expect(bytes(of('off'), { iteration: 3 })).toBe(4 * 96);
    expect(bytes({ ...of('all'), wire: 'bf16' }, { direction: 'forward', iteration: 3 })).toBe(2 * 96);
    expect(bytes({ experimental_forward: 'top-k:0.25' }, { direction: 'forward', iteration: 3 })).toBe(24 * 4 + 12);
    expect(bytes({ experimental_forward: 'top-k:0.25' }, { direction: 'forward', iteration: 0 })).toBe(4 * 96);
    const wire = new c.OptimusWire(of('epilogue'), 1);
    through(wire, new Float32Array(96).fill(1), message({ iteration: 4, isDrain: false }));
    expect(wire.stateBytes()).toBe(0);
  });

  it('state is a factor for each boundary, and with lazy error propagation a gradient', () => {
    for (const lep of [false, true]) {
      const wire = new c.OptimusWire({ backward: { mode: 'all', codec: 'powersgd:3', lep } }, 1);
      for (const boundary of [0, 1]) through(wire, new Float32Array(96).fill(2), message({ boundary }));
      expect(wire.stateBytes()).toBe(2 * (4 * 3 * 12 + (lep ? 4 * 96 : 0)));
      const other = new c.OptimusWire({ backward: { mode: 'all', codec: 'powersgd:3', lep } }, 1);
      other.load(wire.state());
      const g = Float32Array.from({ length: 96 }, (_, i) => Math.cos(i));
      const next = message({ iteration: 2 });
      expect(through(other, g, next).out).toEqual(through(wire, g, next).out);
    }
  });

  it('an error is carried into the next step only if asked for', () => {
    const after = (carryAcrossIterations: boolean) => {
      const wire = new c.OptimusWire({ backward: { mode: 'all', codec: 'top-k:0.01', carryAcrossIterations } }, 1);
      const g = new Float32Array(96);
      g[3] = 5;
      g[4] = 4;
      through(wire, g, message({ iteration: 1 }));
      return [...through(wire, new Float32Array(96), message({ iteration: 2 })).out].indexOf(4);
    };
    expect(after(true)).toBe(4);
    expect(after(false)).toBe(-1);
  });
});

describe('configurations', () => {
  it('optimus-cc are the settings of the paper', () => {
    const { config, embeddingSync, hooks } = c.resolveCompression('optimus-cc', { pp: 4 });
    expect(config.selectiveStages?.stages).toBe(3);
    expect(embeddingSync).toBe('fused');
    expect(hooks.options).toBe(config);
  });
  it.each([
    [{ backward: { mode: 'some' } }, 'backward.mode'],
    [{ backward: { mode: 'all', rank: 3 } }, 'key of backward'],
    [{ cb: {} }, 'key of config'],
    [{ backward: { mode: 'all', codec: 'zip' } }, 'codec'],
    [{ selectiveStages: { stages: -1 } }, 'selectiveStages.stages'],
    [{ selectiveStages: { stages: 'auto' } }, 'advise'],
    [{ wire: 'fp8' }, 'wire'],
    [{ backward: 'all' }, 'an object'],
  ])('refuses %j', (config, text) => {
    const resolve = () => c.resolveCompression(config as never, { pp: 2 });
    expect(resolve).toThrow(OptionError);
    expect(resolve).toThrow(text);
  });
});
