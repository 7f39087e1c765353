/** Traffic between two points of a run. */
import type { TrafficRow } from '@strata-ml/core';

/** `after` − `before`, rows without bytes and messages left out. */
export function trafficSince(before: readonly TrafficRow[], after: readonly TrafficRow[]): TrafficRow[] {
  const key = (r: TrafficRow) => `${r.class} ${r.phase} ${r.layer ?? ''}`;
  const earlier = new Map(before.map((r) => [key(r), r]));
  return after
    .map((r) => {
      const b = earlier.get(key(r));
      if (!b) return r;
      return {
        ...r,
        bytes: r.bytes - b.bytes,
        messages: r.messages - b.messages,
        headerBytes: r.headerBytes - b.headerBytes,
      };
    })
    .filter((r) => r.bytes > 0 || r.messages > 0);
}
