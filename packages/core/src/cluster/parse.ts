/** Reads cluster descriptions: `2x4`, an object, or YAML/JSON text. Every key is checked, unknown ones are refused. */
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { DataError, OptionError } from '../errors.js';
import type { ClusterSpec, LinkSpec, StorageSpec } from './Cluster.js';
import { parseBandwidth, parseBytes, parseDuration } from './units.js';

/** Largest cluster that is believed to be meant: beyond, a typing error is likelier. */
const MAX_SERVERS = 4096;
const MAX_DEVICES = 1024;
const MIN_DEVICE_BYTES = 65_536;
const MAX_DEVICE_BYTES = 2 ** 50;

const quantity = z.union([z.string(), z.number()]);
const linkSchema = z.strictObject({ bandwidth: quantity.optional(), latency: quantity.optional() });
const clusterSchema = z.strictObject({
  servers: z.number().optional(),
  devicesPerServer: z.union([z.number(), z.array(z.number())]).optional(),
  intraLink: linkSchema.optional(),
  interLink: linkSchema.optional(),
  deviceMemory: quantity.optional(),
  storage: z.array(z.strictObject({ path: z.string(), bandwidth: quantity.optional() })).optional(),
  links: z.enum(['measured', 'emulated']).optional(),
});

/** Keys a cluster file may have, by the path they stand at; shown when an unknown key is refused. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  '': Object.keys(clusterSchema.shape),
  intraLink: Object.keys(linkSchema.shape),
  interLink: Object.keys(linkSchema.shape),
  storage: ['path', 'bandwidth'],
};

/** A cluster as a user writes it: the keys of a cluster file. */
export type ClusterInput = z.input<typeof clusterSchema>;

/** What the command line lays over a cluster file. Strings carry units; numbers are bytes/s, seconds and bytes. */
export interface ClusterOverrides {
  /** Bandwidth inside a server. @defaultValue the cluster's */
  readonly intraBandwidth?: string | number;
  /** Bandwidth between servers. @defaultValue the cluster's */
  readonly interBandwidth?: string | number;
  /** Latency inside a server. @defaultValue the cluster's */
  readonly intraLatency?: string | number;
  /** Latency between servers. @defaultValue the cluster's */
  readonly interLatency?: string | number;
  /** Memory budget of each device. @defaultValue the cluster's */
  readonly deviceMemory?: string | number;
}

/**
 * Checks a cluster description and fills in what it leaves out: unlimited links, no memory budget, no storage.
 *
 * @param cluster - shorthand `2x4` (servers × devices), YAML or JSON text, an object with the keys of a cluster file,
 *   or a {@link ClusterSpec}
 * @param overrides - laid over the description; a link that is overridden counts as `emulated`
 * @throws {@link OptionError} if a value is out of range or a key unknown.
 * @throws {@link DataError} if the text is no YAML.
 * @example
 * parseCluster('2x4').devicesPerServer; // => [4, 4]
 */
export function parseCluster(
  cluster: string | ClusterInput | ClusterSpec,
  overrides: ClusterOverrides = {},
  where = 'cluster',
): ClusterSpec {
  return override(
    typeof cluster === 'string' ? parseText(cluster, where) : fromObject(cluster, where),
    overrides,
    where,
  );
}

