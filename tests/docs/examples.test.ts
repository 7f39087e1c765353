import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Example, examplesOfMarkdown, examplesOfSources } from './extract.js';
import { instrument, type NameSource } from './instrument.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const checker = new URL('./check.mjs', import.meta.url).href;
const runner = fileURLToPath(new URL('./runExamples.mjs', import.meta.url));
const batchTimeoutMs = 120_000;

interface Group {
  readonly title: string;
  /** Folder in whose scope the examples run: they see its package by name, and its dependencies. */
  readonly folder: string;
  readonly examples: readonly Example[];
}

const packages = readdirSync(join(root, 'packages'))
  .map((name) => `packages/${name}`)
  .filter((folder) => existsSync(join(root, folder, 'package.json')) && !manifestOf(folder).private);

const guides = ['README.md', 'CONTRIBUTING.md', 'docs/cli.md', 'apps/cli/README.md'].filter((f) =>
  existsSync(join(root, f)),
);
const groups: Group[] = [
  // The command depends on nearly every package, so a guide's imports resolve from there.
  { title: 'guides', folder: 'apps/cli', examples: guides.flatMap((file) => examplesOfMarkdown(root, file)) },
  ...packages.map((folder) => ({
    title: folder,
    folder,
    examples: [
      ...(existsSync(join(root, folder, 'README.md')) ? examplesOfMarkdown(root, `${folder}/README.md`) : []),
      ...(existsSync(join(root, folder, 'src')) ? examplesOfSources(root, `${folder}/src`) : []),
    ],
  })),
];

for (const group of groups.filter(({ examples }) => examples.length > 0)) {
  describe(`examples of ${group.title}`, () => {
    const output = join(root, group.folder, '.strata', 'docs');
    let results: Map<string, string | null>;

    beforeAll(async () => {
      rmSync(output, { recursive: true, force: true });
      mkdirSync(output, { recursive: true });
      const sources = nameSources(group.folder);
      const urls = group.examples.map(({ code }, i) => {
        const path = join(output, `example${i}.mjs`);
        writeFileSync(path, instrument(code, checker, sources));
        return pathToFileURL(path).href;
      });
      results = await runAll(urls);
    }, batchTimeoutMs + 30_000);

    afterAll(() => rmSync(join(root, group.folder, '.strata'), { recursive: true, force: true }));

    for (const [i, { where }] of group.examples.entries()) {
      it(`runs as it says: ${where}`, () => {
        const url = pathToFileURL(join(output, `example${i}.mjs`)).href;
        const error = results.has(url) ? results.get(url) : `did not end: ${results.get('end')}`;
        expect(error, where).toBeNull();
      });
    }
  });
}

/** Runs the modules in one child process whose working folder is temporary; what it prints is kept back. */
async function runAll(urls: readonly string[]): Promise<Map<string, string | null>> {
  const cwd = mkdtempSync(join(tmpdir(), 'strata-docs-'));
  const child = spawn(process.execPath, [runner, ...urls], { cwd, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  const deadline = setTimeout(() => child.kill('SIGKILL'), batchTimeoutMs);
  let report = '';
  let printed = '';
  const [, out, err, results] = child.stdio;
  for (const stream of [out, err]) stream?.on('data', (chunk) => (printed = `${printed}${chunk}`.slice(-2000)));
  results?.on('data', (chunk) => {
    report += chunk;
  });
  const end = await new Promise<string>((resolve) => {
    child.once('close', (code, signal) => resolve(`the process ended with ${signal ?? code}\n${printed}`));
  });
  clearTimeout(deadline);
  rmSync(cwd, { recursive: true, force: true });
  const rows: { url: string; error: string | null }[] = report
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  return new Map<string, string | null>([['end', end], ...rows.map(({ url, error }) => [url, error] as const)]);
}

/** Exports of the package itself, then of its dependencies of this workspace, then tfjs as `tf`. */
function nameSources(folder: string): NameSource[] {
  const { name, dependencies = {}, devDependencies = {} } = manifestOf(folder);
  const own = Object.keys({ ...dependencies, ...devDependencies }).filter((d) => d.startsWith('@strata-ml/'));
  const specifiers = [...(folder.startsWith('apps/') ? [] : [name]), ...own.filter((d) => d !== '@strata-ml/testing')];
  // Asked in a process of its own: a package's engine must not start inside the test runner.
  const script = `const names = {};
    for (const s of ${JSON.stringify(specifiers)}) names[s] = Object.keys(await import(s));
    process.stdout.write(JSON.stringify(names), () => process.exit(0));`;
  const output = join(root, folder, '.strata', 'docs', 'names.mjs');
  writeFileSync(output, script);
  const names: Record<string, string[]> = JSON.parse(execFileSync(process.execPath, [output], { encoding: 'utf8' }));
  const sources = specifiers.map((specifier) => ({ specifier, names: new Set(names[specifier]) }));
  return [...sources, { specifier: '@tensorflow/tfjs-core', names: new Set(['tf']) }];
}

function manifestOf(folder: string) {
  return JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
}
