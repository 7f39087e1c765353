import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { strata } from './run.js';

const root = mkdtempSync(join(tmpdir(), 'strata-offload-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const folder = join(root, 'karate');

interface Result {
  readonly metrics: Record<string, unknown> & {
    readonly parts: number;
    readonly host: { readonly minimumBytes: number };
    readonly epoch: { readonly counters: { readonly bytesRead: number } } | null;
    readonly policies: readonly { readonly policy: string }[];
  };
}
const metricsOf = (stdout: string) => (JSON.parse(stdout) as Result).metrics;

describe('strata offload', () => {
  it('prepares a graph, looks at it, verifies it and plans on it', async () => {
    const features = ['--features', 'random:20', '--seed', '3'];
    const prepared = await strata(['offload', 'prepare', folder, '--data', 'karate', '--parts', '3', ...features]);
    expect(prepared.stderr).not.toContain('strata:');
    expect(prepared.stdout).toMatch(/vertices +34 +20 features, 2 classes/);
    expect(prepared.stdout).toMatch(/partitions +3 +switching/);

    const [inspected, verified, planned, again] = await Promise.all([
      strata(['offload', 'inspect', folder, '--json', '-']),
      strata(['offload', 'verify', folder]),
      strata(['offload', 'plan', folder, '--hidden', '8', '--no-calibrate', '--compare', '--json', '-']),
      strata(['offload', 'prepare', folder, '--data', 'karate', '--parts', '4', ...features]),
    ]);
    expect(metricsOf(inspected.stdout)).toMatchObject({ vertices: 34, parts: 3, featureWidth: 20, edges: 2 * 78 + 34 });
    expect(verified.stdout).toContain('in order: 3 partitions, 190 edges');
    const plan = metricsOf(planned.stdout);
    // One GiB is enough for all of it: nothing is read after the first epoch.
    expect(plan).toMatchObject({ fits: true, mode: 'resident' });
    expect(plan.epoch?.counters.bytesRead).toBe(0);
    expect(plan.policies.map(({ policy }) => policy)).toEqual(['belady', 'lru', 'frequency', 'none']);
    expect(again.code).toBe(2);
    expect(again.stderr).toContain('other data or with other options (3 parts by switching)');
  });

  it('finds the number of parts for a budget, and says what a budget that is too small lacks', async () => {
    const target = join(root, 'auto');
    const flags = ['--data', 'karate', '--features', 'random:64', '--hidden', '16'];
    const [fine, none, streamed, unprepared] = await Promise.all([
      strata(['offload', 'prepare', target, ...flags, '--device-memory', '40kB', '--json', '-']),
      strata(['offload', 'prepare', join(root, 'none'), ...flags, '--device-memory', '1kB']),
      strata(['offload', 'prepare', join(root, 'none'), '--data', join(root, 'missing.i32'), '--parts', '2']),
      strata(['offload', 'plan', join(root, 'none')]),
    ]);
    expect(fine.code).toBe(0);
    expect(metricsOf(fine.stdout).parts).toBeGreaterThan(1);
    expect(none.code).toBe(2);
    expect(none.stderr).toMatch(/budgets must be at least .* and .* \(\d+ parts\)/);
    expect(streamed.code).toBe(2);
    expect(streamed.stderr).toContain('missing.i32');
    expect(unprepared.code).toBe(2);
    expect(unprepared.stderr).toContain('prepare the graph first');
    expect(existsSync(join(root, 'none'))).toBe(false);
  });
});
