/** Decimal numbers straight from bytes, to the same double that `Number(text)` gives. */

/** Powers of ten that a double holds exactly: one multiplication by them rounds once, so it is correctly rounded. */
const EXACT_POWERS = Float64Array.from({ length: 23 }, (_, k) => 10 ** k);

/** Where the number read last by {@link parseNumber} ended; −1 if there was none. */
export let numberEnd = 0;

/** True for bytes that end a token: space, tab, newline, carriage return, comma, semicolon. */
export function isSeparator(byte: number): boolean {
  return byte === 32 || byte === 9 || byte === 10 || byte === 13 || byte === 44 || byte === 59;
}

/**
 * Reads the number that starts at `pos` and ends before a separator; `nan`, `inf` and `infinity` count as numbers.
 *
 * Sets {@link numberEnd}. The text must be followed by a separator.
 */
export function parseNumber(bytes: Uint8Array, pos: number): number {
  let at = pos;
  let byte = bytes[at]!;
  const isNegative = byte === 45;
  if (isNegative || byte === 43) byte = bytes[++at]!;
  let mantissa = 0;
  let digits = 0;
  let exponent = 0;
  while (byte >= 48 && byte <= 57) {
    mantissa = mantissa * 10 + (byte - 48);
    digits++;
    byte = bytes[++at]!;
  }
  if (byte === 46) {
    byte = bytes[++at]!;
    while (byte >= 48 && byte <= 57) {
      mantissa = mantissa * 10 + (byte - 48);
      digits++;
      exponent--;
      byte = bytes[++at]!;
    }
  }
  // More digits than a double holds, an exponent, or no number: the slow way.
  if (digits === 0 || digits > 15 || exponent < -22 || !isSeparator(byte)) return parseText(bytes, pos);
  numberEnd = at;
  const value = exponent === 0 ? mantissa : mantissa / EXACT_POWERS[-exponent]!;
  return isNegative ? -value : value;
}

/** The token that starts at `pos`, for messages. */
export function tokenAt(bytes: Uint8Array, pos: number): string {
  let end = pos;
  while (end < bytes.length && !isSeparator(bytes[end]!)) end++;
  return Buffer.from(bytes.subarray(pos, end)).toString('utf8');
}

function parseText(bytes: Uint8Array, pos: number): number {
  const text = tokenAt(bytes, pos);
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) {
    numberEnd = pos + text.length;
    return Number(text);
  }
  const word = /^([+-]?)(nan|inf|infinity)$/i.exec(text);
  numberEnd = word ? pos + text.length : -1;
  if (!word || word[2]!.toLowerCase() === 'nan') return Number.NaN;
  return word[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}
