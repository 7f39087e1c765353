/**
 * Writes src/registry/registry.json from a data folder: for every data set its kind, content, licence, source and the
 * SHA-256 of each file, as stated in the folder's index README.md and in each data set's README.md; every checksum is
 * recomputed from the file and must agree. Run from packages/datasets: node scripts/make-registry.mjs DATA_FOLDER
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const root = process.argv[2];
if (!root) throw new Error('usage: node scripts/make-registry.mjs DATA_FOLDER');

const section = (text, title) => {
  const [, body = ''] = text.split(new RegExp(`^## ${title}\\s*$`, 'm'));
  return body.split(/^## /m)[0].trim();
};
const sha256Of = (data) => createHash('sha256').update(data).digest('hex');
const oneLine = (text) => text.replace(/\s+/g, ' ').trim();

const registry = {};
const rows = readFileSync(join(root, 'README.md'), 'utf8').matchAll(
  /^\| \[`(?<name>[^`]+)`\]\([^)]*\) \| (?<kind>[^|]+) \| (?<content>[^|]+) \| (?<licence>[^|]+) \| [^|]+ \|$/gm,
);
for (const { groups } of rows) {
  const { name, kind, content, licence } = groups;
  const readme = readFileSync(join(root, name, 'README.md'), 'utf8');
  const files = {};
  for (const [, file, bytes, sha256] of readme.matchAll(/^\| `([^`]+)` \| (\d+) \| `([0-9a-f]{64})` \|/gm)) {
    const data = readFileSync(join(root, name, file));
    if (sha256Of(data) !== sha256 || data.length !== Number(bytes))
      throw new Error(`${name}/${file}: README and file differ`);
    // A file that was compressed again has other bytes but the same content.
    const content = file.endsWith('.gz') ? { contentSha256: sha256Of(gunzipSync(data)) } : {};
    files[file] = { bytes: Number(bytes), sha256, ...content };
  }
  if (Object.keys(files).length === 0) throw new Error(`${name}: no file table found`);
  registry[name] = {
    title: readme.match(/^# (.+)$/m)[1].trim(),
    kind: kind.trim(),
    content: content.trim(),
    licence: licence.trim(),
    licenceDetails: oneLine(section(readme, 'Licence')),
    source: oneLine(section(readme, 'Sources?') || readme.split('\n\n')[1]).replaceAll(' by us', ''),
    files,
  };
}
writeFileSync('src/registry/registry.json', `${JSON.stringify(registry, null, 2)}\n`);
console.log(
  `${Object.keys(registry).length} data sets, ${Object.values(registry).reduce((n, d) => n + Object.keys(d.files).length, 0)} files`,
);
