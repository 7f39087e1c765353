/** Two-level partition for a cluster: first over servers, then each server's vertices over its devices. */
import { OptionError, Rng, sharedInt32 } from '@strata-ml/core';
import type { CsrGraph } from '../csr/CsrGraph.js';
import { inducedSubgraph } from '../csr/transform.js';
import { assign, prepareGraph, readsEdges } from './assign.js';
import { type PartitionOptions, type ResolvedPartitionOptions, resolvePartitionOptions } from './options.js';
import { checkParts } from './partition.js';
import { capOf, type Targets } from './Targets.js';

/**
 * Assigns every vertex to a rank of a cluster: world rank = devices of the servers before + device number.
 *
 * The first cut is between servers, with shares proportional to their devices, because links between servers are the
 * slow ones; the subgraph of each server is then cut over its devices. No rank gets more than
 * max(⌈n/P⌉, ⌊balance · n/P⌋) vertices, P = all devices; none is empty unless `allowEmpty`. Returns int32 `[n]` in shared
 * memory. Cost: about two runs of {@link partition}.
 *
 * @param devicesPerServer - devices of each server, ≥ 1 each; they may differ
 * @throws {@link OptionError} if there is no server, a server has no device, there are more devices than vertices, or an
 * option is out of range.
 * @throws `AbortedError` if `signal` is aborted.
 *
 * @example
 * [...partitionCluster(grid({ rows: 1, columns: 6 }), [2, 1], { method: 'range' })]; // => [0, 0, 1, 1, 2, 2]
 */
export function partitionCluster(
  g: CsrGraph,
  devicesPerServer: readonly number[],
  options: PartitionOptions = {},
): Int32Array {
  const where = 'partitionCluster';
  const resolved = resolvePartitionOptions(where, options);
  const devices = checkDevices(where, devicesPerServer);
  const n = g.numVertices;
  checkParts(where, 'devices', devices, n, resolved.allowEmpty);
  const graph = prepareGraph(g, resolved.method);
  const rng = new Rng(resolved.seed).split('partition');
  const rankCap = capOf(n / devices, resolved.balance);
  const passes = devicesPerServer.length > 1 ? 2 : 1; // levels that walk all vertices, for progress
  const report = levelProgress(resolved, n, passes);

  const serverOf = sharedInt32(n);
  assign(graph, serverTargets(n, devicesPerServer, rankCap, resolved), report(0), rng.split('servers'), serverOf);

  const rankOf = serverOf;
  const members = groupVertices(serverOf, devicesPerServer.length);
  let firstRank = 0;
  let done = 0;
  for (let s = 0; s < devicesPerServer.length; s++) {
    const vertices = members[s]!;
    const count = devicesPerServer[s]!;
    const local = new Int32Array(vertices.length);
    const targets: Targets = {
      shares: new Float64Array(count).fill(1 / count),
      caps: new Int32Array(count).fill(Math.max(rankCap, Math.ceil(vertices.length / count))),
      minimums: new Int32Array(count).fill(resolved.allowEmpty ? 0 : 1),
    };
    const subgraph =
      readsEdges(resolved.method) && count > 1
        ? inducedSubgraph(graph, vertices)
        : { numVertices: vertices.length, indptr: new Int32Array(1), indices: new Int32Array(0) };
    assign(subgraph, targets, report((passes - 1) * n + done), rng.split('devices', s), local, vertices);
    for (let i = 0; i < vertices.length; i++) rankOf[vertices[i]!] = firstRank + local[i]!;
    firstRank += count;
    done += vertices.length;
  }
  return rankOf;
}

/** Sum of devices. @throws {@link OptionError} unless there is a server and each has a device. */
export function checkDevices(where: string, devicesPerServer: readonly number[]): number {
  if (devicesPerServer.length === 0) throw new OptionError(where, 'devicesPerServer', [], 'at least one server');
  devicesPerServer.forEach((count, s) => {
    if (!(Number.isInteger(count) && count >= 1)) {
      throw new OptionError(where, `devicesPerServer[${s}]`, count, 'an integer ≥ 1');
    }
  });
  return devicesPerServer.reduce((a, b) => a + b, 0);
}

/**
 * The balance allowance is split over the levels (√balance each), and no server gets more than its devices may hold:
 * so the cap per rank can always be met at the second level.
 */
function serverTargets(
  n: number,
  devicesPerServer: readonly number[],
  rankCap: number,
  { balance, allowEmpty }: ResolvedPartitionOptions,
): Targets {
  const devices = devicesPerServer.reduce((a, b) => a + b, 0);
  const shares = Float64Array.from(devicesPerServer, (count) => count / devices);
  return {
    shares,
    caps: Int32Array.from(devicesPerServer, (count) =>
      Math.max(
        Math.ceil((n * count) / devices),
        Math.min(Math.floor((Math.sqrt(balance) * n * count) / devices), rankCap * count),
      ),
    ),
    minimums: Int32Array.from(devicesPerServer, (count) => (allowEmpty ? 0 : count)),
  };
}

/** Vertices of each part, ascending. */
export function groupVertices(partOf: Int32Array, parts: number): Int32Array[] {
  const counts = new Int32Array(parts);
  for (let v = 0; v < partOf.length; v++) counts[partOf[v]!]!++;
  const groups = Array.from(counts, (count) => new Int32Array(count));
  const next = counts.fill(0);
  for (let v = 0; v < partOf.length; v++) {
    const p = partOf[v]!;
    groups[p]![next[p]!++] = v;
  }
  return groups;
}

/** Options for the part of the work that starts at `offset`, so that the caller sees one rising count. */
function levelProgress(options: ResolvedPartitionOptions, n: number, levels: number) {
  const { onProgress, passes } = options;
  return (offset: number): ResolvedPartitionOptions =>
    onProgress
      ? {
          ...options,
          onProgress: ({ placed }) => onProgress({ placed: offset * passes + placed, total: levels * n * passes }),
        }
      : options;
}
