/** Equality of large graphs; `toEqual` on millions of elements takes seconds. */
import { expect } from 'vitest';
import type { CsrGraph } from '../../src/index.js';

/** Fails unless both have the same rows and weights. */
export function expectSameGraph(actual: CsrGraph, expected: CsrGraph): void {
  expect(actual.numVertices).toBe(expected.numVertices);
  for (const name of ['indptr', 'indices', 'weights'] as const) {
    const [a, b] = [actual[name], expected[name]];
    expect(a?.length, name).toBe(b?.length);
    expect(a?.findIndex((value, i) => value !== b![i]) ?? -1, `first difference of ${name}`).toBe(-1);
  }
}
