/** Measures the links of a running cluster: ping-pong and streams between each pair of ranks, on any transport. */
import { NonFiniteError, OptionError } from '../errors.js';
import type { RankContext } from '../launch/RankContext.js';
import { median } from '../timings.js';
import { type ClusterSpec, type LinkSpec, placeRank } from './Cluster.js';
import { fitLink, type LinkSample } from './fitLink.js';

/** Options of {@link profileCluster}. */
export interface ProfileOptions {
  /** Message sizes in bytes, whole and at least 1. @defaultValue 1 KiB, 4 KiB, … 64 MiB (powers of 4) */
  readonly sizes?: readonly number[];
  /** Timed round trips of each size, four times as many up to 64 KiB; the fastest counts. @defaultValue `5` */
  readonly repeats?: number;
  /** Messages of the largest size in a stream. @defaultValue `4` */
  readonly streamMessages?: number;
}

/** What was measured between two ranks. */
export interface PairProfile {
  readonly from: number;
  readonly to: number;
  readonly linkClass: 'intra' | 'inter';
  readonly latencyS: number;
  readonly bandwidthBytesPerS: number;
  /** Bandwidth of back-to-back messages of the largest size, their acknowledgement included. */
  readonly streamBytesPerS: number;
  /** One-way times: half of the fastest round trip of each size. */
  readonly samples: readonly LinkSample[];
}

/** What {@link profileCluster} needs of a rank. */
export type ProfileContext = Pick<RankContext, 'rank' | 'worldSize' | 'world' | 'cluster'>;

const DEFAULT_SIZES: readonly number[] = Array.from({ length: 9 }, (_, i) => 1024 * 4 ** i);

/** Up to here a round trip is cheap, and one disturbed by the machine weighs most. */
const SMALL_BYTES = 65_536;

/**
 * Measures every pair of ranks, one pair at a time while the others wait. Collective: call it on every rank with the
 * same options. All ranks return the same profiles.
 *
 * On emulated links it measures the emulation. Cost: pairs × Σ sizes × 2 · repeats bytes; for 64 MiB and 4 ranks a few
 * seconds on one machine, minutes over 1 Gb/s.
 *
 * @throws {@link OptionError} if a size or a count is out of range.
 */
export function profileCluster(ctx: ProfileContext, options: ProfileOptions = {}): PairProfile[] {
  const { sizes = DEFAULT_SIZES, repeats = 5, streamMessages = 4 } = options;
  const isCount = (n: number) => Number.isInteger(n) && n >= 1;
  if (new Set(sizes).size < 2 || !sizes.every((n) => isCount(n) && n <= 2 ** 31)) {
    throw new OptionError('profileCluster', 'sizes', [...sizes], 'two or more different whole numbers in [1, 2^31]');
  }
  if (!isCount(repeats)) throw new OptionError('profileCluster', 'repeats', repeats, 'a whole number ≥ 1');
  if (!isCount(streamMessages)) {
    throw new OptionError('profileCluster', 'streamMessages', streamMessages, 'a whole number ≥ 1');
  }
  const ascending = [...sizes].sort((a, b) => a - b);
  const data = new Uint8Array(ascending[ascending.length - 1]!);
  const profiles: PairProfile[] = [];
  for (let from = 0; from < ctx.worldSize; from++) {
    for (let to = from + 1; to < ctx.worldSize; to++) {
      const times = new Float64Array(ascending.length + 1);
      ctx.world.barrier({ phase: 'profile' });
      if (ctx.rank === from || ctx.rank === to)
        measurePair(ctx, from, to, ascending, repeats, streamMessages, data, times);
      ctx.world.broadcast(times, from, { phase: 'profile' });
      const bad = times.findIndex((t) => !(t > 0));
      if (bad >= 0) throw new NonFiniteError(`profileCluster: time between ranks ${from} and ${to}`, bad, times[bad]!);
      profiles.push(profileOf(ctx, from, to, ascending, streamMessages, times));
    }
  }
  return profiles;
}

/**
 * Turns profiles into a cluster with `measured` links: of each class the slowest pair's bandwidth would punish all and
 * the fastest flatter them, so the median pair's figures are taken. A class without pairs stays as it was.
 */
export function profileReport(cluster: ClusterSpec, profiles: readonly PairProfile[]): ClusterSpec {
  const link = (linkClass: 'intra' | 'inter', declared: LinkSpec): LinkSpec => {
    const pairs = profiles.filter((p) => p.linkClass === linkClass);
    if (pairs.length === 0) return declared;
    return {
      latencyS: round(median(pairs.map((p) => p.latencyS))),
      bandwidthBytesPerS: round(median(pairs.map((p) => p.bandwidthBytesPerS))),
    };
  };
  return {
    ...cluster,
    intraLink: link('intra', cluster.intraLink),
    interLink: link('inter', cluster.interLink),
    links: 'measured',
  };
}

/** Fills `times` on rank `from`: one-way seconds of each size, then seconds of the stream. */
function measurePair(
  { rank, world }: ProfileContext,
  from: number,
  to: number,
  sizes: readonly number[],
  repeats: number,
  streamMessages: number,
  data: Uint8Array,
  times: Float64Array,
): void {
  const isFirst = rank === from;
  const peer = isFirst ? to : from;
  const options = { phase: 'profile' };
  const roundTrip = (message: Uint8Array): void => {
    if (isFirst) {
      world.send(message, peer, options);
      world.recv(message, peer, options);
    } else {
      world.recv(message, peer, options);
      world.send(message, peer, options);
    }
  };
  for (const [i, bytes] of sizes.entries()) {
    const message = data.subarray(0, bytes);
    roundTrip(message); // touches pages and opens connections
    let best = Number.POSITIVE_INFINITY;
    const rounds = bytes <= SMALL_BYTES ? 4 * repeats : repeats;
    for (let r = 0; r < rounds; r++) {
      const begin = performance.now();
      roundTrip(message);
      best = Math.min(best, performance.now() - begin);
    }
    times[i] = best / 2000;
  }
  const acknowledgement = data.subarray(0, 1);
  const begin = performance.now();
  if (isFirst) {
    for (let m = 0; m < streamMessages; m++) world.send(data, peer, options);
    world.recv(acknowledgement, peer, options);
  } else {
    for (let m = 0; m < streamMessages; m++) world.recv(data, peer, options);
    world.send(acknowledgement, peer, options);
  }
  times[sizes.length] = (performance.now() - begin) / 1000;
}

function profileOf(
  { cluster }: ProfileContext,
  from: number,
  to: number,
  sizes: readonly number[],
  streamMessages: number,
  times: Float64Array,
): PairProfile {
  const samples = sizes.map((bytes, i) => ({ bytes, seconds: times[i]! }));
  const linkClass = placeRank(cluster, from).server === placeRank(cluster, to).server ? 'intra' : 'inter';
  const streamBytesPerS = (streamMessages * sizes[sizes.length - 1]!) / times[sizes.length]!;
  return { from, to, linkClass, ...fitLink(samples), streamBytesPerS, samples };
}

/** Four significant digits: more is noise, and the file is read by people. */
function round(value: number): number {
  return Number(value.toPrecision(4));
}
