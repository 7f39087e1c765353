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
  readonly #entries = new Map<string, Entry>();

  /** Adds one or more messages that this rank sent. */
  add(
    linkClass: LinkClass,
    phase: string,
    layer: number | undefined,
    bytes: number,
    messages = 1,
    headerBytes = 0,
  ): void {
    const key = `${linkClass} ${layer ?? ''} ${phase}`;
    let e = this.#entries.get(key);
    if (!e) {
      e = { class: linkClass, phase, layer, bytes: 0, messages: 0, headerBytes: 0 };
      this.#entries.set(key, e);
    }
    e.bytes += bytes;
    e.messages += messages;
    e.headerBytes += headerBytes;
  }

  /** All rows counted since the start or the last {@link TrafficLedger.reset}, sorted by phase, layer, class. */
  rows(): TrafficRow[] {
    const rows = [...this.#entries.values()].map(({ layer, ...rest }) =>
      layer === undefined ? rest : { ...rest, layer },
    );
    return sortRows(rows);
  }

  /** Forgets everything counted so far. */
  reset(): void {
    this.#entries.clear();
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
