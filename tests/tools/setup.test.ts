import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { buildFingerprint, hasBuildOutput, installFingerprint } from '../../scripts/lib/fingerprint.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));

const stamp = existsSync(`${root}node_modules/.strata-stamp`)
  ? JSON.parse(readFileSync(`${root}node_modules/.strata-stamp`, 'utf8'))
  : {};
const isUpToDate =
  stamp.install === installFingerprint(root) && stamp.build === buildFingerprint(root) && hasBuildOutput(root);

describe('set-up scripts', () => {
  // Only where it has nothing to do: a test must not install or build into the tree that other tests run from.
  it.skipIf(!isUpToDate)('do nothing, silently, when everything is up to date', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/setup.mjs'], {
      cwd: root,
      encoding: 'utf8',
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  it('refuse an old Node with a version and an address', () => {
    const script = `Object.defineProperty(process.versions, 'node', { value: '18.19.0' });
      import('./scripts/start.mjs');`;
    const { status, stderr } = spawnSync(process.execPath, ['-e', script], { cwd: root, encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toMatch(/Node 20\.19 or newer is needed.*\n.*nodejs\.org/);
  });

  it('hand on the exit code of what they run', async () => {
    const { passThrough } = await import('../../scripts/lib/phase.mjs');
    const options = { cwd: root, env: process.env };
    expect(await passThrough([process.execPath, '-e', 'process.exit(7)'], options)).toBe(7);
    expect(await passThrough([process.execPath, '-e', 'process.kill(process.pid, "SIGKILL")'], options)).toBe(137);
  });

  it('drop settings of the caller that would leave out dev dependencies', async () => {
    const script = `import('./scripts/lib/setup.mjs').then(({ toolEnvironment }) =>
      console.log(JSON.stringify(Object.keys(toolEnvironment()))))`;
    const env = { ...process.env, NODE_ENV: 'production', npm_config_omit: 'dev', npm_config_registry: 'http://x/' };
    const names = JSON.parse(execFileSync(process.execPath, ['-e', script], { cwd: root, env, encoding: 'utf8' }));
    expect(names).not.toContain('NODE_ENV');
    expect(names).not.toContain('npm_config_omit');
    expect(names).toContain('npm_config_registry');
  });
});
