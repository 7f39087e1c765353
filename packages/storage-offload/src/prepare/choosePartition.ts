/** Cuts the vertices of a stream: in memory where the graph fits, else by a partitioner that streams. */
import { OptionError } from '@strata-ml/core';
import { csrFromEdges, grem, type PartitionMethod, partition } from '@strata-ml/graph';
import type { EdgeStream } from './EdgeStream.js';
import type { PartitionChoice } from './options.js';

/** A partition and where it comes from. */
export interface ChosenPartition {
  readonly partOf: Int32Array;
  readonly method: string;
  readonly seed: number;
  readonly seconds: number;
}

const OBLIVIOUS: ReadonlySet<string> = new Set<PartitionMethod>(['random', 'hash', 'range']);
/** Bytes an edge of a file costs while its graph is built in memory: see `csrFromEdges`. */
const BYTES_PER_EDGE = 40;

/**
 * @throws {@link OptionError} if the method needs the graph in memory and the budget does not allow it.
 */
export async function choosePartition(
  stream: EdgeStream,
  parts: number,
  choice: PartitionChoice | Int32Array,
  hostMemory: number,
  signal: AbortSignal | undefined,
): Promise<ChosenPartition> {
  if (choice instanceof Int32Array) return { partOf: choice, method: 'given', seed: 0, seconds: 0 };
  const started = performance.now();
  const { method: wanted = 'auto', seed = 1, balance } = choice;
  const fits = stream.graph !== undefined || BYTES_PER_EDGE * stream.edges <= hostMemory;
  const method = wanted === 'auto' ? (fits ? 'switching' : 'grem') : wanted;
  const done = (partOf: Int32Array) => ({ partOf, method, seed, seconds: (performance.now() - started) / 1000 });
  const { vertices } = stream;
  const options = { method, seed, allowEmpty: true, ...(balance === undefined ? {} : { balance }) };
  if (OBLIVIOUS.has(method)) return done(partition(emptyGraph(vertices), parts, withSignal(options, signal)));
  if (fits) return done(partition(await inMemory(stream, signal), parts, withSignal(options, signal)));
  if ((method !== 'grem' && method !== 'frozen') || stream.path === undefined) {
    throw new OptionError(
      'prepareGraph',
      'hostMemory',
      hostMemory,
      `at least ${BYTES_PER_EDGE * stream.edges} for ${method}, which needs the graph in memory`,
      "choose method 'grem', which streams",
    );
  }
  const { partOf } = await grem(stream.path, {
    parts,
    seed,
    frozen: method === 'frozen',
    numVertices: vertices,
    memoryBytes: hostMemory,
    ...(balance === undefined ? {} : { balance }),
    ...(signal ? { signal } : {}),
  });
  return done(partOf);
}

const withSignal = <T>(options: T, signal: AbortSignal | undefined) => (signal ? { ...options, signal } : options);

const emptyGraph = (n: number) => ({ numVertices: n, indptr: new Int32Array(n + 1), indices: new Int32Array(0) });

async function inMemory(stream: EdgeStream, signal: AbortSignal | undefined) {
  if (stream.graph) return stream.graph;
  const sources = new Int32Array(stream.edges);
  const destinations = new Int32Array(stream.edges);
  let at = 0;
  for await (const pairs of stream.pieces(signal)) {
    for (let i = 0; i < pairs.length; i += 2, at++) {
      sources[at] = pairs[i]!;
      destinations[at] = pairs[i + 1]!;
    }
  }
  return csrFromEdges({ numVertices: stream.vertices, sources, destinations, symmetrize: stream.symmetrize });
}
