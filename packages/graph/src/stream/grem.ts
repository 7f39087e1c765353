/**
 * GREM: partitions edge files larger than memory by streaming greedy placement with continuous refinement.
 *
 * Armada: "Memory-Efficient Distributed Training of Large-Scale Graph Neural Networks", arXiv:2502.17846.
 */
import { OptionError, Rng, sharedInt32 } from '@strata-ml/core';
import { checkParts } from '../partition/partition.js';
import { equalTargets } from '../partition/Targets.js';
import { type EdgePieces, prepareEdges } from './edgeInput.js';
import { type EdgePartitionReport, measureEdges } from './edgeMetrics.js';
import { chunkRule, type GremOptions, resolveGremOptions, stateBytes } from './gremOptions.js';
import { recursiveParts } from './recursiveParts.js';
import { StreamMeter } from './StreamMeter.js';
import { streamParts } from './streamParts.js';
import { withTemporaryFolder } from './TemporaryFolder.js';

/** What {@link grem} returns. */
export interface GremResult extends EdgePartitionReport {
  /** Part of each vertex, int32 `[n]`, in shared memory. */
  readonly partOf: Int32Array;
  readonly numVertices: number;
  readonly chunkEdges: number;
  /** Vertices that changed their part. */
  readonly moves: number;
  /** Edges read for the decisions, over all passes and levels. */
  readonly streamedEdges: number;
  /** A shuffled copy was made first. */
  readonly shuffled: boolean;
  /** n · (1 + 4 q) + 4 (n + 1) bytes for q parts at a time (2 in mode `recursive`), and 16 bytes per edge of a chunk. */
  readonly stateBytes: number;
}

/** Edges held in memory while a file is shuffled, unless the budget says otherwise. */
const SHUFFLE_EDGES = 1 << 20;

/**
 * Partitions the vertices of an edge file, or of edges from code, without holding the edges in memory.
 *
 * Takes binary edge files (`.i32`, `.bin`, `.edges`: int32 pairs) and text edge lists, both also gzip-compressed; edges
 * count in both directions, repeats as weights. The first chunk is cut by the multilevel partitioner; every later chunk
 * decides the vertices it touches again, by the decaying number of their neighbours in each part. Edges must come in
 * random order: other files are shuffled first, into a temporary copy. No part exceeds max(⌈n/p⌉, ⌊balance · n/p⌋).
 * Memory: {@link GremResult.stateBytes} + about 120 bytes per edge of the first chunk, whatever m is. Deterministic for
 * file, seed and chunk. Temporary files are removed, also after an error.
 *
 * @throws `DataError` if the file is missing or malformed; `OptionError` if an option is out of range.
 * @throws `AbortedError` if `signal` is aborted.
 *
 * @example
 * async function* edges() {
 *   yield Int32Array.of(0, 1, 1, 2, 2, 0, 3, 4, 4, 5, 5, 3, 2, 3);
 * }
 * const { cut, partOf } = await grem(edges(), { parts: 2 });
 * cut; // => 1
 */
export async function grem(source: string | EdgePieces, options: GremOptions): Promise<GremResult> {
  const resolved = resolveGremOptions(options);
  const { parts, balance, allowEmpty, mode, seed, shuffle, dedupe, memoryBytes, signal, numVertices, tmpDir } =
    resolved;
  const meter = new StreamMeter(resolved.onProgress);
  return withTemporaryFolder(tmpDir, async (temporary) => {
    meter.report('prepare');
    const memoryEdges = memoryBytes === undefined ? SHUFFLE_EDGES : Math.max(4096, Math.floor(memoryBytes / 24));
    const rng = new Rng(seed).split('partition');
    const input = { numVertices, shuffle, dedupe, memoryEdges: Math.min(SHUFFLE_EDGES, memoryEdges), rng, signal };
    const file = await prepareEdges(source, temporary, input);
    const n = file.numVertices;
    checkParts('grem', 'parts', parts, n, allowEmpty);
    if (n >= 2 ** 31) throw new OptionError('grem', 'numVertices', n, 'below 2³¹');
    const chunkEdges = chunkRule(n, file.edges, resolved);
    const targets = equalTargets(n, parts, balance, allowEmpty);
    const partOf = sharedInt32(n);
    if (mode === 'direct') {
      meter.expect(file.edges * resolved.passes);
      await streamParts(file, targets, chunkEdges, resolved, rng, meter, partOf);
    } else {
      await recursiveParts(file, targets, rng, { options: resolved, chunkEdges, temporary, meter }, partOf);
    }
    meter.report('measure');
    const report = await measureEdges(file, partOf, parts, signal);
    return {
      ...report,
      partOf,
      numVertices: n,
      chunkEdges,
      moves: meter.moves,
      streamedEdges: meter.edges,
      shuffled: file.shuffled,
      stateBytes: stateBytes(n, mode === 'direct' ? parts : 2) + 16 * chunkEdges,
    };
  });
}
