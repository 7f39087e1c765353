import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AbortedError, OptionError, ShapeError } from '@strata-ml/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { permuteRows, writePartitionLayout } from '../src/index.js';
import { anyEdges } from './oracles/naive.js';
import { temporaryFolder } from './support/files.js';

const files = temporaryFolder();
const int32 = (path: string) => {
  const bytes = readFileSync(path);
  return new Int32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
};
async function* once(pairs: Int32Array) {
  yield pairs;
}

describe('writePartitionLayout', () => {
  it('goes back to the same edges, features and labels, every edge in its bucket, every part in one piece', async () => {
    const property = fc.asyncProperty(
      anyEdges,
      fc.integer({ min: 1, max: 4 }),
      fc.infiniteStream(fc.nat(3)),
      async ({ n, pairs }, parts, stream) => {
        fc.pre(pairs.length > 0);
        const partOf = Int32Array.from({ length: n }, () => stream.next().value! % parts);
        const folder = files.path('layout');
        const flat = Int32Array.from(pairs.flat());
        const layout = await writePartitionLayout(folder, once(flat), partOf, parts, { bufferEdges: 1 });
        expect(JSON.parse(readFileSync(join(folder, 'layout.json'), 'utf8'))).toEqual(layout);
        const order = int32(join(folder, 'order.i32'));
        const edges = int32(join(folder, 'edges.i32'));
        const found: string[] = [];
        for (let b = 0; b < parts * parts; b++) {
          for (let i = layout.bucketOffsets[b]!; i < layout.bucketOffsets[b + 1]!; i++) {
            const [u, v] = [order[edges[2 * i]!]!, order[edges[2 * i + 1]!]!];
            expect(partOf[u]! * parts + partOf[v]!).toBe(b);
            found.push(`${u}>${v}`);
          }
        }
        expect(found.sort()).toEqual(pairs.map(([u, v]) => `${u}>${v}`).sort());
        for (let p = 0; p < parts; p++) {
          for (let i = layout.vertexOffsets[p]!; i < layout.vertexOffsets[p + 1]!; i++)
            expect(partOf[order[i]!]).toBe(p);
        }
        const features = Float32Array.from({ length: 3 * n }, (_, i) => i);
        const moved = permuteRows(features, 3, order);
        order.forEach((v, i) => {
          expect([...moved.subarray(3 * i, 3 * i + 3)]).toEqual([3 * v, 3 * v + 1, 3 * v + 2]);
        });
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });

  it('refuses folders that exist and parts that do not fit, and leaves nothing when aborted', async () => {
    const edges = () => once(Int32Array.of(0, 1, 1, 2));
    await expect(writePartitionLayout(files.folder, edges(), new Int32Array(3), 1)).rejects.toThrow(OptionError);
    await expect(writePartitionLayout(files.path('l'), edges(), new Int32Array(2), 1)).rejects.toThrow(ShapeError);
    await expect(writePartitionLayout(files.path('l'), edges(), Int32Array.of(0, 1, 0), 1)).rejects.toThrow(
      OptionError,
    );
    const folder = files.path('never');
    const signal = AbortSignal.abort();
    await expect(writePartitionLayout(folder, edges(), new Int32Array(3), 1, { signal })).rejects.toThrow(AbortedError);
    expect(existsSync(folder)).toBe(false);
    expect(() => permuteRows(new Float32Array(5), 2, Int32Array.of(0, 1))).toThrow(ShapeError);
  });
});
