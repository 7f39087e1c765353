/** `pnpm tensorflow:build` and `pnpm test:tensorflow` on machines that lack something: one line that says what to do. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'strata-tensorflow-tools-'));
const isLinuxX64 = process.platform === 'linux' && process.arch === 'x64';

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Runs a script of scripts/tensorflow; `path` holds what the machine has. */
function script(name: string, env: NodeJS.ProcessEnv, ...args: string[]) {
  return spawnSync(process.execPath, [join(root, 'scripts/tensorflow', name), ...args], { env, encoding: 'utf8' });
}

/** A folder for PATH in which these programs are. */
function pathWith(name: string, ...programs: string[]): string {
  const folder = join(scratch, name);
  mkdirSync(folder);
  for (const program of programs) writeFileSync(join(folder, program), '#!/bin/sh\n', { mode: 0o755 });
  return folder;
}

describe.skipIf(!isLinuxX64)('tensorflow:build', () => {
  it('without a compiler, or Python, says which package is missing', () => {
    const folder = join(scratch, 'build');
    const { status, stderr } = script('build.mjs', { STRATA_TFJS_NODE: folder, PATH: pathWith('empty') });
    expect([status, stderr]).toEqual([1, 'strata: g++ is not installed; apt-get install g++\n']);
    const second = script('build.mjs', { STRATA_TFJS_NODE: folder, PATH: pathWith('compiler', 'g++') });
    expect([second.status, second.stderr]).toEqual([1, 'strata: python3 is not installed; apt-get install python3\n']);
  });
});

describe('test:tensorflow', () => {
  it('without a build, or for an unknown suite, says what to do', () => {
    const env = { ...process.env, STRATA_TFJS_NODE: scratch };
    const unbuilt = script('test.mjs', env);
    expect([unbuilt.status, unbuilt.stderr]).toEqual([
      1,
      `strata: the tensorflow engine is not built in ${scratch}; run pnpm tensorflow:build\n`,
    ]);
    expect(script('test.mjs', env, 'all').stderr).toMatch(/there is no suite all; one of core, models/);
  });
});
