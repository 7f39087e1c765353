/** Random graphs straight to binary edge files, of any size in little memory. */
import { randomUUID } from 'node:crypto';
import { access, constants, open, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { AbortedError, OptionError, Rng } from '@strata-ml/core';
import type { EdgeDrawer } from '../generate/EdgeDrawer.js';
import { type PowerLawCommunityOptions, powerLawDrawer } from '../generate/powerLawCommunity.js';
import { type RmatOptions, rmatDrawer } from '../generate/rmat.js';
import type { EdgeChunk } from './edgeFile.js';
import { shuffleEdges } from './shuffleEdges.js';
import { withTemporaryFolder } from './TemporaryFolder.js';

/** Options of the writers of edge files. */
export interface WriteEdgesOptions {
  /** Most edges in memory. @defaultValue `1048576` */
  readonly memoryEdges?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { readonly edges: number; readonly totalEdges: number }) => void;
}

/** What was written. */
export interface WrittenEdges {
  readonly numVertices: number;
  /** Undirected edges, each once; fewer than drawn. */
  readonly edges: number;
}

/**
 * Writes an R-MAT graph as a binary edge file (int32 pairs): undirected, every edge once, in random order.
 *
 * Needs about 24 bytes per `memoryEdges`, 4 bytes per vertex, and twice the file on disk beside it while it runs.
 * The file appears whole or not at all.
 *
 * @throws `OptionError` if an option is out of range or the folder cannot be written to; `AbortedError` on `signal`.
 */
export async function writeRmatEdges(
  path: string,
  options: RmatOptions,
  control: WriteEdgesOptions = {},
): Promise<WrittenEdges> {
  return writeDrawn(path, rmatDrawer('writeRmatEdges', options), options.rng ?? new Rng(1), control);
}

/** The same for `powerLawCommunity`. */
export async function writePowerLawEdges(
  path: string,
  options: PowerLawCommunityOptions,
  control: WriteEdgesOptions = {},
): Promise<WrittenEdges> {
  return writeDrawn(path, powerLawDrawer('writePowerLawEdges', options), options.rng ?? new Rng(1), control);
}

async function writeDrawn(
  path: string,
  drawer: EdgeDrawer,
  rng: Rng,
  { memoryEdges = 1 << 20, signal, onProgress }: WriteEdgesOptions,
): Promise<WrittenEdges> {
  const folder = dirname(resolve(path));
  await access(folder, constants.W_OK).catch(() => {
    throw new OptionError('edges', 'folder', folder, 'an existing folder that can be written to');
  });
  return withTemporaryFolder(folder, async (temporary) => {
    const unfinished = temporary(randomUUID());
    try {
      const { edges } = await shuffleEdges(drawnChunks(drawer, signal, onProgress), unfinished, temporary, {
        expectedEdges: drawer.edges,
        memoryEdges,
        dedupe: true,
        rng: rng.split('file'),
        signal,
      });
      const file = await open(unfinished, 'r+');
      await file.sync();
      await file.close();
      await rename(unfinished, path);
      return { numVertices: drawer.numVertices, edges };
    } finally {
      await rm(unfinished, { force: true });
    }
  });
}

async function* drawnChunks(
  { edges, draw }: EdgeDrawer,
  signal: AbortSignal | undefined,
  onProgress: WriteEdgesOptions['onProgress'],
): AsyncGenerator<EdgeChunk> {
  const pairs = new Int32Array(1 << 17);
  for (let done = 0; done < edges; ) {
    const count = Math.min(pairs.length / 2, edges - done);
    for (let i = 0; i < count; i++) draw(pairs, 2 * i);
    yield { pairs, count };
    done += count;
    onProgress?.({ edges: done, totalEdges: edges });
    // A turn of the event loop: signals are heard.
    await new Promise(setImmediate);
    if (signal?.aborted) throw new AbortedError('edges: aborted');
  }
}
