/** Cluster files: read with every key checked, written whole or not at all. */
import { readFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import { atomicWrite } from '../atomicWrite.js';
import { OptionError } from '../errors.js';
import type { ClusterSpec, LinkSpec } from './Cluster.js';
import { type ClusterOverrides, parseCluster } from './parse.js';
import { formatBandwidth, formatDuration } from './units.js';

/**
 * Reads a cluster file (YAML or JSON).
 *
 * @throws {@link OptionError} if the file cannot be read, a key is unknown or a value out of range.
 * @throws {@link DataError} if the file is no YAML.
 */
export async function readClusterFile(path: string, overrides: ClusterOverrides = {}): Promise<ClusterSpec> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new OptionError(
      'cluster',
      'file',
      path,
      `a readable YAML or JSON file (${why})`,
      'or give a shape such as 2x4',
    );
  }
  if (text.trim() === '') {
    throw new OptionError(
      'cluster',
      'file',
      path,
      'a YAML or JSON mapping, it is empty',
      'or give a shape such as 2x4',
    );
  }
  return parseCluster(text, overrides, `cluster ${path}`);
}

/**
 * Reads what a user gives as `--cluster`: a shape such as `2x4`, else the path of a cluster file.
 *
 * @throws {@link OptionError} as {@link parseCluster} and {@link readClusterFile} do.
 */
export async function loadCluster(shapeOrPath: string, overrides: ClusterOverrides = {}): Promise<ClusterSpec> {
  return /^\s*[+-]?[0-9.]+\s*[x×X*]/.test(shapeOrPath)
    ? parseCluster(shapeOrPath, overrides)
    : readClusterFile(shapeOrPath, overrides);
}

/**
 * Writes a cluster as the text of a cluster file; {@link parseCluster} reads the same cluster back.
 *
 * @example
 * clusterToYaml(parseCluster('2x2')).split('\n')[0]; // => "servers: 2"
 */
export function clusterToYaml(cluster: ClusterSpec): string {
  const devices = cluster.devicesPerServer;
  const link = (l: LinkSpec) => ({
    bandwidth: formatBandwidth(l.bandwidthBytesPerS),
    latency: formatDuration(l.latencyS),
  });
  return stringify({
    servers: devices.length,
    devicesPerServer: devices.every((n) => n === devices[0]) ? devices[0] : [...devices],
    intraLink: link(cluster.intraLink),
    interLink: link(cluster.interLink),
    ...(cluster.deviceMemoryBytes === undefined ? {} : { deviceMemory: cluster.deviceMemoryBytes }),
    ...(cluster.storage.length === 0
      ? {}
      : { storage: cluster.storage.map((s) => ({ path: s.path, bandwidth: formatBandwidth(s.bandwidthBytesPerS) })) }),
    links: cluster.links,
  });
}

/** Writes a cluster file: to a temporary name, flushed, then renamed, so that no reader sees half a file. */
export async function writeClusterFile(path: string, cluster: ClusterSpec): Promise<void> {
  await atomicWrite(path, clusterToYaml(cluster));
}
