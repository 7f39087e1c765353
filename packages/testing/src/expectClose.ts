/** The one way to compare floats: a relative and an absolute limit, and a message that says where and how far. */

/** Limits of {@link expectClose}. */
export interface CloseOptions {
  /** Relative limit. @defaultValue `1e-5` */
  readonly rtol?: number;
  /** Absolute limit. @defaultValue `1e-6 · max|expected|` */
  readonly atol?: number;
  /** Reason for limits looser than the defaults. */
  readonly why?: string;
}

/**
 * Throws unless |actual − expected| ≤ atol + rtol·|expected| for every element. NaN matches nothing; infinities match
 * only themselves.
 */
export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, options: CloseOptions = {}): void {
  if (actual.length !== expected.length) {
    throw new Error(`expectClose: expected ${expected.length} elements, got ${actual.length}`);
  }
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const e = Math.abs(expected[i]!);
    if (e > largest && e < Infinity) largest = e;
  }
  const { rtol = 1e-5, atol = 1e-6 * largest, why } = options;
  let worst = -1;
  let excess = 0;
  for (let i = 0; i < expected.length; i++) {
    const a = actual[i]!;
    const e = expected[i]!;
    if (a === e) continue;
    const over = Math.abs(a - e) - (atol + rtol * Math.abs(e));
    if (!(over <= 0) && (worst < 0 || Number.isNaN(over) || over > excess)) {
      worst = i;
      excess = over;
      if (Number.isNaN(over)) break;
    }
  }
  if (worst < 0) return;
  const a = actual[worst]!;
  const e = expected[worst]!;
  throw new Error(
    `expectClose: element ${worst} of ${expected.length} is ${a}, expected ${e}: ` +
      `off by ${Math.abs(a - e)} (relative ${Math.abs(a - e) / Math.abs(e)}), largest value ${largest}, ` +
      `allowed rtol ${rtol}, atol ${atol}${why ? ` (${why})` : ''}`,
  );
}

/** ‖a − b‖₂ / ‖b‖₂ in float64. */
export function relativeL2(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`relativeL2: lengths ${a.length} and ${b.length} differ`);
  let diff = 0;
  let norm = 0;
  for (let i = 0; i < a.length; i++) {
    diff += (a[i]! - b[i]!) ** 2;
    norm += b[i]! ** 2;
  }
  return Math.sqrt(diff / (norm || 1));
}
