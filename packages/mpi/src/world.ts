/** Lays a cluster out on the ranks of an MPI job: which ranks form a server, and the groups made from that. */
import { type ClusterSpec, OptionError, TrafficLedger } from '@strata-ml/core';
import type { GroupRuntime } from './group/GroupRuntime.js';
import { MpiProcessGroup } from './group/MpiProcessGroup.js';
import { MAX_COUNT } from './group/plans.js';
import { initMpi, type MpiProcess } from './process.js';

/**
 * What makes ranks neighbours: `cluster` (as declared, in rank order), `hosts` (ranks of one host are one server), or
 * `auto`: hosts when there is more than one, else as declared.
 */
export type ServerRule = 'auto' | 'cluster' | 'hosts';

/** Options of {@link createMpiWorld}. */
export interface WorldOptions {
  /** Devices of each server; must fit the job. @defaultValue what the hosts say */
  readonly devicesPerServer?: readonly number[];
  /** @defaultValue `'auto'` */
  readonly servers?: ServerRule;
  /** Longest wait of any call, in ms. @defaultValue `60000` */
  readonly timeoutMs?: number;
  /** Compare the calls of all ranks before each collective. Costs a small all-gather each. @defaultValue `false` */
  readonly checkComm?: boolean;
  /** Links of the cluster, from which `allReduce` with `algorithm: 'auto'` chooses. They are not emulated over MPI. */
  readonly links?: Pick<ClusterSpec, 'intraLink' | 'interLink'>;
  /** Most elements in one MPI call; smaller only in tests of the splitting. @defaultValue `2 ** 31 - 1` */
  readonly maxCount?: number;
}

/** The groups of this rank. */
export interface MpiWorld {
  readonly devicesPerServer: readonly number[];
  /** Name of the host of each server. */
  readonly serverHosts: readonly string[];
  readonly server: number;
  readonly localRank: number;
  /** All ranks, server-major. */
  readonly world: MpiProcessGroup;
  /** Ranks of my server. */
  readonly serverGroup: MpiProcessGroup;
  /** Ranks with my local rank on every server that has one. */
  readonly crossGroup: MpiProcessGroup;
}

/** Where each world rank is. World ranks are numbered server-major, whatever order mpirun placed the processes in. */
export interface Layout {
  readonly devicesPerServer: readonly number[];
  readonly serverHosts: readonly string[];
  /** World rank → rank in MPI_COMM_WORLD. */
  readonly mpiRanks: readonly number[];
  /** World rank → server. */
  readonly serverOf: readonly number[];
}

/**
 * Computes the layout from the hosts of all ranks and the declared servers. Every rank gets the same.
 *
 * @throws {@link OptionError} if the declared devices are not as many as the ranks, or not as the hosts have them.
 */
export function layOut(hosts: readonly string[], declared: readonly number[] | undefined, rule: ServerRule): Layout {
  const total = declared?.reduce((a, b) => a + b, 0);
  if (declared && total !== hosts.length) {
    throw new OptionError(
      'mpi',
      'cluster',
      `${total} devices`,
      `${hosts.length} devices, one per rank of the job`,
      `start mpirun -n ${total}, or give a cluster of ${hosts.length}`,
    );
  }
  const names = [...new Set(hosts)];
  if (declared && (rule === 'cluster' || (rule === 'auto' && names.length === 1))) {
    const serverOf = declared.flatMap((n, s) => new Array<number>(n).fill(s));
    const mpiRanks = hosts.map((_, r) => r);
    const serverHosts = declared.map((_, s) => hosts[serverOf.indexOf(s)]!);
    return { devicesPerServer: [...declared], serverHosts, mpiRanks, serverOf };
  }
  const byHost = names.map((name) => hosts.flatMap((h, r) => (h === name ? [r] : [])));
  const devicesPerServer = byHost.map((ranks) => ranks.length);
  if (declared && declared.join() !== devicesPerServer.join()) {
    throw new OptionError(
      'mpi',
      'cluster',
      `devices per server [${declared.join(', ')}]`,
      `[${devicesPerServer.join(', ')}], as the ranks lie on hosts ${names.join(', ')}`,
      'give the cluster the shape of the job, or set the servers rule to "cluster"',
    );
  }
  const serverOf = byHost.flatMap((ranks, s) => ranks.map(() => s));
  return { devicesPerServer, serverHosts: names, mpiRanks: byHost.flat(), serverOf };
}

/**
 * Builds the groups of this rank. Collective: every rank of the job calls it with the same options.
 *
 * @example
 * const { world } = createMpiWorld();
 * const x = Float32Array.of(world.rank);
 * world.allReduce(x);
 */
export function createMpiWorld(options: WorldOptions = {}, mpiProcess: MpiProcess = initMpi()): MpiWorld {
  const { servers = 'auto', timeoutMs = 60_000, checkComm = false, maxCount = MAX_COUNT, links } = options;
  const layout = layOut(mpiProcess.hosts, options.devicesPerServer, servers);
  const rank = layout.mpiRanks.indexOf(mpiProcess.rank);
  const server = layout.serverOf[rank]!;
  const { mpi, progress, liveness, shared } = mpiProcess;
  const runtime: GroupRuntime = {
    mpi,
    progress,
    liveness,
    shared,
    traffic: new TrafficLedger(),
    timeoutMs,
    checkComm,
    maxCount,
    maxTag: mpi.tagUpperBound() - 1,
    prefersHierarchical:
      links !== undefined && links.interLink.bandwidthBytesPerS < links.intraLink.bandwidthBytesPerS / 2,
    serverOf: (worldRank) => layout.serverOf[worldRank]!,
    mpiRankOf: (worldRank) => layout.mpiRanks[worldRank]!,
  };
  const comm = mpi.cell();
  mpi.call('MPI_Comm_split', mpi.handles.commWorld, 0, rank, comm);
  const ranks = layout.mpiRanks.map((_, r) => r);
  const index = Int32Array.of(shared?.next ?? 0);
  const { inPlace, ops, commWorld } = mpi.handles;
  mpi.call('MPI_Allreduce', inPlace, mpi.pointer(index), 1, mpi.typeOf('int32'), ops.max, commWorld);
  const world = new MpiProcessGroup(runtime, comm[0]!, `world${mpiProcess.nextWorld()}`, rank, ranks, index[0]!);
  const localRank = rank - layout.serverOf.indexOf(server);
  const serverGroup = world.split(server);
  const crossGroup = world.split(localRank);
  const { devicesPerServer, serverHosts } = layout;
  return { devicesPerServer, serverHosts, server, localRank, world, serverGroup, crossGroup };
}
