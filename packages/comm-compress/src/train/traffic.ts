/** Traffic between two points of a run. */
import type { TrafficRow } from '@strata-ml/core';

/** Counted about a run rather than by it: losses and flags that ranks agree on. */
const OWN_PHASES = ['metrics', 'setup', 'checkpoint', 'gather'];

/** `after` − `before`; rows without messages, and what a run counts about itself, are left out. */
export function trafficSince(before: readonly TrafficRow[], after: readonly TrafficRow[]): TrafficRow[] {
  const key = (r: TrafficRow) => `${r.class} ${r.phase} ${r.layer ?? ''}`;
  const earlier = new Map(before.map((r) => [key(r), r]));
  return after
    .map((r) => {
      const b = earlier.get(key(r));
      return {
        ...r,
        bytes: r.bytes - (b?.bytes ?? 0),
        messages: r.messages - (b?.messages ?? 0),
        headerBytes: r.headerBytes - (b?.headerBytes ?? 0),
      };
    })
    .filter(({ messages, phase }) => messages > 0 && !OWN_PHASES.includes(phase));
}
