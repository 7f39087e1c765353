import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildFingerprint, hasBuildOutput, installFingerprint } from '../../scripts/lib/fingerprint.mjs';

let root: string;

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'strata-fingerprint-'));
  write('pnpm-lock.yaml', 'lock');
  write('packages/a/package.json', '{ "scripts": { "build": "tsup" } }');
  write('packages/a/src/index.ts', 'export const a = 1;');
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('fingerprints of the set-up', () => {
  it('stay the same while nothing changes, and ignore tests, outputs and notes', () => {
    const before = [installFingerprint(root), buildFingerprint(root)];
    write('packages/a/dist/index.js', 'built');
    write('packages/a/test/a.test.ts', 'test');
    write('README.md', 'text');
    expect([installFingerprint(root), buildFingerprint(root)]).toEqual(before);
  });

  it.each([
    ['a changed source', 'packages/a/src/index.ts', 'export const a = 2;'],
    ['a new source', 'packages/a/src/b.ts', ''],
    ['a build setting', 'packages/a/tsup.config.ts', 'config'],
    ['the shared build', 'tsup.base.ts', 'base'],
    ['a new package', 'packages/b/package.json', '{}'],
    ['the binary of a command', 'apps/cli/bin/strata.js', ''],
  ])('asks for a new build after %s', (_, path, text) => {
    if (path.startsWith('apps/')) write('apps/cli/package.json', '{}');
    const before = buildFingerprint(root);
    write(path, text);
    expect(buildFingerprint(root)).not.toBe(before);
  });

  it('sees text that moves from the end of one file to the start of the next', () => {
    write('packages/a/src/x.ts', 'ab');
    write('packages/a/src/y.ts', 'c');
    const before = buildFingerprint(root);
    write('packages/a/src/x.ts', 'a');
    write('packages/a/src/y.ts', 'bc');
    expect(buildFingerprint(root)).not.toBe(before);
  });

  it('asks for a new install when the lock file changes, not when a source does', () => {
    const before = installFingerprint(root);
    write('packages/a/src/index.ts', '');
    expect(installFingerprint(root)).toBe(before);
    write('pnpm-lock.yaml', 'other');
    expect(installFingerprint(root)).not.toBe(before);
  });

  it('notices a deleted dist folder', () => {
    expect(hasBuildOutput(root)).toBe(false);
    write('packages/a/dist/index.js', '');
    expect(hasBuildOutput(root)).toBe(true);
  });
});
