/** A prepared graph on a drive: small per-vertex facts in memory, edges and features read partition by partition. */
import { alignedBytes, BlockFile, type BlockRequest, type StorageDevice } from '@strata-ml/core';
import { type BipartiteCsr, type BipartiteShape, bipartiteView } from './BipartiteCsr.js';
import { type BoundaryTable, boundaryTable } from './boundaryTable.js';
import { type GraphStoreMeta, storeFiles } from './meta.js';
import { type VertexTable, vertexTable } from './vertexTable.js';

/** A graph that `prepareGraph` made; see `openGraphStore`. Close it after use. */
export class GraphStore {
  readonly folder: string;
  readonly meta: GraphStoreMeta;
  /** The drive, for this store's files and for others in its folder. */
  readonly device: StorageDevice;
  /** Old id of each vertex. int32 `[N]`. */
  readonly order: Int32Array;
  /** New id of each old id. int32 `[N]`. */
  readonly position: Int32Array;
  /** Class of each vertex in the new order, −1 for unlabelled. int32 `[N]`. */
  readonly labels: Int32Array;
  /** 1 for training vertices, in the new order. uint8 `[N]`. */
  readonly trainMask: Uint8Array;
  /** 1 for validation vertices. uint8 `[N]`. */
  readonly valMask: Uint8Array;
  /** 1 for test vertices. uint8 `[N]`. */
  readonly testMask: Uint8Array;
  /** Input features: block p is float32 `[n_p, d₀]`, row by row. */
  readonly features: BlockFile;
  readonly #topology: BlockFile;
  readonly #boundary: BoundaryTable;
  readonly #ownsDevice: boolean;
  #scratch: Uint8Array | undefined;
  #lastRead: Promise<unknown> = Promise.resolve();

  /** @internal Made by `openGraphStore`. */
  static async load(
    folder: string,
    meta: GraphStoreMeta,
    device: StorageDevice,
    ownsDevice: boolean,
  ): Promise<GraphStore> {
    const boundary = await boundaryTable(device, meta);
    const vertices = await vertexTable(device, meta);
    const topology = BlockFile.open(device, storeFiles.topology);
    const features = BlockFile.open(device, storeFiles.features);
    return new GraphStore(folder, meta, device, ownsDevice, boundary, vertices, topology, features);
  }

  private constructor(
    folder: string,
    meta: GraphStoreMeta,
    device: StorageDevice,
    ownsDevice: boolean,
    boundary: BoundaryTable,
    vertices: VertexTable,
    topology: BlockFile,
    features: BlockFile,
  ) {
    this.folder = folder;
    this.meta = meta;
    this.device = device;
    this.#ownsDevice = ownsDevice;
    this.#boundary = boundary;
    this.#topology = topology;
    this.features = features;
    this.order = vertices.order;
    this.position = vertices.position;
    this.labels = vertices.labels;
    this.trainMask = vertices.trainMask;
    this.valMask = vertices.valMask;
    this.testMask = vertices.testMask;
  }

  /** Vertices of partition p, n_p. */
  rows(p: number): number {
    return this.meta.offsets[p + 1]! - this.meta.offsets[p]!;
  }

  /** Rows of the gathered input of p, e_p. */
  expandedRows(p: number): number {
    return this.meta.expandedRows[p]!;
  }

  /**
   * Bnd(p, q): vertices of q that p gathers, as local ids inside q, ascending. uint32, a view of shared memory.
   * Empty for q = p.
   */
  boundary(p: number, q: number): Uint32Array {
    return this.#boundary.list(p, q);
  }

  /** Dep(p): the partitions that p gathers from, itself included, ascending. */
  dependencies(p: number): readonly number[] {
    return this.#boundary.dependencies[p]!;
  }

  /** Bytes of memory held by boundaries, labels, masks and both directions of the renaming. */
  get residentBytes(): number {
    const { vertices, parts, expandedRows } = this.meta;
    const gathered = expandedRows.reduce((sum, rows) => sum + rows, 0) - vertices;
    return GraphStore.tableBytes(vertices, parts, parts * parts + gathered);
  }

  /** {@link GraphStore.residentBytes} from counts; a boundary block is one word per partition and one per row. */
  static tableBytes(vertices: number, parts: number, boundaryWords: number): number {
    const starts = 4 * parts * (parts + 1);
    return starts + 4 * boundaryWords + vertices * (3 * 4 + 3);
  }

  /** Bytes of a buffer for {@link GraphStore.readTopology}. */
  topologyBytes(p: number): number {
    return this.#topology.paddedBytes(p);
  }

  /** Starts reading the edges of p into a buffer of `alignedBytes(topologyBytes(p))`. */
  readTopology(p: number, into: Uint8Array): BlockRequest {
    return this.#topology.read(p, into, 'topology');
  }

  /** The edges of p as views of bytes that {@link GraphStore.readTopology} filled. */
  viewTopology(p: number, bytes: Uint8Array): BipartiteCsr {
    return bipartiteView(this.#shape(p), bytes);
  }

  /**
   * Reads the edges of p into ordinary memory: for tools and tests. Trainers read into buffers of their own, see
   * {@link GraphStore.readTopology}.
   *
   * @throws `StorageError` if the block is damaged or cannot be read.
   */
  topology(p: number): Promise<BipartiteCsr> {
    // One after another: the device remembers every memory it was ever given, so there is one for all calls.
    const next = this.#lastRead.then(async () => {
      this.#scratch ??= alignedBytes(Math.max(...this.meta.offsets.slice(1).map((_, q) => this.topologyBytes(q))));
      const bytes = this.#scratch.subarray(0, this.topologyBytes(p));
      await this.readTopology(p, bytes).done();
      return this.viewTopology(p, Uint8Array.from(bytes));
    });
    this.#lastRead = next.catch(() => {});
    return next;
  }

  /** Closes the files, and the device if the store opened it. Requests must be done. */
  async close(): Promise<void> {
    this.#topology.close();
    this.features.close();
    if (this.#ownsDevice) await this.device.close();
  }

  #shape(p: number): BipartiteShape {
    return {
      rows: this.rows(p),
      columns: this.expandedRows(p),
      nonZeros: this.meta.nonZeros[p]!,
      hasWeights: this.meta.weights === 'gcn',
    };
  }
}
