/** The cluster a run is laid out on: servers × devices, the links inside and between servers, memory and storage. */

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
