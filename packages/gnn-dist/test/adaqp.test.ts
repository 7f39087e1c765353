import { Rng } from '@strata-ml/core';
import { trainGnn } from '@strata-ml/gnn-dist';
import { messageGraph, partitionCluster } from '@strata-ml/graph';
import { describe, expect, it } from 'vitest';
import { assignBits } from '../src/exchange/assignBits.js';
import { decodeRows, encodeRows, messageBits, messageBytes } from '../src/exchange/quantisedRows.js';
import { countHaloRows } from '../src/plan/traffic.js';
import { awkwardGraph } from './support/data.js';

const width = 21;
const bits = Uint8Array.of(2, 8, 4, 2, 8, 4, 4);
const ids = Int32Array.from(bits.keys()).map((row) => 3 * row);
const x = Float32Array.from({ length: bits.length * width }, (_, i) =>
  // Row 2 is constant, row 3 has one small range far from zero.
  Math.floor(i / width) === 2 ? -0.7 : Math.floor(i / width) === 3 ? 1000 + (i % 7) / 8 : new Rng(5).normalAt(i),
);

/** What a message of `x` says. */
function sent(rows: Float32Array, rng: Rng): Float32Array {
  const message = new Uint8Array(messageBytes(bits, width));
  const out = new Float32Array(rows.length);
  encodeRows(rows, { width, bits }, { rng, ids }, new Float64Array(bits.length), message);
  decodeRows(message, { width, bits }, out);
  return out;
}

describe('quantised rows', () => {
  it('are right on average, within three standard errors, and err as the variance model says', () => {
    const draws = 4000;
    const mean = new Float64Array(x.length);
    const square = new Float64Array(x.length);
    for (let d = 0; d < draws; d++) {
      sent(x, new Rng(1).split(d)).forEach((value, i) => {
        mean[i]! += (value - x[i]!) / draws;
        square[i]! += (value - x[i]!) ** 2 / draws;
      });
    }
    let outside = 0;
    mean.forEach((error, i) => {
      if (Math.abs(error) > 3 * Math.sqrt(square[i]! / draws) + 1e-9 * Math.abs(x[i]!)) outside++;
    });
    // 0.3 % of 147 numbers may lie outside by chance.
    expect(outside).toBeLessThanOrEqual(2);
    for (const row of [0, 1, 4, 5, 6]) {
      const values = x.subarray(row * width, (row + 1) * width);
      const range = Math.max(...values) - Math.min(...values);
      const predicted = ((width / 6) * range ** 2) / (2 ** bits[row]! - 1) ** 2;
      const measured = square.subarray(row * width, (row + 1) * width).reduce((a, b) => a + b, 0);
      // The model takes numbers to lie evenly between grid points.
      expect(measured / predicted).toBeGreaterThan(0.6);
      expect(measured / predicted).toBeLessThan(1.4);
    }
  });

  it('lie on the grid of their row, whose ends are not cut off', () => {
    const out = sent(x, new Rng(2));
    bits.forEach((b, row) => {
      const values = x.subarray(row * width, (row + 1) * width);
      const [low, high] = [Math.min(...values), Math.max(...values)];
      const got = new Set(out.subarray(row * width, (row + 1) * width));
      expect(got.size).toBeLessThanOrEqual(2 ** b);
      // bfloat16 has 8 bits: low moves by 1/128 of itself at most, and the step grows by as much.
      const slack = Math.abs(low) / 128;
      const step = ((high - low + slack) / (2 ** b - 1)) * (1 + 1 / 128);
      for (const value of got) {
        expect(value).toBeGreaterThanOrEqual(low - slack - 1e-6);
        expect(value).toBeLessThanOrEqual(high + step + 1e-6);
      }
    });
  });

  it('pass a number that is none on', () => {
    const broken = x.slice();
    broken[width + 2] = Number.NaN;
    broken[4 * width] = Number.POSITIVE_INFINITY;
    const out = sent(broken, new Rng(2));
    expect(Number.isFinite(out[width + 2])).toBe(false);
    expect(out.subarray(4 * width, 5 * width).every(Number.isFinite)).toBe(false);
    expect(out.subarray(5 * width).every(Number.isFinite)).toBe(true);
  });

  it('take 4 bytes each and the bits of their numbers, packed by width', () => {
    expect(messageBytes(bits, width)).toBe(4 * 7 + 2 * width + Math.ceil((3 * width) / 2) + Math.ceil((2 * width) / 4));
    expect(messageBytes(new Uint8Array(0), width)).toBe(0);
  });
});

