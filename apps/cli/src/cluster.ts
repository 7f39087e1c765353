/** The cluster of a run, from its flags and from the MPI job around it. */
import { type ClusterSpec, defaultTransport, type EngineName, isUnlimited, loadCluster } from '@strata-ml/core';
import { UsageError } from './errors.js';
import type { ClusterFlags } from './options.js';
import type { FigureKind } from './output/envelope.js';
import type { Rank } from './rank.js';

/** What runs where. */
export interface RunPlace {
  readonly cluster: ClusterSpec;
  readonly transport: 'threads' | 'processes' | 'mpi';
}

/**
 * Reads the cluster flags. Under MPI the default is one server with all ranks, else one device.
 *
 * @throws {@link OptionError} or {@link DataError} for a bad shape, file, key or unit.
 */
export async function placeOf(
  flags: ClusterFlags & { readonly engine?: EngineName | 'auto' },
  rank: Rank,
): Promise<RunPlace> {
  const transport = flags.transport ?? (rank.isMpi ? 'mpi' : undefined);
  if (transport === 'mpi' && !rank.isMpi) {
    throw new UsageError(
      '--transport mpi needs a launcher, and none started this process',
      'start it with mpirun -n 4 strata … or srun',
    );
  }
  const shape = flags.cluster ?? (transport === 'mpi' ? `1x${rank.size ?? 1}` : '1x1');
  const { intraBandwidth, interBandwidth, intraLatency, interLatency, deviceMemory } = flags;
  const cluster = await loadCluster(shape, {
    ...(intraBandwidth === undefined ? {} : { intraBandwidth }),
    ...(interBandwidth === undefined ? {} : { interBandwidth }),
    ...(intraLatency === undefined ? {} : { intraLatency }),
    ...(interLatency === undefined ? {} : { interLatency }),
    ...(deviceMemory === undefined ? {} : { deviceMemory }),
  });
  if (transport === 'mpi') await registerMpiTransport();
  return { cluster, transport: transport ?? defaultTransport(cluster, flags.engine) };
}

/** Whether the links of a run were real: core's transports hold transfers back where a link is limited, MPI never does. */
export function linkKind({ cluster, transport }: RunPlace): FigureKind {
  if (transport === 'mpi') return 'measured';
  const used = [
    ...(cluster.devicesPerServer.some((n) => n > 1) ? [cluster.intraLink] : []),
    ...(cluster.devicesPerServer.length > 1 ? [cluster.interLink] : []),
  ];
  return used.every(isUnlimited) ? 'measured' : 'emulated';
}

async function registerMpiTransport(): Promise<void> {
  const { registerMpi } = await import('@strata-ml/mpi');
  registerMpi();
}
