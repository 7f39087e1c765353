/** The cluster a run is laid out on: servers × devices, the links inside and between servers, memory and storage. */
import { OptionError } from '../errors.js';
import { formatBandwidth, formatBytes, formatDuration } from './units.js';

/** One link class. */
export interface LinkSpec {
  /** Bytes per second in each direction; `Infinity` means unlimited (no emulation). */
  readonly bandwidthBytesPerS: number;
  /** Seconds per message. */
  readonly latencyS: number;
}

/** A storage device of a server. */
export interface StorageSpec {
  readonly path: string;
  readonly bandwidthBytesPerS: number;
}

/** A checked cluster description. Ranks are numbered server-major: the ranks of a server are neighbours. */
export interface ClusterSpec {
  /** Devices of each server; its length is the number of servers. Every entry ≥ 1. */
  readonly devicesPerServer: readonly number[];
  readonly intraLink: LinkSpec;
  readonly interLink: LinkSpec;
  /** Memory budget of each device, in bytes; undefined means no budget was asked for. */
  readonly deviceMemoryBytes?: number;
  readonly storage: readonly StorageSpec[];
  /** Where the link figures come from: `measured` by `strata cluster profile`, else `emulated` when limited. */
  readonly links: 'measured' | 'emulated';
}

/** Where a rank lives. */
export interface Placement {
  /** Index of the server. */
  readonly server: number;
  /** Index among the ranks of that server. */
  readonly localRank: number;
}

/** Number of ranks: the sum of the devices of all servers. */
export function worldSizeOf(cluster: ClusterSpec): number {
  return cluster.devicesPerServer.reduce((sum, n) => sum + n, 0);
}

/**
 * Finds the server and the local rank of a world rank.
 *
 * @throws {@link OptionError} if `rank` is not an integer in [0, world size).
 * @example
 * placeRank(parseCluster('2x4'), 5); // => { server: 1, localRank: 1 }
 */
export function placeRank(cluster: ClusterSpec, rank: number): Placement {
  let localRank = rank;
  if (Number.isInteger(rank) && rank >= 0) {
    for (const [server, devices] of cluster.devicesPerServer.entries()) {
      if (localRank < devices) return { server, localRank };
      localRank -= devices;
    }
  }
  throw new OptionError('placeRank', 'rank', rank, `an integer in [0, ${worldSizeOf(cluster)})`);
}

/**
 * Writes the shape as short as it was read: `2x4`, or `[2, 3]` when servers differ.
 *
 * @example
 * formatCluster(parseCluster('2x4')); // => "2x4"
 */
export function formatCluster(cluster: ClusterSpec): string {
  const devices = cluster.devicesPerServer;
  return devices.every((n) => n === devices[0])
    ? `${devices.length}x${devices[0] ?? 0}`
    : `[${devices.join(', ')}] devices`;
}

/**
 * Describes a cluster in one line for people: shape, links, where their figures come from, memory.
 *
 * @example
 * describeCluster(parseCluster('2x2', { interBandwidth: '1Gbps' }));
 * // => "2 servers × 2 devices · inside a server: unlimited · between servers: 1Gbps (emulated)"
 */
export function describeCluster(cluster: ClusterSpec): string {
  const devices = cluster.devicesPerServer;
  const same = devices.every((n) => n === devices[0]);
  const parts = [
    same
      ? `${plural(devices.length, 'server')} × ${plural(devices[0] ?? 0, 'device')}`
      : `${plural(devices.length, 'server')} with ${devices.join(', ')} devices`,
    `inside a server: ${describeLink(cluster.intraLink, cluster.links)}`,
  ];
  if (devices.length > 1) parts.push(`between servers: ${describeLink(cluster.interLink, cluster.links)}`);
  if (cluster.deviceMemoryBytes !== undefined) parts.push(`${formatBytes(cluster.deviceMemoryBytes)} per device`);
  return parts.join(' · ');
}

/** True when the link neither limits bandwidth nor adds latency, so that nothing is emulated. */
export function isUnlimited(link: LinkSpec): boolean {
  return link.bandwidthBytesPerS === Number.POSITIVE_INFINITY && link.latencyS === 0;
}

function describeLink(link: LinkSpec, source: ClusterSpec['links']): string {
  if (isUnlimited(link)) return 'unlimited';
  const latency = link.latencyS > 0 ? `, ${formatDuration(link.latencyS)}` : '';
  return `${formatBandwidth(link.bandwidthBytesPerS)}${latency} (${source})`;
}

function plural(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}