describe('assignBits', () => {
  it.each([0, 0.2, 0.5, 0.9, 1])('finds the best of all choices for λ = %s', (lambda) => {
    const harm = Float64Array.from({ length: 10 }, (_, i) => Math.exp(3 * new Rng(4).normalAt(i)));
    const cost = (chosen: ArrayLike<number>) => {
      const variance = (b: (row: number) => number) =>
        harm.reduce((sum, h, row) => sum + h / (2 ** b(row) - 1) ** 2, 0);
      const span = variance(() => 2) - variance(() => 8);
      const bytes = Array.from(chosen).reduce((sum, b) => sum + b, 0);
      return (lambda * variance((row) => chosen[row]!)) / span + ((1 - lambda) * bytes) / (6 * harm.length);
    };
    const order = [...harm.keys()].sort((a, b) => harm[b]! - harm[a]!);
    let best = Number.POSITIVE_INFINITY;
    // Groups of three rows: 3⁴ choices.
    for (let code = 0; code < 81; code++) {
      const chosen = new Uint8Array(10);
      order.forEach((row, at) => {
        chosen[row] = messageBits[Math.floor(code / 3 ** Math.floor(at / 3)) % 3]!;
      });
      best = Math.min(best, cost(chosen));
    }
    expect(cost(assignBits(harm, { groupSize: 3, lambda }))).toBeCloseTo(best, 12);
  });

  it('gives 2 bits where nothing is at stake', () => {
    expect([...assignBits(new Float64Array(3), { groupSize: 2, lambda: 0.5 })]).toEqual([2, 2, 2]);
  });
});

describe('adaqp', () => {
  const data = awkwardGraph(80, { sparse: false });
  const model = { model: 'sage', layers: 3, hidden: 8, norm: 'layer', dropout: 0.5 } as const;
  const run = { model, epochs: 20, evalEvery: 20, cluster: '2x2', partition: 'random' } as const;
  const exact = trainGnn(data, run);

  it('with 4 bits moves what the formula says', async () => {
    const { metrics } = await trainGnn(data, { ...run, epochs: 2, mode: 'adaqp', adaqp: { bits: 4 } });
    const partOf = partitionCluster(data.graph, [2, 2], { method: 'random', seed: 1 });
    const rows = countHaloRows(messageGraph(data.graph), partOf, 4);
    let expected = 0;
    // Features as they are; two layers forward and two backward of eight columns: 4 bytes each row, and 4 for its header.
    for (const count of rows) expected += 4 * 10 * count + 4 * (4 * count + Math.ceil((8 * count * 4) / 8));
    expect(metrics.interBytesPerEpoch + metrics.intraBytesPerEpoch).toBe(expected);
    expect(metrics.predicted.interBytesPerEpoch).toBe(metrics.interBytesPerEpoch);
  });

  it('chooses bits after the first epoch, moves less, and learns as well', async () => {
    const options = { groupSize: 10, resolveEvery: 4 };
    const { metrics, timeline } = await trainGnn(data, { ...run, mode: 'adaqp', adaqp: options });
    const vanilla = await exact;
    expect(metrics.predicted.interBytesPerEpoch).toBe(metrics.interBytesPerEpoch);
    expect(metrics.predicted.intraBytesPerEpoch).toBe(metrics.intraBytesPerEpoch);
    expect(metrics.interBytesPerEpoch).toBeLessThan(0.6 * vanilla.metrics.interBytesPerEpoch);
    const { rows8Bits, rows4Bits, rows2Bits } = metrics.modeFacts;
    const haloRows = vanilla.metrics.interBytesPerEpoch + vanilla.metrics.intraBytesPerEpoch;
    // Two layers, both ways; vanilla rows take 10 + 4 · 8 floats.
    expect(rows8Bits! + rows4Bits! + rows2Bits!).toBe((haloRows / (4 * 42)) * 4);
    expect(rows2Bits! + rows4Bits!).toBeGreaterThan(0);
    expect(metrics.finalTrainLoss).toBeLessThan(timeline.epochs[0]!.loss);
    expect(Math.abs(metrics.finalTrainLoss / vanilla.metrics.finalTrainLoss - 1)).toBeLessThan(0.1);
    // Until bits are chosen rows have 8 of them, which is close to exact.
    expect(timeline.epochs[0]!.loss / vanilla.timeline.epochs[0]!.loss).toBeCloseTo(1, 2);
  });

  it('refuses what it cannot send', async () => {
    await expect(trainGnn(data, { mode: 'adaqp', adaqp: { bits: 3 as 2 } })).rejects.toThrow(/bits must be/);
    await expect(trainGnn(data, { mode: 'adaqp', adaqp: { lambda: 2 } })).rejects.toThrow(/lambda must be/);
  });
});
