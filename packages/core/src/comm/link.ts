/**
 * Emulated links: every transfer waits as long as it would take on the declared link.
 *
 * A link ends in ports. Each device has a port for traffic inside its server, each server one for traffic to others,
 * shared by its devices as they share a network card. A port has two token buckets, egress and ingress (full duplex).
 * A bucket is the time in shared memory at which all bytes taken so far will have passed. A transfer takes its bytes
 * from the sender's egress and the receiver's ingress, and arrives when the later of both is through, plus the latency.
 *
 * Bytes are taken when they are handed over, so they cross while both ranks compute. A stage that can only begin
 * later (`notBefore`) still takes its share now: buckets never idle while bytes are queued. Unlimited links cost nothing.
 */
import type { ClusterSpec, LinkSpec } from '../cluster/Cluster.js';
import { isUnlimited } from '../cluster/Cluster.js';

/** How one link class is emulated. Plain data. */
export interface EmulatedLink {
  readonly nsPerByte: number;
  readonly latencyMs: number;
}

/** The emulated links of a cluster; a class that is unlimited or measured is absent. */
export interface EmulatedLinks {
  readonly intra?: EmulatedLink;
  readonly inter?: EmulatedLink;
}

/** Which links of the cluster are emulated; undefined if none is. */
export function emulatedLinks(cluster: ClusterSpec): EmulatedLinks | undefined {
  if (cluster.links !== 'emulated') return undefined;
  const intra = emulated(cluster.intraLink);
  const inter = emulated(cluster.interLink);
  return intra || inter ? { ...(intra ? { intra } : {}), ...(inter ? { inter } : {}) } : undefined;
}

function emulated(link: LinkSpec): EmulatedLink | undefined {
  return isUnlimited(link) ? undefined : { nsPerByte: 1e9 / link.bandwidthBytesPerS, latencyMs: link.latencyS * 1e3 };
}

/** int64 cells that {@link LinkPorts} needs. */
export function linkCells(worldSize: number, servers: number): number {
  return 2 * (worldSize + servers);
}

/** The ports of all ranks, in shared memory. Every rank has its own instance over the same cells. */
export class LinkPorts {
  readonly #cells: BigInt64Array;
  readonly #links: EmulatedLinks;
  readonly #serverOf: readonly number[];
  readonly #clock: () => number;
  readonly #egress: Float64Array;
  readonly #ingress: Float64Array;

  /**
   * @param cells - int64 `[linkCells(…)]` in shared memory, zero at the start
   * @param clock - milliseconds, the same in all threads
   */
  constructor(cells: BigInt64Array, links: EmulatedLinks, serverOf: readonly number[], clock: () => number) {
    this.#cells = cells;
    this.#links = links;
    this.#serverOf = serverOf;
    this.#clock = clock;
    this.#egress = new Float64Array(cells.length / 2);
    this.#ingress = new Float64Array(cells.length / 2);
  }

  /** Sends `bytes` from one rank to another; returns the time of arrival in clock milliseconds, 0 for "at once". */
  transfer(from: number, to: number, bytes: number): number {
    const link = this.#linkBetween(from, to);
    if (!link) return 0;
    const now = this.#clock();
    const sent = this.#take(this.#port(from, link) * 2, bytes * link.nsPerByte, now, now);
    const received = this.#take(this.#port(to, link) * 2 + 1, bytes * link.nsPerByte, now, now);
    return Math.max(sent, received) + link.latencyMs;
  }

  /**
   * Runs one stage of a collective: all pairs at once. Returns when the last byte has arrived.
   *
   * @param from - senders, world ranks
   * @param to - receivers, world ranks
   * @param bytes - what index i of `from` sends to index j of `to`; undefined for no message
   * @param notBefore - the stage cannot begin earlier, in clock milliseconds
   */
  stage(
    from: readonly number[],
    to: readonly number[],
    bytes: (i: number, j: number) => number | undefined,
    notBefore = 0,
  ): number {
    this.#egress.fill(-1);
    this.#ingress.fill(-1);
    let latencyMs = -1;
    for (let i = 0; i < from.length; i++) {
      for (let j = 0; j < to.length; j++) {
        const n = bytes(i, j);
        const link = n === undefined ? undefined : this.#linkBetween(from[i]!, to[j]!);
        if (!link || n === undefined) continue;
        const out = this.#port(from[i]!, link);
        const into = this.#port(to[j]!, link);
        const ns = n * link.nsPerByte;
        this.#egress[out] = Math.max(0, this.#egress[out]!) + ns;
        this.#ingress[into] = Math.max(0, this.#ingress[into]!) + ns;
        latencyMs = Math.max(latencyMs, link.latencyMs);
      }
    }
    if (latencyMs < 0) return notBefore;
    const now = this.#clock();
    let last = Math.max(now, notBefore);
    for (let port = 0; port < this.#egress.length; port++) {
      if (this.#egress[port]! > 0) last = Math.max(last, this.#take(2 * port, this.#egress[port]!, now, notBefore));
      if (this.#ingress[port]! > 0) {
        last = Math.max(last, this.#take(2 * port + 1, this.#ingress[port]!, now, notBefore));
      }
    }
    return last + latencyMs;
  }

  #linkBetween(from: number, to: number): EmulatedLink | undefined {
    if (from === to) return undefined;
    return this.#serverOf[from] === this.#serverOf[to] ? this.#links.intra : this.#links.inter;
  }

  /** Devices' ports come first, then servers'. */
  #port(rank: number, link: EmulatedLink): number {
    return link === this.#links.intra ? rank : this.#serverOf.length + this.#serverOf[rank]!;
  }

  /** Takes `ns` of a bucket's time by compare-exchange; returns when they have passed, in ms. */
  #take(cell: number, ns: number, nowMs: number, notBeforeMs: number): number {
    const now = BigInt(Math.round(nowMs * 1e6));
    const duration = BigInt(Math.round(ns));
    for (;;) {
      const tail = Atomics.load(this.#cells, cell);
      const next = (tail > now ? tail : now) + duration;
      if (Atomics.compareExchange(this.#cells, cell, tail, next) === tail) {
        return Math.max(Number(next) / 1e6, notBeforeMs + ns / 1e6);
      }
    }
  }
}
