import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const LIBRARIES = { linux: 'libonnxruntime.so.1', darwin: 'libonnxruntime.1.dylib', win32: 'onnxruntime.dll' };
const library = LIBRARIES[process.platform as keyof typeof LIBRARIES] ?? 'libonnxruntime.so.1';
let root = '';

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'strata-fallback-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** An onnxruntime-node with libraries for one platform. */
function onnxRuntime(name: string, platform: string, content: string): string {
  const folder = join(root, name);
  mkdirSync(join(folder, 'bin/napi-v6', platform, process.arch), { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'onnxruntime-node', version: '1.30.0' }));
  writeFileSync(join(folder, 'bin/napi-v6', platform, process.arch, library), content);
  return folder;
}

const cases = [
  ['onnxruntime-node was removed', () => [], /onnxruntime-node is not installed.*npm install onnxruntime-node/],
  [
    'it ships nothing for this platform',
    () => [onnxRuntime('elsewhere', 'plan9', 'for another system')],
    /onnxruntime-node 1\.30\.0 ships no library for \w+\/\w+/,
  ],
  [
    'its library is broken',
    () => [onnxRuntime('broken', process.platform, 'not a library')],
    /onnxruntime-node 1\.30\.0 does not work on \w+\/\w+ \(.*remove node_modules\/onnxruntime-node and run/,
  ],
] as const;

describe('without the native engine', () => {
  it.each(cases)('computes on wasm and says in one line why: %s', (_, args, why) => {
    const entry = fileURLToPath(new URL('../entries/fallback.mjs', import.meta.url));
    const { STRATA_ENGINE, STRATA_TFJS_NODE, ...env } = process.env;
    const { status, stdout, stderr } = spawnSync(process.execPath, [entry, ...args()], { encoding: 'utf8', env });
    expect(status, stderr).toBe(0);
    const { name, reason, refused, product } = JSON.parse(stdout);
    expect(name).toBe('wasm');
    expect(product).toBe(11);
    expect(reason).toMatch(why);
    expect(reason).not.toContain('\n');
    expect(refused.code).toBe('ERR_STRATA_ENGINE_UNAVAILABLE');
    expect(refused.message).toMatch(why);
    expect(stderr).toBe('');
  });
});
