import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const packageDirectory = fileURLToPath(new URL('..', import.meta.url));
let directory = '';

beforeAll(async () => {
  // Inside the package, so that the bundle finds onnxruntime-node and the kernels as the package does.
  const cache = join(packageDirectory, 'node_modules', '.cache');
  await mkdir(cache, { recursive: true });
  directory = await mkdtemp(join(cache, 'conformance-'));
  await build({
    entryPoints: [join(packageDirectory, 'test/conformance/suite.ts')],
    outfile: join(directory, 'suite.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    mainFields: ['module', 'main'],
    ignoreAnnotations: true,
    external: ['@strata-ml/kernels', 'koffi'],
    banner: {
      js: "import { createRequire as nodeCreateRequire } from 'node:module';const require = nodeCreateRequire(import.meta.url);",
    },
    logLevel: 'error',
  });
});

afterAll(() => rm(directory, { recursive: true, force: true }));

/** It ships 4,232; two of them ("Switching cpu backends") exist only where the backend is called `cpu`. */
const SPECS = 4230;

describe("tfjs-core's own suite", () => {
  it('passes on native, every spec', async () => {
    const output = await runJasmine(join(directory, 'suite.mjs'));
    const summary = /(\d+) specs?, (\d+) failures?(?:, (\d+) pending)?/.exec(output);
    expect(summary, output.slice(-4000)).not.toBeNull();
    const [, specs, failures] = summary!.map(Number);
    expect(failures, `${summary![0]}\n${output.slice(0, 8000)}`).toBe(0);
    expect(specs).toBe(SPECS);
  });
});

function runJasmine(file: string): Promise<string> {
  const jasmine = join(packageDirectory, 'node_modules/jasmine/bin/jasmine.js');
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [jasmine, '--random=false', file], { cwd: packageDirectory });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += String(chunk);
    });
    child.stderr.on('data', (chunk) => {
      output += String(chunk);
    });
    child.on('error', reject);
    child.on('close', () => resolve(output));
  });
}
