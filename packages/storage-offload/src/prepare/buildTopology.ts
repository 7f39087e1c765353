/** From runs of pairs to the topology and boundary files: one partition in memory at a time. */
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AbortedError, alignedBytes, BlockFile, type StorageDevice } from '@strata-ml/core';
import { type BipartiteShape, bipartiteBytes, bipartiteView } from '../store/BipartiteCsr.js';
import { boundaryBlockBytes } from '../store/boundaryTable.js';
import { storeFiles } from '../store/meta.js';
import { type Boundary, BoundaryFinder, fillBipartite, type MessageDegrees } from './bipartite.js';
import type { EdgeBuckets } from './EdgeBuckets.js';
import { type PartitionRows, rowsOfPairs } from './rowsOfPairs.js';
import type { VertexOrder } from './VertexOrder.js';

/** Sizes of the topology. */
export interface TopologyReport {
  readonly edges: number;
  readonly nonZeros: readonly number[];
  readonly expandedRows: readonly number[];
  readonly alpha: number;
  readonly rho: number;
  readonly cutEdges: number;
}

/** What {@link buildTopology} is told beside the edges. */
export interface TopologyOptions {
  readonly weights: 'gcn' | 'none';
  readonly signal: AbortSignal | undefined;
  readonly onPartition: (phase: 'rows' | 'topology', done: number) => void;
}

/** Writes both files into the device's folder, committed. */
export async function buildTopology(
  device: StorageDevice,
  buckets: EdgeBuckets,
  { offsets, order }: VertexOrder,
  { weights, signal, onPartition }: TopologyOptions,
): Promise<TopologyReport> {
  const parts = offsets.length - 1;
  const vertices = order.length;
  const first = (p: number) => offsets[p]!;
  const rowsOf = (p: number) => offsets[p + 1]! - offsets[p]!;
  const degrees: MessageDegrees = { into: new Int32Array(vertices), out: new Int32Array(vertices) };
  const finder = new BoundaryFinder(vertices, offsets);
  const boundaries: Boundary[] = [];
  const rowsFile = await RowsFile.create(device.folder);
  try {
    for (let p = 0; p < parts; p++) {
      if (signal?.aborted) throw new AbortedError('prepareGraph: aborted');
      const rows = rowsOfPairs(await buckets.read(p), first(p), rowsOf(p));
      boundaries.push(finder.find(p, rows));
      for (let v = 0; v < rowsOf(p); v++) degrees.into[first(p) + v] = rows.rowPointers[v + 1]! - rows.rowPointers[v]!;
      for (const u of rows.sources) degrees.out[u]!++;
      await rowsFile.append(rows);
      onPartition('rows', p + 1);
    }
    const shapes = boundaries.map(({ ids }, p): BipartiteShape => {
      return {
        rows: rowsOf(p),
        columns: rowsOf(p) + ids.length,
        nonZeros: rowsFile.nonZeros[p]!,
        hasWeights: weights === 'gcn',
      };
    });
    writeBoundaries(device, boundaries, offsets);
    await writeTopology(shapes);
    return report(shapes, boundaries, offsets, rowsFile.nonZeros);
  } finally {
    await rowsFile.close();
  }

  async function writeTopology(shapes: readonly BipartiteShape[]): Promise<void> {
    const file = BlockFile.create(device, storeFiles.topology, shapes.map(bipartiteBytes));
    try {
      const columnOf = new Int32Array(vertices);
      const memory = alignedBytes(Math.max(...shapes.map((_, p) => file.paddedBytes(p))));
      for (const [p, shape] of shapes.entries()) {
        if (signal?.aborted) throw new AbortedError('prepareGraph: aborted');
        const bytes = memory.subarray(0, file.paddedBytes(p));
        bytes.fill(0, bipartiteBytes(shape));
        const rows = await rowsFile.read(p, shape.rows);
        fillBipartite(bipartiteView(shape, bytes), rows, first(p), boundaries[p]!.ids, degrees, columnOf);
        await file.write(p, bytes, 'topology').done();
        onPartition('topology', p + 1);
      }
      file.commit();
    } finally {
      file.close();
    }
  }
}

