/** Order, labels and masks of the vertices: small enough to stay in memory. */
import { alignedBytes, BlockFile, type StorageDevice, sharedInt32, sharedUint8 } from '@strata-ml/core';
import { type GraphStoreMeta, storeFiles } from './meta.js';

/** Facts about each vertex, in the new order; over shared memory. */
export interface VertexTable {
  /** Old id of each vertex. int32 `[N]`. */
  readonly order: Int32Array;
  /** New id of each old id. int32 `[N]`. */
  readonly position: Int32Array;
  /** int32 `[N]`, −1 for unlabelled. */
  readonly labels: Int32Array;
  /** uint8 `[N]`. */
  readonly trainMask: Uint8Array;
  /** uint8 `[N]`. */
  readonly valMask: Uint8Array;
  /** uint8 `[N]`. */
  readonly testMask: Uint8Array;
}

/** Blocks of the file: order, labels, three masks. */
const vertexBlockBytes = (n: number): readonly number[] => [4 * n, 4 * n, n, n, n];

/** Writes the file; committed when it returns. */
export function writeVertexTable(device: StorageDevice, n: number, table: Omit<VertexTable, 'position'>): void {
  const file = BlockFile.create(device, storeFiles.vertices, vertexBlockBytes(n));
  try {
    const columns = [table.order, table.labels, table.trainMask, table.valMask, table.testMask];
    const memory = alignedBytes(file.paddedBytes(0));
    for (const [block, column] of columns.entries()) {
      const bytes = memory.subarray(0, file.paddedBytes(block));
      bytes.set(new Uint8Array(column.buffer, column.byteOffset, column.byteLength));
      bytes.fill(0, column.byteLength);
      file.write(block, bytes, 'vertices').wait();
    }
    file.commit();
  } finally {
    file.close();
  }
}

/** Reads the file. */
export async function vertexTable(device: StorageDevice, { vertices: n }: GraphStoreMeta): Promise<VertexTable> {
  const file = BlockFile.open(device, storeFiles.vertices);
  try {
    const memory = alignedBytes(file.paddedBytes(0));
    const read = async (block: number): Promise<Uint8Array<SharedArrayBuffer>> => {
      const bytes = memory.subarray(0, file.paddedBytes(block));
      await file.read(block, bytes, 'vertices').done();
      const kept = sharedUint8(file.blockBytes[block]!);
      kept.set(bytes.subarray(0, kept.length));
      return kept;
    };
    const order = new Int32Array((await read(0)).buffer);
    const position = sharedInt32(n);
    for (let v = 0; v < n; v++) position[order[v]!] = v;
    return {
      order,
      position,
      labels: new Int32Array((await read(1)).buffer),
      trainMask: await read(2),
      valMask: await read(3),
      testMask: await read(4),
    };
  } finally {
    file.close();
  }
}
