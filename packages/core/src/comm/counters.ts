/** Counts what crosses each link class. Traffic claims are read from here, never estimated. */

/** Where a byte went: to myself, to a rank of my server, to another server. */
export type LinkClass = 'local' | 'intra' | 'inter';

/** One row of counted traffic: payload bytes sent, apart from headers. */
export interface TrafficRow {
  readonly class: LinkClass;
  readonly phase: string;
  readonly layer?: number;
  readonly bytes: number;
  readonly messages: number;
  readonly headerBytes: number;
}

interface Entry {
  class: LinkClass;
  phase: string;
  layer: number | undefined;
  bytes: number;
  messages: number;
  headerBytes: number;
}

/** Bytes and messages sent by one rank, by link class, phase and layer. Exact; counted where the bytes are sent. */
export class TrafficLedger {
  /** By phase, then layer: two look-ups, no key to build, as small collectives take microseconds. */
  readonly #phases = new Map<string, Map<number | undefined, Entry[]>>();

  /** Adds one or more messages that this rank sent. */
  add(
    linkClass: LinkClass,
    phase: string,
    layer: number | undefined,
    bytes: number,
    messages = 1,
    headerBytes = 0,
  ): void {
    let layers = this.#phases.get(phase);
    if (!layers) {
      layers = new Map();
      this.#phases.set(phase, layers);
    }
    let entries = layers.get(layer);
    if (!entries) {
      entries = [];
      layers.set(layer, entries);
    }
    let e = entries.find((entry) => entry.class === linkClass);
    if (!e) {
      e = { class: linkClass, phase, layer, bytes: 0, messages: 0, headerBytes: 0 };
      entries.push(e);
    }
    e.bytes += bytes;
    e.messages += messages;
    e.headerBytes += headerBytes;
  }

  /** All rows counted since the start or the last {@link TrafficLedger.reset}, sorted by phase, layer, class. */
  rows(): TrafficRow[] {
    const rows: TrafficRow[] = [];
    for (const layers of this.#phases.values()) {
      for (const entries of layers.values()) {
        for (const { layer, ...rest } of entries) rows.push(layer === undefined ? rest : { ...rest, layer });
      }
    }
    return sortRows(rows);
  }

  /** Forgets everything counted so far. */
  reset(): void {
    this.#phases.clear();
  }
}

/** Sums rows of equal class, phase and layer, e.g. over ranks. */
export function sumTraffic(ledgers: readonly (readonly TrafficRow[])[]): TrafficRow[] {
  const total = new TrafficLedger();
  for (const rows of ledgers) {
    for (const r of rows) total.add(r.class, r.phase, r.layer, r.bytes, r.messages, r.headerBytes);
  }
  return total.rows();
}

function sortRows(rows: TrafficRow[]): TrafficRow[] {
  return rows.sort(
    (a, b) => a.phase.localeCompare(b.phase) || (a.layer ?? -1) - (b.layer ?? -1) || a.class.localeCompare(b.class),
  );
}
