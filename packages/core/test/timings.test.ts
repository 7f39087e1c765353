import { median, summariseTimings } from '@strata-ml/core';
import { describe, expect, it } from 'vitest';

describe('median', () => {
  it('is the middle value, or the mean of the middle two, whatever the order', () => {
    expect(median([9, 1, 3])).toBe(3);
    expect(median([10, 1, 2, 4])).toBe(3);
    expect(median([])).toBe(0);
  });

  it('leaves its argument as it is', () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });
});

describe('summariseTimings', () => {
  it('has median, extremes and count; zeros of none', () => {
    expect(summariseTimings([4, 1, 2, 10])).toEqual({ median: 3, min: 1, max: 10, count: 4 });
    expect(summariseTimings([])).toEqual({ median: 0, min: 0, max: 0, count: 0 });
  });
});