/** Rows with global ids between the two steps: weights need the degrees of all partitions first. */
class RowsFile {
  /** Entries of each partition so far. */
  readonly nonZeros: number[] = [];
  readonly #path: string;
  readonly #file: Awaited<ReturnType<typeof open>>;
  readonly #starts: number[] = [0];

  private constructor(path: string, file: Awaited<ReturnType<typeof open>>) {
    this.#path = path;
    this.#file = file;
  }

  static async create(folder: string): Promise<RowsFile> {
    const path = join(folder, 'rows.tmp');
    return new RowsFile(path, await open(path, 'w+'));
  }

  async append({ rowPointers, sources }: PartitionRows): Promise<void> {
    let at = this.#starts.at(-1)!;
    for (const { buffer, byteOffset, byteLength } of [rowPointers, sources]) {
      const bytes = new Uint8Array(buffer, byteOffset, byteLength);
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.#file.write(bytes, done, Math.min(bytes.length - done, 2 ** 30), at);
        done += bytesWritten;
        at += bytesWritten;
      }
    }
    this.nonZeros.push(sources.length);
    this.#starts.push(at);
  }

  async read(p: number, rows: number): Promise<PartitionRows> {
    const bytes = new Uint8Array(this.#starts[p + 1]! - this.#starts[p]!);
    for (let done = 0; done < bytes.length; ) {
      const length = Math.min(bytes.length - done, 2 ** 30);
      done += (await this.#file.read(bytes, done, length, this.#starts[p]! + done)).bytesRead;
    }
    return {
      rowPointers: new Uint32Array(bytes.buffer, 0, rows + 1),
      sources: new Int32Array(bytes.buffer, 4 * (rows + 1)),
    };
  }

  async close(): Promise<void> {
    await this.#file.close();
    await rm(this.#path, { force: true });
  }
}

function writeBoundaries(device: StorageDevice, boundaries: readonly Boundary[], offsets: Float64Array): void {
  const parts = boundaries.length;
  const sizes = boundaries.map(({ ids }) => boundaryBlockBytes(parts, ids.length));
  const file = BlockFile.create(device, storeFiles.boundary, sizes);
  try {
    const memory = alignedBytes(Math.max(...sizes.map((_, p) => file.paddedBytes(p))));
    for (const [p, { ids, counts }] of boundaries.entries()) {
      const bytes = memory.subarray(0, file.paddedBytes(p)).fill(0);
      const words = new Uint32Array(bytes.buffer, 0, sizes[p]! / 4);
      words.set(counts);
      for (let q = 0, at = 0; q < parts; q++) {
        for (let i = 0; i < counts[q]!; i++, at++) words[parts + at] = ids[at]! - offsets[q]!;
      }
      file.write(p, bytes, 'boundary').wait();
    }
    file.commit();
  } finally {
    file.close();
  }
}

function report(
  shapes: readonly BipartiteShape[],
  boundaries: readonly Boundary[],
  offsets: Float64Array,
  nonZeros: readonly number[],
): TopologyReport {
  const vertices = offsets.at(-1)!;
  const sum = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0);
  const expandedRows = shapes.map(({ columns }) => columns);
  const amplified = boundaries.map(({ counts }, p) =>
    sum(Array.from(counts, (count, q) => (count > 0 || q === p ? offsets[q + 1]! - offsets[q]! : 0))),
  );
  return {
    edges: sum(nonZeros),
    nonZeros,
    expandedRows,
    alpha: sum(expandedRows) / vertices,
    rho: sum(amplified) / vertices,
    cutEdges: sum(boundaries.map(({ edges }) => edges)),
  };
}
