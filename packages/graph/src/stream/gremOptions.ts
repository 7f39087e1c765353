/** Options of the streaming partitioner, their check, and the rule for the size of its chunks. */
import { OptionError } from '@strata-ml/core';
import type { ShuffleChoice } from './edgeInput.js';

/** How far a streaming partitioner has come. */
export interface GremProgress {
  /** What is being done. */
  readonly phase: 'prepare' | 'seed' | 'stream' | 'measure';
  /** Edges streamed so far, over all passes and levels. */
  readonly edges: number;
  /** Edges that will have been streamed, about. */
  readonly totalEdges: number;
  /** Edges by second since streaming began. */
  readonly edgesPerS: number;
  /** Vertices that changed their part so far. */
  readonly moves: number;
  /** Share of the last chunk's edges that were cut. */
  readonly cutEstimate: number;
  /** Resident memory of the process now. */
  readonly rssBytes: number;
}

/** Options of `grem`. */
export interface GremOptions {
  readonly parts: number;
  /** Vertices are 0 … numVertices − 1. @defaultValue largest id + 1, found by reading the file once */
  readonly numVertices?: number;
  /** Edges of a chunk. @defaultValue the rule: max(2.5 n, m / 16), within `memoryBytes` */
  readonly chunkEdges?: number;
  /** λ: what a score keeps when a vertex is met again; 0 = only the chunk counts, 1 = all evidence. @defaultValue `0.9` */
  readonly decay?: number;
  /** How often the file is streamed; ends early when nothing moves. @defaultValue `1` */
  readonly passes?: number;
  /** Largest part over ideal size. @defaultValue `1.03` */
  readonly balance?: number;
  /** Scores of all parts at once, or bisection through temporary files. @defaultValue `'direct'` */
  readonly mode?: 'direct' | 'recursive';
  /** Decide every vertex once: greedy without refinement, for comparison. @defaultValue `false` */
  readonly frozen?: boolean;
  /** Who places the vertices of the first chunk. @defaultValue `'multilevel'` */
  readonly seedPartitioner?: 'multilevel' | 'none';
  /** Memory that chunks may take together with the state. @defaultValue no limit */
  readonly memoryBytes?: number;
  /** Bring the edges into random order first: where they are not (`auto`), always, or never. @defaultValue `'auto'` */
  readonly shuffle?: ShuffleChoice;
  /** Drop repeated edges and self-loops; costs a shuffle. @defaultValue `false`: repeats count as weights */
  readonly dedupe?: boolean;
  /** Accept parts without vertices. @defaultValue `false` */
  readonly allowEmpty?: boolean;
  /** @defaultValue `1` */
  readonly seed?: number;
  /** Where temporary files go. @defaultValue the system's folder */
  readonly tmpDir?: string;
  readonly signal?: AbortSignal;
  /** Called after every chunk. */
  readonly onProgress?: (progress: GremProgress) => void;
  /** Told what limits the quality, such as chunks that are too small. */
  readonly onWarning?: (text: string) => void;
}

/** {@link GremOptions} with defaults. */
export type ResolvedGremOptions = Required<
  Omit<GremOptions, 'numVertices' | 'chunkEdges' | 'memoryBytes' | 'tmpDir' | 'signal' | 'onProgress' | 'onWarning'>
> &
  Pick<GremOptions, 'numVertices' | 'chunkEdges' | 'memoryBytes' | 'tmpDir' | 'signal' | 'onProgress' | 'onWarning'>;

/** Fills in defaults. @throws {@link OptionError} naming the first option out of range. */
export function resolveGremOptions(options: GremOptions): ResolvedGremOptions {
  const resolved: ResolvedGremOptions = {
    decay: 0.9,
    passes: 1,
    balance: 1.03,
    mode: 'direct',
    frozen: false,
    seedPartitioner: 'multilevel',
    shuffle: 'auto',
    dedupe: false,
    allowEmpty: false,
    seed: 1,
    ...options,
  };
  const { parts, numVertices, chunkEdges, decay, passes, balance, mode, shuffle, seed, memoryBytes } = resolved;
  const check = (isGood: boolean, option: string, got: unknown, need: string) => {
    if (!isGood) throw new OptionError('grem', option, got, need);
  };
  const isCount = (x: number) => Number.isSafeInteger(x) && x >= 1;
  check(isCount(parts) && parts <= 32_767, 'parts', parts, 'an integer in 1 … 32767');
  check(numVertices === undefined || isCount(numVertices), 'numVertices', numVertices, 'an integer ≥ 1');
  check(chunkEdges === undefined || isCount(chunkEdges), 'chunkEdges', chunkEdges, 'an integer ≥ 1');
  check(memoryBytes === undefined || memoryBytes > 0, 'memoryBytes', memoryBytes, 'a number of bytes > 0');
  check(decay >= 0 && decay <= 1, 'decay', decay, 'in [0, 1]');
  check(isCount(passes), 'passes', passes, 'an integer ≥ 1');
  check(balance >= 1 && Number.isFinite(balance), 'balance', balance, 'a number ≥ 1');
  check(mode === 'direct' || mode === 'recursive', 'mode', mode, "'direct' or 'recursive'");
  check(['auto', 'always', 'never'].includes(shuffle), 'shuffle', shuffle, "'auto', 'always' or 'never'");
  check(Number.isSafeInteger(seed), 'seed', seed, 'an integer');
  return resolved;
}

/** Bytes of the state: parts, scores, row pointers of a chunk. */
export function stateBytes(n: number, parts: number): number {
  return n * ((parts <= 127 ? 1 : 2) + 4 * parts) + 4 * (n + 1);
}

/** Bytes a chunk takes while it is refined (pairs and rows), and about what seeding takes beside (levels of a graph). */
const CHUNK_BYTES = 16;
const SEED_BYTES = 104;

/**
 * Edges of a chunk: at least max(2.5 n, m / 16), so that the first shows structure, bounded by the memory budget.
 *
 * @throws {@link OptionError} if the budget does not even hold the state.
 */
export function chunkRule(n: number, edges: number, options: ResolvedGremOptions): number {
  const { chunkEdges, memoryBytes, parts, mode, onWarning } = options;
  const wanted = chunkEdges ?? Math.max(Math.ceil(2.5 * n), Math.ceil(edges / 16));
  let chunk = Math.min(edges, wanted);
  if (memoryBytes !== undefined) {
    const left = memoryBytes - stateBytes(n, mode === 'direct' ? parts : 2);
    const fits = Math.floor(left / (CHUNK_BYTES + SEED_BYTES));
    if (fits < 1024) {
      throw new OptionError(
        'grem',
        'memoryBytes',
        memoryBytes,
        `above ${stateBytes(n, mode === 'direct' ? parts : 2) + 1024 * (CHUNK_BYTES + SEED_BYTES)}, the state of ${n} vertices`,
        "use mode 'recursive', which scores two parts at a time",
      );
    }
    chunk = Math.min(chunk, fits);
  }
  if (chunk < Math.min(edges, 2.5 * n)) {
    onWarning?.(
      `chunks of ${chunk} edges give ${n} vertices ${((2 * chunk) / n).toFixed(1)} neighbours at first, fewer than 5: ` +
        'communities may not show; allow more memory, or more passes',
    );
  }
  return chunk;
}
