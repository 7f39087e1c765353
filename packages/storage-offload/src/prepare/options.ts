/** What `prepareGraph` takes. */
import { OptionError, ShapeError, type StorageMode } from '@strata-ml/core';
import type { CsrGraph, PartitionMethod } from '@strata-ml/graph';
import type { EdgeFileSource } from './EdgeStream.js';
import type { FeatureRows } from './FeatureRows.js';

/** A graph with features, labels and splits; ids are the caller's. */
export interface GraphSource {
  /** In memory (every stored edge counts as it is), or a binary edge file of any size. */
  readonly graph: CsrGraph | EdgeFileSource;
  readonly features: FeatureRows;
  /** Class of each vertex, −1 for unlabelled. int32 `[N]`. @defaultValue none labelled */
  readonly labels?: Int32Array;
  /** Classes. @defaultValue largest label + 1 */
  readonly classes?: number;
  /** Vertex ids that train, choose and test. @defaultValue none */
  readonly split?: { readonly train: Int32Array; readonly val: Int32Array; readonly test: Int32Array };
}

/** How vertices are cut. */
export interface PartitionChoice {
  /** `auto`: `switching` if the graph fits the host budget, else `grem`, which streams. @defaultValue `'auto'` */
  readonly method?: PartitionMethod | 'auto';
  /** @defaultValue `1` */
  readonly seed?: number;
  /** Largest part over mean part. @defaultValue that of the method */
  readonly balance?: number;
}

/** How far preparing has come. */
export interface PrepareProgress {
  readonly phase: 'partition' | 'sort' | 'rows' | 'topology' | 'features';
  readonly done: number;
  readonly total: number;
}

/** Options of `prepareGraph`. */
export interface PrepareOptions {
  /** Where the prepared graph goes: a folder that does not exist, is empty, or holds this very graph prepared alike. */
  readonly folder: string;
  /** P. */
  readonly parts: number;
  /** Or the part of each vertex, int32 `[N]`, made elsewhere. @defaultValue `{ method: 'auto' }` */
  readonly partition?: PartitionChoice | Int32Array;
  /** Store edge weights 1 / √(outDegree(u) · inDegree(v)), for GCN; SAGE and GAT need none. @defaultValue `'gcn'` */
  readonly weights?: 'gcn' | 'none';
  /** Most bytes that preparing may hold, beside a graph, features and labels that are in memory already. @defaultValue none */
  readonly hostMemory?: number;
  /** Prepare anew in place of another prepared graph in the folder. @defaultValue `false` */
  readonly replace?: boolean;
  /** @defaultValue `'auto'` */
  readonly mode?: StorageMode | 'auto';
  /** I/O threads, while preparing and of the store that is returned. @defaultValue `4` */
  readonly workers?: number;
  /** Bytes of a transfer and of a checksum, a multiple of 4096. @defaultValue `1 MiB` */
  readonly blockSize?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PrepareProgress) => void;
}

const where = 'prepareGraph';

/** Throws for options out of range, before any work. */
export function checkPrepareOptions({ parts, weights, hostMemory, blockSize }: PrepareOptions): void {
  if (!Number.isSafeInteger(parts) || parts < 1 || parts > 65_536) {
    throw new OptionError(where, 'parts', parts, 'an integer between 1 and 65536');
  }
  if (weights !== undefined && weights !== 'gcn' && weights !== 'none') {
    throw new OptionError(where, 'weights', weights, 'gcn or none');
  }
  if (hostMemory !== undefined && !(hostMemory > 0)) {
    throw new OptionError(where, 'hostMemory', hostMemory, 'bytes > 0');
  }
  if (blockSize !== undefined && !(Number.isSafeInteger(blockSize) && blockSize > 0 && blockSize % 4096 === 0)) {
    throw new OptionError(where, 'blockSize', blockSize, 'a multiple of 4096');
  }
}

/** Throws if features, labels or splits do not belong to a graph of so many vertices. */
export function checkGraphSource({ features, labels, classes, split }: GraphSource, vertices: number): void {
  if (vertices < 1) throw new OptionError(where, 'vertices', vertices, 'at least 1');
  if (features.rows !== undefined && features.rows !== vertices) {
    throw new ShapeError(where, 'features', [features.rows, features.columns], `[${vertices}, ${features.columns}]`);
  }
  if (labels && labels.length !== vertices) throw new ShapeError(where, 'labels', [labels.length], `[${vertices}]`);
  const most = classes ?? 2 ** 31;
  const bad = labels?.findIndex((label) => label < -1 || label >= most) ?? -1;
  if (bad >= 0) throw new OptionError(where, `label of vertex ${bad}`, labels?.[bad], `−1 or in 0 … ${most - 1}`);
  for (const [name, ids] of Object.entries(split ?? {})) {
    if (!(ids instanceof Int32Array)) continue;
    const wrong = ids.findIndex((v) => v < 0 || v >= vertices);
    if (wrong >= 0) throw new OptionError(where, `split.${name}[${wrong}]`, ids[wrong], `in 0 … ${vertices - 1}`);
  }
}
