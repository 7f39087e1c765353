/** Counts what a streaming run does, and tells who listens. */
import type { ChunkReport } from './GremState.js';
import type { GremProgress } from './gremOptions.js';

export class StreamMeter {
  readonly #onProgress: ((progress: GremProgress) => void) | undefined;
  readonly #started = performance.now();
  #totalEdges = 0;
  #cutEstimate = Number.NaN;
  edges = 0;
  moves = 0;

  constructor(onProgress?: (progress: GremProgress) => void) {
    this.#onProgress = onProgress;
  }

  /** Announces edges that will be streamed. */
  expect(edges: number): void {
    this.#totalEdges += edges;
  }

  /** Counts a chunk. */
  streamed(edges: number, { moves, cutEstimate }: ChunkReport): void {
    this.edges += edges;
    this.moves += moves;
    if (!Number.isNaN(cutEstimate)) this.#cutEstimate = cutEstimate;
    this.report('stream');
  }

  report(phase: GremProgress['phase']): void {
    this.#onProgress?.({
      phase,
      edges: this.edges,
      totalEdges: Math.max(this.#totalEdges, this.edges),
      edgesPerS: (1000 * this.edges) / Math.max(1, performance.now() - this.#started),
      moves: this.moves,
      cutEstimate: this.#cutEstimate,
      rssBytes: process.memoryUsage.rss(),
    });
  }
}
