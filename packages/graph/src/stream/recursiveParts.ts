/** Bisection down to p parts: each side's inner edges go to a file of their own, with vertices renamed, and so on. */
import { rm } from 'node:fs/promises';
import type { Rng } from '@strata-ml/core';
import type { Targets } from '../partition/Targets.js';
import { type EdgeFile, EdgeWriter, edgeChunks } from './edgeFile.js';
import type { ResolvedGremOptions } from './gremOptions.js';
import type { StreamMeter } from './StreamMeter.js';
import { streamParts } from './streamParts.js';
import type { TemporaryPath } from './TemporaryFolder.js';

/** What stays the same through all levels. */
export interface RecursionContext {
  readonly options: ResolvedGremOptions;
  readonly chunkEdges: number;
  readonly temporary: TemporaryPath;
  readonly meter: StreamMeter;
}

const READ_EDGES = 1 << 16;

/**
 * Cuts `file` into the parts of `targets` and writes them, plus `firstPart`, to `partOf` at `vertices` (the identity if
 * absent). State: n · 9 bytes on the top level and half of it on each below.
 */
export async function recursiveParts(
  file: EdgeFile,
  targets: Targets,
  rng: Rng,
  context: RecursionContext,
  partOf: Int32Array,
  vertices?: Int32Array,
  firstPart = 0,
): Promise<void> {
  const parts = targets.shares.length;
  const n = file.numVertices;
  const global = (v: number) => (vertices ? vertices[v]! : v);
  if (parts === 1) {
    for (let v = 0; v < n; v++) partOf[global(v)] = firstPart;
    return;
  }
  const first = Math.ceil(parts / 2);
  const { options, chunkEdges, temporary, meter } = context;
  const sideOf = new Int32Array(n);
  meter.expect(file.edges * options.passes);
  await streamParts(file, sides(n, targets, first), chunkEdges, options, rng, meter, sideOf);
  const names = [0, 1].map((side) => temporary(`${firstPart}-${parts}-${side}.i32`));
  const split = parts > 2 ? await splitEdges(file, sideOf, names, options.signal) : undefined;
  for (const [side, from, to] of [[0, 0, first] as const, [1, first, parts] as const]) {
    const own = new Int32Array(sideOf.reduce((sum, s) => sum + (s === side ? 1 : 0), 0));
    for (let v = 0, i = 0; v < n; v++) if (sideOf[v] === side) own[i++] = global(v);
    const half: EdgeFile = { path: names[side]!, edges: split?.[side] ?? 0, numVertices: own.length };
    await recursiveParts(half, narrow(targets, from, to), rng.split(side), context, partOf, own, firstPart + from);
    if (split) await rm(half.path);
  }
}

/** Shares and caps of the two sides; the allowance of a level is a root of what is left for all levels below. */
function sides(n: number, { shares, caps, minimums }: Targets, first: number): Targets {
  const parts = shares.length;
  const depth = Math.ceil(Math.log2(parts));
  const two = { shares: new Float64Array(2), caps: new Int32Array(2), minimums: new Int32Array(2) };
  for (let p = 0; p < parts; p++) {
    const side = p < first ? 0 : 1;
    two.shares[side]! += shares[p]!;
    two.caps[side]! += caps[p]!;
    two.minimums[side]! += minimums[p]!;
  }
  for (let side = 0; side < 2; side++) {
    const ideal = n * two.shares[side]!;
    const narrow = Math.floor(ideal * Math.max(1, two.caps[side]! / ideal) ** (1 / depth) + 1e-9);
    two.caps[side] = Math.min(two.caps[side]!, Math.max(Math.ceil(ideal), narrow));
  }
  return two;
}

function narrow({ shares, caps, minimums }: Targets, from: number, to: number): Targets {
  const own = shares.slice(from, to);
  const sum = own.reduce((a, b) => a + b, 0);
  return { shares: own.map((share) => share / sum), caps: caps.slice(from, to), minimums: minimums.slice(from, to) };
}

/** Writes the edges inside each side, ends renamed to their place within the side; returns how many each has. */
async function splitEdges(
  file: EdgeFile,
  sideOf: Int32Array,
  names: readonly string[],
  signal: AbortSignal | undefined,
): Promise<readonly number[]> {
  const counts = [0, 0];
  const local = sideOf.map((side) => counts[side]!++);
  const writers: EdgeWriter[] = [];
  try {
    for (const name of names) writers.push(await EdgeWriter.create(name));
    if (file.edges > 0) {
      for await (const { pairs, count } of edgeChunks(file.path, new Int32Array(2 * READ_EDGES), signal)) {
        for (let i = 0; i < count; i++) {
          const u = pairs[2 * i]!;
          const v = pairs[2 * i + 1]!;
          if (sideOf[u] !== sideOf[v]) continue;
          const writer = writers[sideOf[u]!]!;
          writer.push(local[u]!, local[v]!);
          if (writer.isFull) await writer.flush();
        }
      }
    }
  } finally {
    for (const writer of writers) await writer.close();
  }
  return writers.map((writer) => writer.edges);
}
