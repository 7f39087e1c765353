/** One full refresh of all snapshots, the same on the sampling thread and behind it. */
import type { SnapshotCache } from './SnapshotCache.js';
import type { ResolvedSnapshotOptions } from './snapshotOptions.js';
import type { SampleStreams } from './streams.js';

/** What says how to refresh. */
export type RefreshOptions = Pick<ResolvedSnapshotOptions, 'mode' | 'refreshRate' | 'shared'>;

/** Number of a cache in its random streams: that of its layer, −1 for the shared one. */
export const cacheNumber = (i: number, shared: boolean): number => (shared ? -1 : i);

/** `fcr` rebuilds every incomplete list; `otf` replaces γ of its entries. */
export function refreshSnapshots(
  caches: readonly SnapshotCache[],
  { mode, refreshRate, shared }: RefreshOptions,
  streams: SampleStreams,
  call: number,
): void {
  caches.forEach((cache, i) => {
    const number = cacheNumber(i, shared);
    if (mode === 'fcr') cache.rebuild(streams.build(call, number), call);
    else cache.turnOver(Math.round(refreshRate * cache.size), streams.other('refresh', call, number));
  });
}
