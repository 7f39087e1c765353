/** Numbers for people. */

/** `1234567` as `1,234,567`. */
export function count(n: number): string {
  return Number.isFinite(n) ? n.toLocaleString('en-US') : '–';
}

/** A fraction as a percentage with two decimals: `81.50 %`. */
export function percent(fraction: number): string {
  return Number.isFinite(fraction) ? `${(100 * fraction).toFixed(2)} %` : '–';
}

/** A duration in the unit that suits it: `850 µs`, `12.3 ms`, `4.56 s`, `2 min 5 s`. */
export function seconds(s: number): string {
  if (!Number.isFinite(s)) return '–';
  if (s < 1e-3) return `${(s * 1e6).toFixed(0)} µs`;
  if (s < 1) return `${(s * 1e3).toPrecision(3)} ms`;
  if (s < 100) return `${s.toPrecision(3)} s`;
  const whole = Math.round(s);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** A number with four significant digits. */
export function figure(x: number): string {
  if (!Number.isFinite(x)) return '–';
  return Number.isInteger(x) ? count(x) : String(Number(x.toPrecision(4)));
}
