import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numberEnd, parseNumber, tokenAt } from '../src/io/parseNumber.js';

const read = (text: string) => parseNumber(Buffer.from(`x ${text}\t9\n`), 2);

describe('parseNumber', () => {
  it('gives the double that Number(text) gives, to the last bit, and stops at the separator', () => {
    const digits = fc.stringMatching(/^[+-]?(\d{1,20}\.?\d{0,24}|\.\d{1,24})([eE][+-]?\d{1,2})?$/);
    const written = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }).map(String), digits);
    const property = fc.property(written, (text) => {
      expect(Object.is(read(text), Number(text))).toBe(true);
      expect(numberEnd).toBe(2 + text.length);
    });
    fc.assert(property, { numRuns: 2000, examples: [['9007199254740993'], ['0.1234567890123456789'], ['-0']] });
  });

  it('takes nan and infinities in any case, and nothing else', () => {
    expect([read('inf'), read('-Infinity'), read('+INF')]).toEqual([Infinity, -Infinity, Infinity]);
    expect(read('NaN')).toBeNaN();
    expect(numberEnd).toBe(5);
    for (const text of ['', '-', '.', '1e', '0x10', '1_000', '1.2.3', 'e5', '--1', '1e5x', 'infinit']) {
      expect(read(text)).toBeNaN();
      expect(numberEnd).toBe(-1);
    }
    expect(tokenAt(Buffer.from('ab,c'), 0)).toBe('ab');
  });
});
