/**
 * The shared memory through which ranks on worker threads communicate: one WebAssembly memory, so that the SIMD
 * reductions read every rank's data in place. Pages cost nothing until they are touched.
 *
 * run state · one record per rank · link ports · one ring of message descriptors per directed pair of ranks · control
 * blocks of groups · one arena per rank for the data it hands over.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { type ClusterSpec, placeRank, worldSizeOf } from '../../cluster/Cluster.js';
import { StrataError } from '../../errors.js';
import { type WasmMemory, type WasmModule, wasm } from '../../webAssembly.js';
import { type EmulatedLinks, emulatedLinks, linkCells } from '../link.js';
import { controlBytes } from './GroupControl.js';

/** Cells of the run state (int32). */
export const RUN = { state: 0, controlUsed: 1, nextContext: 2, starved: 3 } as const;
/** Values of the run state. */
export const RUN_STATE = { running: 0, abortRequested: 1, abortForced: 2, failed: 3 } as const;
/** Cells of a rank's record (int32). */
export const RANK = { doorbell: 0, sleepers: 16, heartbeat: 17, starved: 18, phaseLength: 19, phase: 20 } as const;
/** Bytes of the label in a rank's record. */
export const PHASE_BYTES = 128;

const RANK_BASE = 256;
const RANK_BYTES = 256;
/** A ring: two cells on their own cache lines, then descriptors. */
export const RING = { header: 128, slots: 64, slotBytes: 64 } as const;
const RING_BYTES = RING.header + RING.slots * RING.slotBytes;
const CONTROL_BYTES = 64 * 2 ** 20;
const PAGE = 65_536;
const MAX_ARENA_BYTES = 512 * 2 ** 20;

/** Everything a rank needs to join. It can be posted to a worker: memory and code are shared, not copied. */
export interface Fabric {
  readonly memory: WasmMemory;
  readonly reduce: WasmModule;
  readonly worldSize: number;
  readonly serverOf: readonly number[];
  readonly links?: EmulatedLinks;
  /** Whether `auto` all-reduces across servers take the hierarchical algorithm. */
  readonly prefersHierarchical: boolean;
  /** Whether every rank has a core of its own. */
  readonly hasOwnCores: boolean;
  readonly portsBase: number;
  readonly ringsBase: number;
  readonly controlBase: number;
  readonly arenaBase: number;
  readonly arenaBytes: number;
  readonly world: GroupSpec;
  readonly servers: readonly GroupSpec[];
  /** By local rank. */
  readonly cross: readonly GroupSpec[];
}

/** Where a group lives in the fabric. */
export interface GroupSpec {
  /** Keeps messages of groups apart. */
  readonly context: number;
  /** Byte address of the control block. */
  readonly control: number;
  /** World ranks in group order. */
  readonly ranks: readonly number[];
}

/** Byte address of a rank's record, as an int32 index. */
export function rankCell(rank: number): number {
  return (RANK_BASE + rank * RANK_BYTES) >>> 2;
}

/** Byte address of the ring for messages from one rank to another. */
export function ringAddress(fabric: Fabric, from: number, to: number): number {
  return fabric.ringsBase + (from * fabric.worldSize + to) * RING_BYTES;
}

/** Lays out the shared memory of a run. */
export function createFabric(cluster: ClusterSpec): Fabric {
  const worldSize = worldSizeOf(cluster);
  const servers = cluster.devicesPerServer.length;
  const serverOf = Array.from({ length: worldSize }, (_, rank) => placeRank(cluster, rank).server);
  const portsBase = RANK_BASE + worldSize * RANK_BYTES;
  const ringsBase = align(portsBase + 8 * linkCells(worldSize, servers), PAGE);
  const controlBase = align(ringsBase + worldSize * worldSize * RING_BYTES, PAGE);
  const arenaBase = controlBase + CONTROL_BYTES;
  const { memory, arenaBytes } = allocate(arenaBase, worldSize);

  const run = new Int32Array(memory.buffer, 0, 64);
  const allRanks = Array.from({ length: worldSize }, (_, rank) => rank);
  const group = (ranks: readonly number[]): GroupSpec => ({
    ...allocateControl(run, controlBase, ranks.length),
    ranks,
  });
  const world = group(allRanks);
  const serverGroups = Array.from({ length: servers }, (_, s) => group(allRanks.filter((r) => serverOf[r] === s)));
  const widest = Math.max(...cluster.devicesPerServer);
  const cross = Array.from({ length: widest }, (_, local) =>
    group(allRanks.filter((r) => placeRank(cluster, r).localRank === local)),
  );
  const links = emulatedLinks(cluster);
  return {
    memory,
    reduce: new wasm.Module(readFileSync(new URL('./reduce.wasm', import.meta.url))),
    worldSize,
    serverOf,
    ...(links ? { links } : {}),
    prefersHierarchical: cluster.interLink.bandwidthBytesPerS < cluster.intraLink.bandwidthBytesPerS / 2,
    hasOwnCores: availableParallelism() >= worldSize,
    portsBase,
    ringsBase,
    controlBase,
    arenaBase,
    arenaBytes,
    world,
    servers: serverGroups,
    cross,
  };
}

/** Takes a control block and a context number; any thread may call it. */
export function allocateControl(
  run: Int32Array,
  controlBase: number,
  size: number,
): { readonly control: number; readonly context: number } {
  const bytes = controlBytes(size);
  const begin = Atomics.add(run, RUN.controlUsed, bytes);
  if (begin + bytes > CONTROL_BYTES) {
    throw new StrataError(
      'ERR_STRATA_TOO_MANY_GROUPS',
      `split: groups must fit into ${CONTROL_BYTES} bytes of control blocks, got ${begin + bytes}; keep groups and reuse them`,
    );
  }
  return { control: controlBase + begin, context: Atomics.add(run, RUN.nextContext, 1) + 1 };
}

/** Reserves address space, not memory. Where that is limited, arenas get smaller. */
function allocate(arenaBase: number, worldSize: number): { memory: WasmMemory; arenaBytes: number } {
  const most = Math.floor((65_535 * PAGE - arenaBase) / worldSize / PAGE) * PAGE;
  for (let arenaBytes = Math.min(MAX_ARENA_BYTES, most); ; arenaBytes = align(arenaBytes / 2, PAGE)) {
    const pages = (arenaBase + arenaBytes * worldSize) / PAGE;
    try {
      return { memory: new wasm.Memory({ initial: pages, maximum: pages, shared: true }), arenaBytes };
    } catch (cause) {
      if (arenaBytes <= 4 * 2 ** 20) {
        throw new StrataError(
          'ERR_STRATA_FABRIC',
          `launch: ${pages * PAGE} bytes of address space must be free, got none; raise the limit (ulimit -v) or use fewer ranks`,
          {},
          { cause },
        );
      }
    }
  }
}

function align(bytes: number, to: number): number {
  return Math.ceil(bytes / to) * to;
}
