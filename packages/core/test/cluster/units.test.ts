import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatBandwidth,
  formatBytes,
  formatDuration,
  parseBandwidth,
  parseBytes,
  parseDuration,
} from '../../src/cluster/units.js';
import { OptionError } from '../../src/errors.js';

describe('units', () => {
  it.each([
    ['100Gbps', 12.5e9],
    ['10 Gb/s', 1.25e9],
    ['1Gbit/s', 125e6],
    ['800MB/s', 800e6],
    ['10GiB/s', 10 * 2 ** 30],
    ['1Gib/s', 2 ** 27],
    ['125MBps', 125e6],
    ['5kbps', 625],
    ['0.5TB/s', 0.5e12],
    ['1e3 B/s', 1000],
    ['unlimited', Infinity],
    [Infinity, Infinity],
  ])('reads bandwidth %s, bits and bytes told apart', (text, bytesPerS) => {
    expect(parseBandwidth(text)).toBe(bytesPerS);
  });

  it.each(['10', 10, '', 'fast', '10Gb', '-1Gbps', '0Gbps', 'NaN', '1e30GB/s', '1bps', '10 Xbps', '1Gbps/s'])(
    'refuses bandwidth %s with a remedy',
    (text) => {
      expect(() => parseBandwidth(text)).toThrow(OptionError);
      expect(() => parseBandwidth(text)).toThrow(/; write /);
    },
  );

  it.each([
    ['2us', 2e-6],
    ['50 ms', 0.05],
    ['1.5µs', 1.5e-6],
    ['3s', 3],
    ['0', 0],
    [0, 0],
    ['250ns', 250e-9],
  ])('reads duration %s', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  it.each(['2', 'us', '-1ms', '2 hours', '61s', 'NaNs'])('refuses duration %s', (text) => {
    expect(() => parseDuration(text)).toThrow(OptionError);
  });

  it.each([
    ['512MB', 512e6],
    ['1GiB', 2 ** 30],
    ['1.5kB', 1500],
    ['64k', 64_000],
    ['4Ki', 4096],
    [1048576, 1048576],
    ['12 bytes', 12],
  ])('reads size %s', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  it.each(['512Mb', '-1MB', '0.5', 'many', '1e20', ''])('refuses size %s', (text) => {
    expect(() => parseBytes(text)).toThrow(OptionError);
  });

  it('writes what it reads back exactly', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 ** 12 }), (n) => {
        expect(parseBandwidth(formatBandwidth(n))).toBe(n);
      }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 ** 9 }), (ns) => {
        const seconds = Number(`${ns}e-9`);
        expect(parseDuration(formatDuration(seconds))).toBeCloseTo(seconds, 12);
      }),
    );
  });

  it('writes sizes in binary units with three digits', () => {
    expect([0, 1023, 1536, 2 ** 30, 5.5 * 2 ** 40, Infinity].map(formatBytes)).toEqual([
      '0 B',
      '1023 B',
      '1.5 KiB',
      '1 GiB',
      '5.5 TiB',
      'unlimited',
    ]);
  });
});
