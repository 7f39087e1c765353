/** Where the real data sets are on this machine, if they are; and small made-up ones in the same layout. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll } from 'vitest';

const repository = new URL('../../../../', import.meta.url).pathname;
export const realData = process.env.STRATA_DATA ?? join(repository, '..', 'shared', 'data');
export const hasRealData = existsSync(join(realData, 'cora', 'meta.json'));

export const scratch = mkdtempSync(join(tmpdir(), 'strata-datasets-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

type Content = Int32Array | Float32Array | Uint8Array | string | object;
let made = 0;

/** A square 0-1-2-3 with a diagonal 0-2: five edges, four vertices, three features, two classes. */
const small = {
  'meta.json': { num_nodes: 4, num_edges: 5, num_classes: 2, num_features: 3, title: 'square' } as Content,
  'edges.i32.gz': Int32Array.of(0, 1, 0, 2, 0, 3, 1, 2, 2, 3) as Content,
  'labels.i32.gz': Int32Array.of(0, 1, -1, 0) as Content,
  'feat.indptr.i32.gz': Int32Array.of(0, 2, 2, 3, 4) as Content,
  'feat.indices.i32.gz': Int32Array.of(0, 2, 1, 0) as Content,
  'split.json': { description: 'by hand', train: [0], val: [3], test: [1] } as Content,
};

/** Writes a folder in the common layout: `small` with changes; `undefined` leaves a file out. Strings are raw bytes. */
export function writeFolder(
  changes: Record<string, Content | undefined> = {},
  root = scratch,
  name = `d${++made}`,
): string {
  const folder = join(root, name);
  mkdirSync(folder, { recursive: true });
  for (const [file, content] of Object.entries({ ...small, ...changes })) {
    if (content === undefined) continue;
    if (typeof content === 'string') writeFileSync(join(folder, file), content, 'latin1');
    else if (!ArrayBuffer.isView(content)) writeFileSync(join(folder, file), JSON.stringify(content));
    else
      writeFileSync(
        join(folder, file),
        gzipSync(new Uint8Array(content.buffer, content.byteOffset, content.byteLength)),
      );
  }
  return folder;
}
