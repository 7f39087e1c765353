/** Signed connectivity of one subject: correlations between regions, positive and negative. */
import { DataError, NonFiniteError, OptionError, ShapeError } from '@strata-ml/core';

/** A dense symmetric graph with signed weights, and optionally features of its own. */
export interface SignedGraph {
  /** Number of regions R. */
  readonly regions: number;
  /** Weights in [-1, 1] (any finite number with Fisher's z), diagonal 0, float32 `[R, R]`. */
  readonly adjacency: Float32Array;
  /** Features of regions, float32 `[R, F]`; absent = the rows of `adjacency`. */
  readonly features?: Float32Array;
}

/** Options of {@link buildConnectome}. */
export interface ConnectomeOptions {
  /** Replace each correlation r by atanh(0.999·r). @defaultValue `false` */
  readonly fisherZ?: boolean;
  /** Share of pairs to keep, the strongest by magnitude, in (0, 1]. @defaultValue `1` */
  readonly keep?: number;
}

/**
 * Pearson correlation between the columns of a time series, diagonal 0. A constant region correlates with nothing (0).
 *
 * @param series - float32 `[t, r]`, time by region
 * @throws {@link ShapeError} if the array has another length; {@link DataError} for fewer than 2 time points;
 * {@link NonFiniteError} for NaN or infinity; {@link OptionError} for a `keep` outside (0, 1].
 */
export function buildConnectome(
  series: Float32Array,
  t: number,
  r: number,
  { fisherZ = false, keep = 1 }: ConnectomeOptions = {},
): SignedGraph {
  if (series.length !== t * r) throw new ShapeError('buildConnectome', 'series', [series.length], `[${t} × ${r}]`);
  if (t < 2) throw new DataError(`buildConnectome: a time series must have at least 2 points, got ${t}`);
  if (!(keep > 0 && keep <= 1)) throw new OptionError('buildConnectome', 'keep', keep, 'in (0, 1]');
  const columns = standardisedColumns(series, t, r);
  const adjacency = new Float32Array(r * r);
  for (let i = 0; i < r; i++) {
    for (let j = i + 1; j < r; j++) {
      let sum = 0;
      for (let k = 0; k < t; k++) sum += columns[i * t + k]! * columns[j * t + k]!;
      const weight = fisherZ ? Math.atanh(0.999 * sum) : sum;
      adjacency[i * r + j] = weight;
      adjacency[j * r + i] = weight;
    }
  }
  if (keep < 1) keepStrongest(adjacency, r, keep);
  return { regions: r, adjacency };
}

/** Columns with mean 0 and length 1, one after the other, in float64. */
function standardisedColumns(series: Float32Array, t: number, r: number): Float64Array {
  const columns = new Float64Array(r * t);
  for (let i = 0; i < r; i++) {
    let mean = 0;
    for (let k = 0; k < t; k++) mean += series[k * r + i]!;
    mean /= t;
    if (!Number.isFinite(mean))
      throw new NonFiniteError('buildConnectome', i, mean, 'a column of the series is not finite');
    let squares = 0;
    for (let k = 0; k < t; k++) squares += (series[k * r + i]! - mean) ** 2;
    const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
    for (let k = 0; k < t; k++) columns[i * t + k] = (series[k * r + i]! - mean) * scale;
  }
  return columns;
}

function keepStrongest(adjacency: Float32Array, r: number, keep: number): void {
  const pairs = new Int32Array((r * (r - 1)) / 2);
  let count = 0;
  for (let i = 0; i < r; i++) for (let j = i + 1; j < r; j++) pairs[count++] = i * r + j;
  pairs.sort((a, b) => Math.abs(adjacency[b]!) - Math.abs(adjacency[a]!) || a - b);
  for (const at of pairs.subarray(Math.ceil(keep * pairs.length))) {
    adjacency[at] = 0;
    adjacency[(at % r) * r + Math.floor(at / r)] = 0;
  }
}
