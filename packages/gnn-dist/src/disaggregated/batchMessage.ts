/**
 * A prepared batch as one message: structure, labels and features of all its rows in one piece of shared memory. Words of
 * 4 bytes: a header, sizes of each layer, vertex ids, rows of each layer, labels, features.
 */
import type { Features, GraphData } from '../data.js';
import type { SampledBlock } from '../snapshot/SampledBlock.js';

/** A batch as it arrives. Arrays are views of the message, valid until its place in the queue is given back. */
export interface PreparedBatch {
  readonly id: number;
  readonly round: number;
  readonly numSeeds: number;
  readonly blocks: readonly SampledBlock[];
  readonly features: Features;
  /** int32 `[numSeeds]`; empty for multi-label tasks. */
  readonly labels: Int32Array;
  /** uint8 `[numSeeds, C]`, for multi-label tasks. */
  readonly multiLabels: Uint8Array | undefined;
}

/** Where a message lies. */
export interface MessageSpace {
  readonly buffer: SharedArrayBuffer | ArrayBuffer;
  readonly byteOffset: number;
  readonly words: number;
}

const HEADER = 8;

/** What a message tells besides the data. */
interface Header {
  readonly id: number;
  readonly round: number;
}

/** Words of the largest message that a batch can need. Memory of a queue that is never written is never taken. */
export function messageWords(
  data: Pick<GraphData, 'features' | 'numFeatures' | 'numClasses' | 'multiLabels'>,
  shape: {
    readonly numVertices: number;
    readonly numEdges: number;
    readonly fanouts: readonly number[];
    readonly seeds: number;
  },
): number {
  const { numVertices, numEdges, fanouts, seeds } = shape;
  let rows = Math.min(seeds, numVertices);
  let words = HEADER + 3 * fanouts.length;
  for (const fanout of [...fanouts].reverse()) {
    const edges = Math.min(numEdges, rows * fanout);
    words += rows + 1 + edges;
    rows = Math.min(numVertices, rows + edges);
  }
  words += rows + (data.multiLabels ? Math.ceil((seeds * data.numClasses) / 4) : seeds);
  const { features } = data;
  if (features.kind === 'dense') return words + rows * data.numFeatures;
  const { indptr } = features.csr;
  const lengths = Int32Array.from({ length: numVertices }, (_, v) => indptr[v + 1]! - indptr[v]!).sort();
  const entries = lengths.subarray(numVertices - rows).reduce((sum, length) => sum + length, 0);
  return words + rows + 1 + 2 * entries;
}

/** Writes a batch; returns the bytes of the message. */
export function writeMessage(
  space: MessageSpace,
  { id, round }: Header,
  blocks: readonly SampledBlock[],
  data: Pick<GraphData, 'features' | 'numFeatures' | 'numClasses' | 'multiLabels' | 'labels'>,
): number {
  const words = new Int32Array(space.buffer, space.byteOffset, space.words);
  const floats = new Float32Array(space.buffer, space.byteOffset, space.words);
  const { sources } = blocks[0]!;
  const seeds = blocks.at(-1)!.sources.subarray(0, blocks.at(-1)!.numDestinations);
  const { features, numFeatures, numClasses, multiLabels } = data;
  let at = HEADER;
  const put = (array: Int32Array) => {
    words.set(array, at);
    at += array.length;
  };
  for (const block of blocks) {
    put(Int32Array.of(block.numDestinations, block.sources.length, block.neighbours.length));
  }
  put(sources);
  for (const { indptr, neighbours } of blocks) {
    put(indptr);
    put(neighbours);
  }
  if (multiLabels) {
    const bytes = new Uint8Array(space.buffer, space.byteOffset + 4 * at, seeds.length * numClasses);
    seeds.forEach((v, row) => {
      bytes.set(multiLabels.subarray(v * numClasses, (v + 1) * numClasses), row * numClasses);
    });
    at += Math.ceil(bytes.length / 4);
  } else {
    for (const v of seeds) words[at++] = data.labels[v]!;
  }
  let entries = 0;
  if (features.kind === 'dense') {
    for (const v of sources) {
      floats.set(features.values.subarray(v * numFeatures, (v + 1) * numFeatures), at);
      at += numFeatures;
    }
  } else {
    const { indptr, indices, values } = features.csr;
    words[at++] = 0;
    for (const v of sources) {
      entries += indptr[v + 1]! - indptr[v]!;
      words[at++] = entries;
    }
    let column = at;
    let value = at + entries;
    for (const v of sources) {
      const begin = indptr[v]!;
      const end = indptr[v + 1]!;
      words.set(indices.subarray(begin, end), column);
      if (values) floats.set(values.subarray(begin, end), value);
      else floats.fill(1, value, value + end - begin);
      column += end - begin;
      value += end - begin;
    }
    at = value;
  }
  words.set([
    at,
    blocks.length,
    seeds.length,
    round,
    id,
    features.kind === 'csr' ? 1 : 0,
    entries,
    multiLabels ? 1 : 0,
  ]);
  return 4 * at;
}

/** Reads a message; nothing is copied. */
export function readMessage(
  space: MessageSpace,
  { numFeatures, numClasses }: Pick<GraphData, 'numFeatures' | 'numClasses'>,
): PreparedBatch {
  const words = new Int32Array(space.buffer, space.byteOffset, space.words);
  const [, layers, numSeeds, round, id, isSparse, entries, isMulti] = words as unknown as number[];
  let at = HEADER;
  const take = (length: number) => {
    const view = words.subarray(at, at + length);
    at += length;
    return view;
  };
  const sizes = Array.from({ length: layers! }, () => take(3));
  const ids = take(sizes[0]![1]!);
  const blocks = sizes.map(([numDestinations, numSources, numEdges]) => ({
    numDestinations: numDestinations!,
    // What enters a layer is what left the one before, which leads the rows that entered it.
    sources: ids.subarray(0, numSources),
    indptr: take(numDestinations! + 1),
    neighbours: take(numEdges!),
  }));
  let labels = new Int32Array(0);
  let multiLabels: Uint8Array | undefined;
  if (isMulti) {
    multiLabels = new Uint8Array(space.buffer, space.byteOffset + 4 * at, numSeeds! * numClasses);
    at += Math.ceil(multiLabels.length / 4);
  } else {
    labels = take(numSeeds!) as Int32Array<ArrayBuffer>;
  }
  const floats = (length: number) => {
    const { byteOffset } = take(length);
    return new Float32Array(space.buffer, byteOffset, length);
  };
  const features: Features = isSparse
    ? {
        kind: 'csr',
        csr: {
          rows: ids.length,
          cols: numFeatures,
          indptr: take(ids.length + 1),
          indices: take(entries!),
          values: floats(entries!),
        },
      }
    : { kind: 'dense', values: floats(ids.length * numFeatures) };
  return { id: id!, round: round!, numSeeds: numSeeds!, blocks, features, labels, multiLabels };
}
