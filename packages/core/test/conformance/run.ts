/** Bundles tfjs-core's own suite and runs it on an engine, in a process of its own. */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const packageDirectory = fileURLToPath(new URL('../..', import.meta.url));
const require = createRequire(import.meta.url);

/** tfjs-core ships 4,232; two of them ("Switching cpu backends") exist only where the backend is called `cpu`. */
export const SPECS = 4230;

/** What came out; a spec is named `<suite> <engine> {} <spec>`. */
export interface Outcome {
  readonly counts: { readonly passed: number; readonly failed: number; readonly pending: number };
  readonly failures: readonly { readonly spec: string; readonly messages: readonly string[] }[];
}

/** Runs all specs on an engine. */
export async function runTfjsSuite(engine: 'wasm' | 'tensorflow'): Promise<Outcome> {
  // Inside the package, so that the bundle finds tfjs-wasm's binaries as the package does.
  const cache = join(packageDirectory, 'node_modules', '.cache');
  await mkdir(cache, { recursive: true });
  const directory = await mkdtemp(join(cache, 'conformance-'));
  try {
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
    return await runJasmine(join(directory, 'suite.mjs'), engine);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function runJasmine(file: string, engine: string): Promise<Outcome> {
  const jasmine = join(dirname(require.resolve('jasmine')), '../bin/jasmine.js');
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [jasmine, '--random=false', file], {
      cwd: packageDirectory,
      env: { ...process.env, STRATA_CONFORMANCE_BACKEND: engine },
    });
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
