import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadOrt } from '../src/ort/library.js';

const library = { linux: 'libonnxruntime.so.1', darwin: 'libonnxruntime.1.dylib', win32: 'onnxruntime.dll' };
const name = library[process.platform as keyof typeof library] ?? 'libonnxruntime.so.1';
let root = '';

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'strata-native-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** A project with an onnxruntime-node made of the given files. */
async function project(title: string, files: Record<string, string>): Promise<NodeJS.Require> {
  const directory = join(root, title, 'node_modules', 'onnxruntime-node');
  await mkdir(join(directory, 'bin/napi-v6', process.platform, process.arch), { recursive: true });
  for (const [path, text] of Object.entries(files)) await writeFile(join(directory, path), text);
  return createRequire(join(root, title, 'index.js'));
}

/** The reason given where onnxruntime-node is `require`'s and koffi is ours. */
function reasonOf(require: NodeJS.Require, koffi: unknown = createRequire(import.meta.url)('koffi')): string {
  const mixed = Object.assign((id: string) => {
    if (id !== 'koffi') return require(id);
    if (koffi instanceof Error) throw koffi;
    return koffi;
  }, require) as NodeJS.Require;
  const result = loadOrt(mixed);
  expect(result).toHaveProperty('reason');
  return (result as { reason: string }).reason;
}

describe('loadOrt', () => {
  it('says how to bring back a package that npm dropped', () => {
    // Not a real empty project: NODE_PATH, which pnpm sets, would find it all the same.
    const missing = (): never => {
      throw new Error('Cannot find module');
    };
    const reason = reasonOf(Object.assign(missing, { resolve: missing }) as unknown as NodeJS.Require);
    expect(reason).toContain('onnxruntime-node is not installed');
    expect(reason).toContain('`ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node`');
  });

  it('names the platform that has no library', async () => {
    const reason = reasonOf(await project('bare', { 'package.json': '{"version":"9.9.9"}' }));
    expect(reason).toContain('onnxruntime-node 9.9.9 ships no library for');
    expect(reason).toContain(`${process.platform}/${process.arch}`);
  });

  it('reports a broken library', async () => {
    const path = join('bin/napi-v6', process.platform, process.arch, name);
    const files = { 'package.json': '{"version":"1.30.0"}', [path]: 'not a library' };
    const reason = reasonOf(await project('broken', files));
    expect(reason).toContain('onnxruntime-node 1.30.0 does not work on');
    expect(reason).toContain('remove node_modules/onnxruntime-node');
  });

  it('reports a koffi that does not load', () => {
    expect(reasonOf(createRequire(import.meta.url), new Error('no such addon\nstack'))).toContain(
      'koffi, which calls ONNX Runtime, does not load (no such addon)',
    );
  });

  it('reports a library whose API is too old', () => {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
    const old = {
      ...koffi,
      decode: (...args: unknown[]) =>
        args.length === 2 && typeof args[0] === 'bigint' ? (isTable(args[1]) ? [1n, 2n] : () => null) : null,
    };
    expect(reasonOf(createRequire(import.meta.url), old)).toContain('does not offer version 17 of its C API');
  });

  it('finds a working one, here', () => {
    expect(loadOrt()).toHaveProperty('version');
  });
});

it('lets a program without the library go on with another backend, and says why', () => {
  const entry = fileURLToPath(new URL('./entries/withoutLibrary.mjs', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry], { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ available: false, isSet: false, sum: 3, currentBytes: 0 });
  const lines = stderr.split('\n').filter((line) => line.includes('native'));
  expect(lines.join('\n')).toContain('tfjs backend native: onnxruntime-node is not installed');
  expect(stderr).not.toContain('    at ');
});

const isTable = (type: unknown): boolean => JSON.stringify(type)?.includes('[2]') ?? false;
