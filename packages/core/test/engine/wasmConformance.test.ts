import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const packageDirectory = fileURLToPath(new URL('../..', import.meta.url));
const require = createRequire(import.meta.url);
let directory = '';

beforeAll(async () => {
  // Inside the package, so that the bundle finds tfjs-wasm's binaries as the package does.
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
    external: ['@strata-ml/kernels'],
    banner: {
      // What tfjs-wasm's CommonJS parts expect.
      js:
        "import { createRequire as nodeCreateRequire } from 'node:module';" +
        "const require = nodeCreateRequire(import.meta.url); const __dirname = '.'; const __filename = 'suite.mjs';",
    },
    logLevel: 'error',
  });
});

afterAll(() => rm(directory, { recursive: true, force: true }));

/** tfjs-core ships 4,232; two of them ("Switching cpu backends") exist only where the backend is called `cpu`. */
const SPECS = 4230;

interface Outcome {
  readonly counts: { readonly passed: number; readonly failed: number; readonly pending: number };
  readonly failures: readonly { readonly spec: string; readonly messages: readonly string[] }[];
}

describe("tfjs-core's own suite", () => {
  it('passes on wasm, every spec', async () => {
    const { counts, failures } = await runJasmine(join(directory, 'suite.mjs'));
    expect(failures.slice(0, 20), `${failures.length} failures; ${JSON.stringify(counts)}`).toEqual([]);
    expect(counts.passed + counts.failed + counts.pending, JSON.stringify(counts)).toBe(SPECS);
  }, 180_000);
});

function runJasmine(file: string): Promise<Outcome> {
  const jasmine = join(dirname(require.resolve('jasmine')), '../bin/jasmine.js');
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
    child.on('close', () => {
      const line = /^CONFORMANCE (.*)$/m.exec(output)?.[1];
      if (line) resolve(JSON.parse(line) as Outcome);
      else reject(new Error(`no outcome: ${output.slice(-4000)}`));
    });
  });
}
