/** Quantities as people write them (`100Gbps`, `2us`, `512MB`) to plain numbers in bytes, seconds, bytes/s, and back. */
import { OptionError } from '../errors.js';

const DECIMAL: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12, p: 1e15 };
const BINARY: Readonly<Record<string, number>> = {
  '': 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
  p: 2 ** 50,
};
const SECONDS: Readonly<Record<string, number>> = { ns: 1e-9, us: 1e-6, µs: 1e-6, μs: 1e-6, ms: 1e-3, s: 1, min: 60 };
const NUMBER = '([0-9]+(?:\\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\\.[0-9]+)';

/**
 * Reads a bandwidth and returns bytes per second. A lower-case `b` or `bit` means bits, an upper-case `B` bytes; an `i`
 * makes the prefix a power of 1024. `unlimited` gives `Infinity`.
 *
 * @param where - function or flag to name in the error
 * @throws {@link OptionError} if the text has no unit, is negative, zero, or above 1 PB/s.
 * @example
 * parseBandwidth('10Gbps'); // => 1250000000
 */
export function parseBandwidth(text: string | number, where = 'parseBandwidth'): number {
  const remedy = 'write for instance 10Gbps, 800MB/s, 10GiB/s or unlimited';
  if (text === Number.POSITIVE_INFINITY) return text;
  const trimmed = String(text).trim();
  if (/^(unlimited|inf|infinity)$/i.test(trimmed)) return Number.POSITIVE_INFINITY;
  const match = new RegExp(`^([+-]?)${NUMBER}\\s*([kmgtp]?)(i?)(b|B|bits?|Bytes?|bytes?)(?:ps|/s|/sec)$`, 'i').exec(
    trimmed,
  );
  if (!match) throw new OptionError(where, 'bandwidth', text, 'a number with a unit per second', remedy);
  const [, sign, digits, prefix, binary, unit] = match;
  // Only a lone letter tells bits from bytes by its case: 1Gb/s is 125 MB/s.
  const isBits = unit === 'b' || /^bits?$/i.test(unit ?? '');
  const scale = (binary ? BINARY : DECIMAL)[(prefix ?? '').toLowerCase()] ?? 1;
  const value = exact(((sign === '-' ? -1 : 1) * Number(digits) * scale) / (isBits ? 8 : 1));
  if (!(value > 0)) throw new OptionError(where, 'bandwidth', text, 'greater than 0', remedy);
  if (value < 1 || value > 1e15) {
    throw new OptionError(
      where,
      'bandwidth',
      text,
      'between 1 B/s and 1 PB/s',
      'write unlimited for a link without limit',
    );
  }
  return value;
}

/**
 * Reads a duration and returns seconds. Units: ns, us, µs, ms, s, min; `0` needs none.
 *
 * @throws {@link OptionError} if the unit is missing or unknown, or the value negative or above 60 s.
 * @example
 * parseDuration('2us'); // => 0.000002
 */
export function parseDuration(text: string | number, where = 'parseDuration'): number {
  const remedy = 'write for instance 2us, 0.5ms or 1s';
  const trimmed = String(text).trim();
  if (/^[+-]?0+(\.0*)?$/.test(trimmed)) return 0;
  const match = new RegExp(`^([+-]?)${NUMBER}\\s*(ns|us|µs|μs|ms|s|min)$`).exec(trimmed);
  if (!match) throw new OptionError(where, 'latency', text, 'a number with a unit of time', remedy);
  const value = (match[1] === '-' ? -1 : 1) * Number(match[2]) * (SECONDS[match[3] ?? ''] ?? Number.NaN);
  if (!(value >= 0 && value <= 60)) throw new OptionError(where, 'latency', text, 'between 0 and 60 s', remedy);
  return exact(value);
}

/**
 * Reads a size and returns whole bytes. `MB` is 10⁶, `MiB` is 2²⁰; a plain number is bytes.
 *
 * @throws {@link OptionError} if it is no size, negative, fractional in bytes, or above 2⁵³.
 * @example
 * parseBytes('1GiB'); // => 1073741824
 */
export function parseBytes(text: string | number, where = 'parseBytes'): number {
  const remedy = 'write for instance 512MB, 1GiB or 1048576';
  const trimmed = String(text).trim();
  const match = new RegExp(`^([+-]?)${NUMBER}\\s*(?:([kmgtp])(i?)B?|B|bytes?)?$`, 'i').exec(trimmed);
  // 'Mb' would be megabits, which no memory is sold in: refuse it instead of guessing.
  if (!match || /[kmgtpKMGTP]i?b$/.test(trimmed)) {
    throw new OptionError(where, 'size', text, 'a size in bytes', remedy);
  }
  const [, sign, digits, prefix = '', binary] = match;
  const value = (sign === '-' ? -1 : 1) * Number(digits) * ((binary ? BINARY : DECIMAL)[prefix.toLowerCase()] ?? 1);
  if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) {
    throw new OptionError(where, 'size', text, 'between 0 and 2^53 bytes', remedy);
  }
  const bytes = Math.round(value);
  if (Math.abs(bytes - value) > 1e-6 * Math.max(1, value)) {
    throw new OptionError(where, 'size', text, 'a whole number of bytes', remedy);
  }
  return bytes;
}

/**
 * Writes a size for people, in binary units with three significant digits.
 *
 * @example
 * formatBytes(1536); // => "1.5 KiB"
 */
export function formatBytes(bytes: number): string {
  if (bytes === Number.POSITIVE_INFINITY) return 'unlimited';
  if (!Number.isFinite(bytes)) return String(bytes);
  return withPrefix(bytes, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']);
}

/**
 * Writes a bandwidth in bits per second, as networks are named, so that {@link parseBandwidth} reads it back exactly.
 *
 * @example
 * formatBandwidth(125e6); // => "1Gbps"
 */
export function formatBandwidth(bytesPerS: number): string {
  if (bytesPerS === Number.POSITIVE_INFINITY) return 'unlimited';
  return shortest(bytesPerS * 8, [
    [1e12, 'Tbps'],
    [1e9, 'Gbps'],
    [1e6, 'Mbps'],
    [1e3, 'kbps'],
    [1, 'bps'],
  ]);
}

/**
 * Writes a duration so that {@link parseDuration} reads it back exactly.
 *
 * @example
 * formatDuration(5e-5); // => "50us"
 */
export function formatDuration(seconds: number): string {
  if (seconds === 0) return '0us';
  return shortest(seconds, [
    [1, 's'],
    [1e-3, 'ms'],
    [1e-6, 'us'],
    [1e-9, 'ns'],
  ]);
}

/** Without the last bit's noise: 2 · 1e-6 becomes 2e-6, as people write it. */
function exact(value: number): number {
  return Number(value.toPrecision(15));
}

function withPrefix(value: number, base: number, names: readonly string[]): string {
  let scaled = value;
  let i = 0;
  while (Math.abs(scaled) >= base && i < names.length - 1) {
    scaled /= base;
    i++;
  }
  return `${Number(scaled.toPrecision(Math.abs(scaled) >= 1000 ? 4 : 3))} ${names[i]}`;
}

function shortest(value: number, units: readonly (readonly [number, string])[]): string {
  const [scale, name] = units.find(([s]) => value >= s) ?? units[units.length - 1] ?? [1, ''];
  return `${Number((value / scale).toPrecision(15))}${name}`;
}
