/** What every transport does in a rank: import the entry, start the engine, put the context together. */
import { type ClusterSpec, placeRank, worldSizeOf } from '../cluster/Cluster.js';
import type { ProcessGroup } from '../comm/ProcessGroup.js';
import type { Device } from '../device/Device.js';
import type { EngineName, EngineReport } from '../engine/EngineReport.js';
import { AbortedError, OptionError, StrataError } from '../errors.js';
import { Rng } from '../rng.js';
import { NO_TRACE, type Trace } from '../trace/Trace.js';
import type { RankContext, RankEntry } from './RankContext.js';

/** What {@link createRankContext} puts together. */
export interface RankContextParts {
  readonly cluster: ClusterSpec;
  readonly rank: number;
  readonly transport: string;
  readonly world: ProcessGroup;
  readonly serverGroup: ProcessGroup;
  readonly crossGroup: ProcessGroup;
  readonly device: Device;
  readonly seed: number;
  /** @defaultValue records nothing */
  readonly trace?: Trace;
  report(event: unknown): void;
  isAborting(): boolean;
}

/** Puts a rank's context together; used by transports. */
export function createRankContext(parts: RankContextParts): RankContext {
  const { cluster, rank, transport, world, serverGroup, crossGroup, device, seed, trace = NO_TRACE } = parts;
  const { server, localRank } = placeRank(cluster, rank);
  return {
    rank,
    worldSize: worldSizeOf(cluster),
    server,
    localRank,
    cluster,
    transport,
    world,
    serverGroup,
    crossGroup,
    device,
    rng: new Rng(seed),
    trace,
    report: (event) => parts.report(event),
    get isAborting() {
      return parts.isAborting();
    },
    throwIfAborted: () => {
      if (parts.isAborting()) throw new AbortedError();
    },
  };
}

/**
 * Imports an entry module.
 *
 * @throws {@link OptionError} if its default export is no function.
 */
export async function importRankEntry(entry: URL | string): Promise<RankEntry> {
  const module = (await import(String(entry))) as { readonly default?: unknown };
  if (typeof module.default !== 'function') {
    throw new OptionError('launch', `default export of ${String(entry)}`, typeof module.default, 'a function');
  }
  return module.default as RankEntry;
}

/** Starts the engine of this rank; `none` gives a device that must not be used. */
export async function startDevice(
  engine: EngineName | 'auto' | 'none',
  memoryBytes: number | undefined,
): Promise<{ readonly device: Device; readonly report: EngineReport | undefined }> {
  if (engine === 'none') {
    const device = new Proxy({} as Device, {
      get: (_, name) => {
        throw new StrataError(
          'ERR_STRATA_NO_ENGINE',
          `ctx.device.${String(name)}: an engine must run, got engine 'none'; launch with engine 'auto'`,
        );
      },
    });
    return { device, report: undefined };
  }
  // Loaded on demand: ranks that only communicate start without tfjs.
  const [{ initEngine }, { createDevice }] = await Promise.all([
    import('../engine/choose.js'),
    import('../device/Device.js'),
  ]);
  // Ranks share the machine, so each computes on one thread.
  const report = await initEngine({
    prefer: engine,
    threads: 1,
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
  });
  return { device: createDevice(report), report };
}
