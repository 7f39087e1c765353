/**
 * `pnpm test:engines [ENGINE…]`: runs the numeric suites with each engine in place of the fastest one, and with each build
 * of the SIMD kernels that this Node has. Prints one line per combination; fails if one did. `tensorflow` has a script of
 * its own. Arguments that begin with a dash go to `vitest run`.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireNode } from './lib/node.mjs';

requireNode();
const { passThrough } = await import('./lib/phase.mjs');
const { root, toolEnvironment } = await import('./lib/setup.mjs');

const ENGINES = ['native', 'wasm', 'cpu'];
/**
 * Losses, gradients and bytes on whatever engine `auto` gives. The tests of the packages below these go through all
 * engines by themselves.
 */
const PROJECTS = ['gnn-dist', 'comm-compress', 'storage-offload'];
const SUITES = PROJECTS.flatMap((name) => ['--project', name]).concat('exactness', 'bytes', 'equality');

const args = process.argv.slice(2);
const asked = args.filter((arg) => !arg.startsWith('-'));
const unknown = asked.find((name) => !ENGINES.includes(name));
if (unknown !== undefined) {
  process.stderr.write(`strata: test:engines knows ${ENGINES.join(', ')}, got ${unknown}\n`);
  process.exit(1);
}

const { kernelVariant } = await import(new URL('../packages/kernels/dist/index.js', import.meta.url));
const builds = kernelVariant() === 'simd' ? ['simd'] : ['simd', 'relaxed-simd'];
const reports = mkdtempSync(join(tmpdir(), 'strata-engines-'));
const lines = [];
let exitCode = 0;
try {
  for (const engine of asked.length > 0 ? asked : ENGINES) {
    for (const kernels of builds) {
      const file = join(reports, `${engine}-${kernels}.json`);
      const started = performance.now();
      const code = await passThrough(
        [process.execPath, 'node_modules/vitest/vitest.mjs', 'run', '--reporter=default', '--reporter=json']
          .concat(`--outputFile.json=${file}`)
          .concat(SUITES)
          .concat(args.filter((arg) => arg.startsWith('-'))),
        { cwd: root, env: { ...toolEnvironment(), STRATA_ENGINE: engine, STRATA_KERNELS: kernels } },
      );
      exitCode ||= code;
      const seconds = ((performance.now() - started) / 1000).toFixed(0);
      lines.push(`${engine}, ${kernels}: ${countsOf(file)}, ${seconds} s`);
    }
  }
} finally {
  rmSync(reports, { recursive: true, force: true });
}
process.stdout.write(`\nNode ${process.version}\n${lines.join('\n')}\n`);
process.exitCode = exitCode;

/** `120 passed, 0 failed, 3 skipped`, from vitest's report. */
function countsOf(file) {
  try {
    const r = JSON.parse(readFileSync(file, 'utf8'));
    return `${r.numPassedTests} passed, ${r.numFailedTests} failed, ${r.numPendingTests + (r.numTodoTests ?? 0)} skipped`;
  } catch {
    return 'no report: the runner broke down';
  }
}
