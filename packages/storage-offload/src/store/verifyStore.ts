/** Reads a whole prepared graph and compares it with its checksums and with what it says of itself. */
import { AbortedError, alignedBytes, DataError } from '@strata-ml/core';
import type { BipartiteCsr, CompressedRows } from './BipartiteCsr.js';
import type { GraphStore } from './GraphStore.js';

/** Outcome of {@link verifyGraphStore}; a store that is not in order throws instead. */
export interface StoreVerification {
  /** Bytes read and compared with their checksums. */
  readonly bytes: number;
  readonly partitions: number;
  readonly edges: number;
}

/**
 * Checks every byte of a store against its checksum, and every number against the others: renaming, boundaries, rows,
 * columns, transposed copies, counts.
 *
 * @throws {@link DataError} naming the first partition that contradicts itself; `StorageError` for a damaged block.
 */
export async function verifyGraphStore(
  store: GraphStore,
  options: { readonly signal?: AbortSignal; readonly onPartition?: (done: number) => void } = {},
): Promise<StoreVerification> {
  const { meta, features, folder } = store;
  const fail = (what: string): never => {
    throw new DataError(`${folder}: ${what}; prepare the graph again`, { folder });
  };
  const isSeen = new Uint8Array(meta.vertices);
  for (const v of store.order) {
    if (v >>> 0 >= meta.vertices || isSeen[v] === 1) fail(`vertex ${v} is named twice or does not exist`);
    isSeen[v] = 1;
  }
  let bytes = 0;
  let edges = 0;
  const memory = alignedBytes(Math.max(...meta.nonZeros.map((_, p) => features.paddedBytes(p))));
  for (let p = 0; p < meta.parts; p++) {
    if (options.signal?.aborted) throw new AbortedError('verify: stopped before it was done');
    checkBoundary(store, p, fail);
    const csr = await store.topology(p);
    checkTopology(csr, meta.nonZeros[p]!, (what) => fail(`partition ${p}: ${what}`));
    edges += csr.columnIndices.length;
    await features.read(p, memory.subarray(0, features.paddedBytes(p)), 'features').done();
    bytes += store.topologyBytes(p) + features.paddedBytes(p);
    options.onPartition?.(p + 1);
  }
  if (edges !== meta.edges) fail(`there must be ${meta.edges} edges, got ${edges}`);
  return { bytes, partitions: meta.parts, edges };
}

function checkBoundary(store: GraphStore, p: number, fail: (what: string) => never): void {
  let total = store.rows(p);
  for (let q = 0; q < store.meta.parts; q++) {
    const list = store.boundary(p, q);
    total += list.length;
    for (let i = 0; i < list.length; i++) {
      if (list[i]! >= store.rows(q) || (i > 0 && list[i]! <= list[i - 1]!)) {
        fail(`partition ${p}: its boundary in partition ${q} is out of order or out of range`);
      }
    }
  }
  if (total !== store.expandedRows(p)) fail(`partition ${p}: must gather ${store.expandedRows(p)} rows, got ${total}`);
}

function checkTopology(csr: BipartiteCsr, nonZeros: number, fail: (what: string) => never): void {
  const { rows, columns, transposed } = csr;
  if (csr.columnIndices.length !== nonZeros) fail(`must hold ${nonZeros} edges, got ${csr.columnIndices.length}`);
  checkRows(csr, rows, columns, fail);
  checkRows(transposed, columns, rows, fail);
  const next = transposed.rowPointers.slice(0, columns);
  for (let v = 0; v < rows; v++) {
    for (let e = csr.rowPointers[v]!, end = csr.rowPointers[v + 1]!; e < end; e++) {
      const at = next[csr.columnIndices[e]!]!++;
      if (transposed.columnIndices[at] !== v) fail(`the copy by columns differs at edge ${e}`);
      if (csr.weights && transposed.weights?.[at] !== csr.weights[e])
        fail(`weight ${e} differs in the copy by columns`);
    }
  }
}

function checkRows(
  { rowPointers, columnIndices }: CompressedRows,
  rows: number,
  columns: number,
  fail: (what: string) => never,
): void {
  if (rowPointers[0] !== 0 || rowPointers[rows] !== columnIndices.length) fail('row pointers do not span the edges');
  for (let v = 0; v < rows; v++) {
    const begin = rowPointers[v]!;
    const end = rowPointers[v + 1]!;
    if (end < begin) fail(`row pointers descend at row ${v}`);
    for (let e = begin; e < end; e++) {
      if (columnIndices[e]! >= columns) fail(`edge ${e} leads to column ${columnIndices[e]} of ${columns}`);
      if (e > begin && columnIndices[e]! <= columnIndices[e - 1]!) fail(`row ${v} does not ascend`);
    }
  }
}
