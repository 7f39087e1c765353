/** One run of the streaming partitioner over a file: seed from the first chunk, refine by the others, pass by pass. */
import { AbortedError, type Rng } from '@strata-ml/core';
import { Sequence } from '../generate/Sequence.js';
import type { Targets } from '../partition/Targets.js';
import { ChunkRows } from './ChunkRows.js';
import { type EdgeFile, edgeChunks } from './edgeFile.js';
import { GremState } from './GremState.js';
import type { ResolvedGremOptions } from './gremOptions.js';
import type { StreamMeter } from './StreamMeter.js';

/** Streams `file` and writes the part of each vertex to `partOf` (int32 `[n]`). */
export async function streamParts(
  file: EdgeFile,
  targets: Targets,
  chunkEdges: number,
  options: ResolvedGremOptions,
  rng: Rng,
  meter: StreamMeter,
  partOf: Int32Array,
): Promise<void> {
  const { decay, frozen, passes, seedPartitioner, signal } = options;
  const n = file.numVertices;
  if (file.edges === 0) {
    new GremState(n, targets, decay, true).finish(partOf);
    return;
  }
  const state = new GremState(n, targets, decay, frozen);
  const chunk = Math.min(chunkEdges, file.edges);
  const rows = new ChunkRows(n, chunk);
  const pairs = new Int32Array(2 * chunk);
  const checkAbort = () => {
    if (signal?.aborted) throw new AbortedError('grem: aborted');
  };
  let isFirst = seedPartitioner === 'multilevel';
  for (let pass = 0; pass < (frozen ? 1 : passes); pass++) {
    let moves = 0;
    for await (const { count } of edgeChunks(file.path, pairs, signal)) {
      rows.build(pairs, count);
      if (isFirst) {
        meter.report('seed');
        // A turn of the event loop, so that Ctrl-C is heard before the longest step.
        await new Promise(setImmediate);
        checkAbort();
        state.seed(rows, new Sequence(rng), checkAbort);
        isFirst = false;
        moves++;
        meter.streamed(count, { moves: 0, cutEstimate: Number.NaN });
      } else {
        const report = state.refine(rows);
        moves += report.moves + (pass === 0 ? 1 : 0);
        meter.streamed(count, report);
      }
    }
    if (moves === 0) break;
  }
  state.finish(partOf);
}
