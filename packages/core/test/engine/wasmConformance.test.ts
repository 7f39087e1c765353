import { describe, expect, it } from 'vitest';
import { runTfjsSuite, SPECS } from '../conformance/run.js';

describe("tfjs-core's own suite", () => {
  it('passes on wasm, every spec', async () => {
    const { counts, failures } = await runTfjsSuite('wasm');
    expect(failures.slice(0, 20), `${failures.length} failures; ${JSON.stringify(counts)}`).toEqual([]);
    expect(counts.passed + counts.failed + counts.pending, JSON.stringify(counts)).toBe(SPECS);
  }, 180_000);
});