function parseText(text: string, where: string): ClusterSpec {
  const shape = /^\s*([+-]?[0-9.]+)\s*[x×X*]\s*([+-]?[0-9.]+)\s*$/.exec(text);
  if (shape) return fromInput({ servers: Number(shape[1]), devicesPerServer: Number(shape[2]) }, where);
  let value: unknown;
  try {
    value = parseYaml(text, { logLevel: 'error' });
  } catch (cause) {
    const why = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
    throw new DataError(`${where}: text must be YAML or JSON, got an error: ${why}`, { where }, { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new OptionError(
      where,
      'description',
      text,
      'a shape such as 2x4 (servers × devices) or a YAML/JSON mapping',
      `keys are ${ALLOWED['']?.join(', ')}`,
    );
  }
  return fromObject(value, where);
}

function fromObject(value: object, where: string): ClusterSpec {
  if (isSpec(value)) {
    return fromInput(
      {
        devicesPerServer: [...value.devicesPerServer],
        intraLink: linkInput(value.intraLink),
        interLink: linkInput(value.interLink),
        ...(value.deviceMemoryBytes === undefined ? {} : { deviceMemory: value.deviceMemoryBytes }),
        storage: value.storage.map((s) => ({ path: s.path, bandwidth: perSecond(s.bandwidthBytesPerS) })),
        links: value.links,
      },
      where,
    );
  }
  const checked = clusterSchema.safeParse(value);
  if (!checked.success) throw issueError(checked.error, value, where);
  return fromInput(checked.data, where);
}

function isSpec(value: object): value is ClusterSpec {
  const link = (value as { intraLink?: object }).intraLink;
  return typeof link === 'object' && link !== null && 'bandwidthBytesPerS' in link;
}

function issueError(error: z.ZodError, value: object, where: string): OptionError {
  const issue = error.issues[0];
  const path = (issue?.path ?? []).map(String);
  if (issue?.code === 'unrecognized_keys') {
    const key = [...path, issue.keys[0] ?? ''].join('.');
    const allowed = ALLOWED[path[0] ?? ''] ?? [];
    return new OptionError(where, 'key', key, `one of ${allowed.join(', ')}`, 'check the spelling or remove the line');
  }
  let got: unknown = value;
  for (const key of path) got = (got as Record<string, unknown> | undefined)?.[key];
  const expected: Readonly<Record<string, string>> = {
    servers: 'a whole number',
    devicesPerServer: 'a whole number, or a list with one per server',
    intraLink: 'a mapping with bandwidth and latency',
    interLink: 'a mapping with bandwidth and latency',
    deviceMemory: 'a size such as 512MB',
    storage: 'a list of { path, bandwidth }',
    links: 'measured or emulated',
  };
  return new OptionError(where, path.join('.'), got, expected[path[0] ?? ''] ?? 'valid', 'see the cluster file format');
}

function fromInput(input: ClusterInput, where: string): ClusterSpec {
  const spec = {
    devicesPerServer: shapeOf(input, where),
    intraLink: linkOf(input.intraLink, `${where}: intraLink`),
    interLink: linkOf(input.interLink, `${where}: interLink`),
    storage: (input.storage ?? []).map((s) => storageOf(s, where)),
    links: input.links ?? ('emulated' as const),
  };
  return input.deviceMemory === undefined
    ? spec
    : { ...spec, deviceMemoryBytes: memoryOf(input.deviceMemory, `${where}: deviceMemory`) };
}

function shapeOf({ servers, devicesPerServer = 1 }: ClusterInput, where: string): number[] {
  const remedy = 'write for instance 2x4 for two servers of four devices';
  const count = servers ?? (Array.isArray(devicesPerServer) ? devicesPerServer.length : 1);
  if (!Number.isInteger(count) || count < 1 || count > MAX_SERVERS) {
    throw new OptionError(where, 'servers', count, `a whole number in [1, ${MAX_SERVERS}]`, remedy);
  }
  const devices = Array.isArray(devicesPerServer) ? devicesPerServer : new Array<number>(count).fill(devicesPerServer);
  if (devices.length !== count) {
    throw new OptionError(
      where,
      'devicesPerServer',
      devices,
      `a list of ${count} numbers, one per server`,
      `give ${count} entries or change servers`,
    );
  }
  for (const n of devices) {
    if (!Number.isInteger(n) || n < 1 || n > MAX_DEVICES) {
      throw new OptionError(where, 'devicesPerServer', n, `a whole number in [1, ${MAX_DEVICES}]`, remedy);
    }
  }
  return devices;
}

function linkOf(link: z.input<typeof linkSchema> = {}, where: string): LinkSpec {
  return {
    bandwidthBytesPerS: link.bandwidth === undefined ? Number.POSITIVE_INFINITY : parseBandwidth(link.bandwidth, where),
    latencyS: link.latency === undefined ? 0 : parseDuration(link.latency, where),
  };
}

function storageOf(storage: { path: string; bandwidth?: string | number | undefined }, where: string): StorageSpec {
  if (storage.path === '')
    throw new OptionError(`${where}: storage`, 'path', '', 'a folder', 'name one or remove the entry');
  const bandwidth = storage.bandwidth ?? 'unlimited';
  return { path: storage.path, bandwidthBytesPerS: parseBandwidth(bandwidth, `${where}: storage`) };
}

function memoryOf(size: string | number, where: string): number {
  const bytes = parseBytes(size, where);
  if (bytes < MIN_DEVICE_BYTES || bytes > MAX_DEVICE_BYTES) {
    throw new OptionError(where, 'size', size, 'between 64 KiB and 1 PiB', 'write for instance 512MB');
  }
  return bytes;
}

function override(spec: ClusterSpec, o: ClusterOverrides, where: string): ClusterSpec {
  const link = (
    old: LinkSpec,
    bandwidth: string | number | undefined,
    latency: string | number | undefined,
    at: string,
  ) => ({
    bandwidthBytesPerS: bandwidth === undefined ? old.bandwidthBytesPerS : parseBandwidth(perSecond(bandwidth), at),
    latencyS: latency === undefined ? old.latencyS : parseDuration(inSeconds(latency), at),
  });
  const isLinkChanged = [o.intraBandwidth, o.interBandwidth, o.intraLatency, o.interLatency].some(
    (v) => v !== undefined,
  );
  return {
    ...spec,
    intraLink: link(spec.intraLink, o.intraBandwidth, o.intraLatency, `${where}: intraLink`),
    interLink: link(spec.interLink, o.interBandwidth, o.interLatency, `${where}: interLink`),
    links: isLinkChanged ? 'emulated' : spec.links,
    ...(o.deviceMemory === undefined ? {} : { deviceMemoryBytes: memoryOf(o.deviceMemory, `${where}: deviceMemory`) }),
  };
}

/** In code a number is unambiguous (bytes/s, s); in files and flags it is not, and is refused. */
function perSecond(v: string | number): string | number {
  return typeof v === 'number' && v !== Number.POSITIVE_INFINITY ? `${v}B/s` : v;
}

function inSeconds(v: string | number): string {
  return typeof v === 'number' ? `${v}s` : v;
}

function linkInput(link: LinkSpec): z.input<typeof linkSchema> {
  return { bandwidth: perSecond(link.bandwidthBytesPerS), latency: inSeconds(link.latencyS) };
}
