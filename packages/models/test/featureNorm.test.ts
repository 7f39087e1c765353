import { describe, expect, it } from 'vitest';
import { normaliseFeatures } from '../src/featureNorm.js';
import type { NodeFeatures } from '../src/NodeFeatures.js';

describe('normaliseFeatures', () => {
  const csr = { rows: 3, cols: 4, indptr: Int32Array.of(0, 2, 2, 3), indices: Int32Array.of(0, 2, 1) };

  it('divides each row by the sum of its absolute values; zero and empty rows stay', () => {
    const dense = Float32Array.of(1, -3, 0, 0, 0, 2);
    expect(normaliseFeatures({ kind: 'dense', values: dense }, 2, 'row').values).toEqual(
      Float32Array.of(0.25, -0.75, 0, 0, 0, 1),
    );
    expect(dense[0]).toBe(1);
    const sparse = (values?: Float32Array): NodeFeatures => ({
      kind: 'csr',
      csr: { ...csr, ...(values ? { values } : {}) },
    });
    const scaled = Float32Array.of(0.25, -0.75, 1);
    expect(normaliseFeatures(sparse(Float32Array.of(1, -3, 5)), 4, 'row')).toEqual(sparse(scaled));
    expect(normaliseFeatures(sparse(), 4, 'row')).toEqual(sparse(Float32Array.of(0.5, 0.5, 1)));
  });

  it('returns the very same features for none', () => {
    const features = { kind: 'csr', csr } as const;
    expect(normaliseFeatures(features, 4, 'none')).toBe(features);
  });
});
