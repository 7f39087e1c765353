import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../../scripts/lib/setup.mjs';
import { firstExample } from '../docs/extract.js';
import { ConsumerProject, isRegistryReachable, packAll, publicPackages } from './project.js';

const packages = publicPackages();
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const canRequireEsm = major > 20 || (major === 20 && minor >= 19);
// Offline the tests skip by name; in CI a registry that does not answer is a failure.
const canInstall = Boolean(process.env.CI) || (await isRegistryReachable());
const setupTimeoutMs = 240_000;

/** Loads a package by `require` and prints what is there; the process must end by itself. */
const requires = (name: string) => `
  const { createRequire } = require('node:module');
  const loaded = createRequire(__filename)(${JSON.stringify(name)});
  console.log(JSON.stringify(Object.keys(loaded)));
`;

describe.skipIf(!canInstall)('the packed packages, installed by npm outside the workspace', () => {
  let tarballs: Map<string, string>;
  let packed: string;
  let project: ConsumerProject;

  beforeAll(async () => {
    packed = mkdtempSync(join(tmpdir(), 'strata-packed-'));
    tarballs = await packAll(packed);
    project = await ConsumerProject.create(tarballs);
  }, setupTimeoutMs);

  afterAll(() => {
    project?.dispose();
    rmSync(packed, { recursive: true, force: true });
  });

  it('hold no sources, tests or paths of the machine that packed them', () => {
    for (const { name } of packages) {
      const files = readdirSync(join(project.folder, 'node_modules', name), { recursive: true }).map(String);
      expect(files).toContain('package.json');
      expect(files).toContain('README.md');
      expect(files.filter((file) => /^(src|test)\b|\.tsbuildinfo$/.test(file))).toEqual([]);
    }
  });

  it('share one copy of tfjs', async () => {
    const copies = await project.run('npm', ['ls', '@tensorflow/tfjs-core', '--all', '--parseable']);
    expect(new Set(copies.split('\n').filter((line) => line.endsWith('tfjs-core'))).size).toBe(1);
  });

  for (const { name, folder } of packages) {
    it(`${name} runs the first example of its README, by import`, async () => {
      const readme = join(root, folder, 'README.md');
      const code = existsSync(readme) ? firstExample(readme) : undefined;
      expect(code, `${folder}/README.md must have a js or ts example`).toBeDefined();
      expect(await project.runModule(`${name.replace(/\W+/g, '-')}.mjs`, code ?? '')).not.toBe('');
    }, 120_000);

    it.skipIf(!canRequireEsm)(`${name} loads by require, with the exports that import sees`, async () => {
      const file = name.replace(/\W+/g, '-');
      const required = JSON.parse(await project.runModule(`${file}.cjs`, requires(name)));
      const imported = JSON.parse(
        await project.runModule(
          `${file}.names.mjs`,
          `console.log(JSON.stringify(Object.keys(await import('${name}'))))`,
        ),
      );
      const names = (list: string[]) => list.filter((n) => n !== '__esModule' && n !== 'module.exports').sort();
      expect(names(required)).toEqual(names(imported));
    });
  }

  it('have a `strata` command that says what runs', async () => {
    const result = JSON.parse(await project.run('npx', ['strata', 'doctor', '--json', '-']));
    expect(result).toMatchObject({ schema: 1, command: 'doctor', status: 'ok', metrics: { selected: 'native' } });
  });

  it('train over worker threads', async () => {
    const args = ['strata', 'gnn', 'train', '--data', 'karate', '--epochs', '3', '--cluster', '1x2', '--json', '-'];
    const result = JSON.parse(await project.run('npx', args));
    expect(result).toMatchObject({ status: 'ok', environment: { engine: 'native' } });
    expect(result.timeline.epochs).toHaveLength(3);
  });

  describe('without optional dependencies', () => {
    let small: ConsumerProject;

    beforeAll(async () => {
      small = await ConsumerProject.create(tarballs, ['--omit=optional']);
    }, setupTimeoutMs);

    afterAll(() => small?.dispose());

    it('say why the native engine is not there, and compute on wasm', async () => {
      expect(existsSync(join(small.folder, 'node_modules', 'onnxruntime-node'))).toBe(false);
      const { metrics } = JSON.parse(await small.run('npx', ['strata', 'doctor', '--json', '-']));
      expect(metrics.selected).toBe('wasm');
      const native = metrics.engines.find((engine: { name: string }) => engine.name === 'native');
      expect(native.available).toBe(false);
      expect(native.reason).toMatch(/onnxruntime-node/);
    });

    it('train there too', async () => {
      const args = ['strata', 'gnn', 'train', '--data', 'karate', '--epochs', '3', '--json', '-'];
      expect(JSON.parse(await small.run('npx', args))).toMatchObject({ status: 'ok', environment: { engine: 'wasm' } });
    });
  });
});
