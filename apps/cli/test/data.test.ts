import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dataRoot, hasData, problemOf, strata } from './run.js';

const json = async (args: readonly string[], env = {}) =>
  JSON.parse((await strata([...args, '--json', '-'], { env })).stdout);

describe('data', () => {
  it('lists data sets, the built-in one always here', async () => {
    const { metrics } = await json(['data', 'list']);
    expect(metrics.datasets[0]).toMatchObject({ name: 'karate', location: 'built in' });
    expect((await json(['data', 'list', '--all'])).metrics.datasets.length).toBeGreaterThan(metrics.datasets.length);
  });

  it('says what is known about a data set that is not here', async () => {
    const { stdout } = await strata(['data', 'info', 'cora'], { env: { STRATA_DATA: '/nonexistent' }, cwd: tmpdir() });
    expect(stdout).toMatch(/licence/);
    expect(stdout).toContain('strata data fetch cora');
  });

  it('suggests a name for a misspelt one', async () => {
    const outcome = await strata(['data', 'info', 'corra']);
    expect(outcome.code).toBe(2);
    expect(problemOf(outcome).remedy).toContain('did you mean cora?');
  });

  it('keeps quiet when the reader of its output goes away', async () => {
    const outcome = await strata(['data', 'list', '--all'], { onOutput: (_, child) => child.stdout?.destroy() });
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
  });

  describe.skipIf(!hasData('cora'))('verify', () => {
    let root: string;
    beforeAll(() => {
      root = mkdtempSync(join(tmpdir(), 'strata-cli-data-'));
      cpSync(join(dataRoot, 'cora'), join(root, 'cora'), { recursive: true });
    });
    afterAll(() => rmSync(root, { recursive: true, force: true }));

    it('accepts what is as registered', async () => {
      const { status, metrics } = await json(['data', 'verify', 'cora']);
      expect([status, metrics.isOk]).toEqual(['ok', true]);
    });

    it('names the file that differs, and leaves no result', async () => {
      writeFileSync(join(root, 'cora', 'labels.i32.gz'), 'damaged', { mode: 0o644 });
      const outcome = await strata(['data', 'verify', 'cora', '--json', '-'], { env: { STRATA_DATA: root } });
      expect(outcome).toMatchObject({ code: 2, stdout: '' });
      expect(problemOf(outcome).cause).toContain('cora/labels.i32.gz');
    });
  });
});
