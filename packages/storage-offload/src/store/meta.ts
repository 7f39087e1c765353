/** `meta.json` of a prepared graph: what the other files hold, under a checksum of its own. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { atomicWrite, DataError, OptionError } from '@strata-ml/core';

/** Version of the files of a store; a store of another version is prepared again. */
export const STORE_FORMAT = 1;

/** Files of a store, in its folder. */
export const storeFiles = {
  meta: 'meta.json',
  topology: 'topology.blocks',
  boundary: 'boundary.blocks',
  vertices: 'vertices.blocks',
  features: 'feat-0.blocks',
} as const;

/** Facts about a prepared graph; plain data. */
export interface GraphStoreMeta {
  readonly formatVersion: number;
  /** Hash of everything that the files depend on; equal keys, equal files. */
  readonly key: string;
  /** N. */
  readonly vertices: number;
  /** Stored directed edges, one self-loop per vertex included. */
  readonly edges: number;
  /** P; a part may be empty. */
  readonly parts: number;
  /** Columns of the input features, d₀. */
  readonly featureWidth: number;
  /** 0 without labels. */
  readonly classes: number;
  /** Partition p holds vertices `offsets[p] … offsets[p + 1] − 1`. `[P + 1]`. */
  readonly offsets: readonly number[];
  /** Rows of the gathered input of each partition, e_p. `[P]`. */
  readonly expandedRows: readonly number[];
  /** Edges into each partition. `[P]`. */
  readonly nonZeros: readonly number[];
  /** Whether edges carry weights 1 / √(outDegree(u) · inDegree(v)) of the whole graph. */
  readonly weights: 'gcn' | 'none';
  /** Bytes of a transfer and of a checksum: `chunkBytes` of the devices that read the store. */
  readonly blockSize: number;
  /** Hashes of what went in, hexadecimal. */
  readonly hashes: { readonly graph: string; readonly features: string; readonly labels: string };
  /** How the vertices were cut. */
  readonly partitioner: PartitionerFacts;
  /** What preparing cost. */
  readonly preparation: { readonly seconds: number; readonly peakBytes: number; readonly hostBudget: number | null };
}

/** How the vertices of a store were cut, and how well. */
export interface PartitionerFacts {
  readonly method: string;
  readonly seed: number;
  /** (Σ_p e_p) / N: rows gathered per vertex. */
  readonly alpha: number;
  /** (Σ_p Σ_{q ∈ Dep(p)} n_q) / N: rows read per vertex if nothing is cached. */
  readonly rho: number;
  /** Directed edges between parts. */
  readonly cutEdges: number;
  /** Largest part over mean part, in vertices. */
  readonly balance: number;
  /** The same in edges. */
  readonly edgeBalance: number;
  readonly seconds: number;
}

/** Writes `meta.json`; atomic. */
export async function writeMeta(folder: string, meta: GraphStoreMeta): Promise<void> {
  const text = JSON.stringify(meta);
  await atomicWrite(join(folder, storeFiles.meta), `{"checksum":${crc32(text)},"meta":${text}}\n`);
}

/**
 * Reads `meta.json` of a store.
 *
 * @throws {@link OptionError} if the folder holds no store.
 * @throws {@link DataError} if the file is damaged, or of another version.
 */
export async function readMeta(folder: string): Promise<GraphStoreMeta> {
  const path = join(folder, storeFiles.meta);
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new OptionError(
      'openGraphStore',
      'folder',
      folder,
      `a prepared graph, and ${storeFiles.meta} cannot be read (${cause.code ?? cause.message})`,
      'prepare the graph first, with prepareGraph or `strata offload prepare`',
    );
  });
  const damaged = (what: string) => new DataError(`${path}: ${what}; prepare the graph again`, { path });
  let envelope: { checksum?: unknown; meta?: GraphStoreMeta };
  try {
    envelope = JSON.parse(text) as typeof envelope;
  } catch {
    throw damaged('is damaged: no JSON');
  }
  const { checksum, meta } = envelope;
  if (typeof meta !== 'object' || meta === null || checksum !== crc32(JSON.stringify(meta))) {
    throw damaged('is damaged: its checksum does not match');
  }
  if (meta.formatVersion !== STORE_FORMAT) {
    throw damaged(`must be of format ${STORE_FORMAT}, got ${meta.formatVersion}`);
  }
  return meta;
}

/** True if `folder` holds a prepared graph, of whatever version. */
export async function hasStore(folder: string): Promise<boolean> {
  return stat(join(folder, storeFiles.meta)).then(
    () => true,
    () => false,
  );
}
