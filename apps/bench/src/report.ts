/** Program: writes the tables of `results/*.json` into the READMEs that have markers for them, and the pictures beside the results. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { linksPlot } from './harness/linksPlot.js';
import { fillMarkers, parseResult } from './harness/readme.js';
import { markdownTable } from './harness/table.js';

// From dist/report.js.
const root = fileURLToPath(new URL('../../../', import.meta.url));
const results = fileURLToPath(new URL('../results/', import.meta.url));

const tables = new Map<string, string>();
for (const file of existsSync(results) ? readdirSync(results).sort() : []) {
  if (!file.endsWith('.json')) continue;
  const result = parseResult(readFileSync(join(results, file), 'utf8'));
  tables.set(result.suite, markdownTable(result));
  if (result.suite === 'links') {
    for (const data of new Set(result.rows.map(({ params }) => String(params.data)))) {
      writeFileSync(join(results, `links-${data}.svg`), linksPlot(result, data));
    }
  }
}

const packages = readdirSync(join(root, 'packages')).map((name) => join(root, 'packages', name, 'README.md'));
const documents = ['README.md', 'docs/engines.md', 'apps/bench/README.md'].map((path) => join(root, path));
for (const path of [...documents, ...packages]) {
  if (!existsSync(path)) continue;
  const before = readFileSync(path, 'utf8');
  const after = fillMarkers(before, tables);
  if (after === before) continue;
  writeFileSync(path, after);
  console.log(`wrote ${relative(root, path)}`);
}
