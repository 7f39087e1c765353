/** Independent edges of equal probability, drawn by skipping over the pairs that get none: O(edges), not O(n²). */
import type { GrowableInt32 } from '../csr/growable.js';
import type { Sequence } from './Sequence.js';

/** Where drawn edges go. */
export interface EdgeSink {
  readonly sources: GrowableInt32;
  readonly destinations: GrowableInt32;
}

/**
 * Every pair of `[begin, begin + size)` with probability p.
 *
 * Batagelj, Brandes: "Efficient generation of large random networks", Phys. Rev. E 71, 2005.
 */
export function edgesWithin(random: Sequence, begin: number, size: number, p: number, out: EdgeSink): void {
  skipThrough(random, (size * (size - 1)) / 2, p, (k) => {
    // Pair k is (i, j), j < i, with i(i − 1)/2 + j = k; the root may be off by one in the last place.
    let i = Math.floor((1 + Math.sqrt(1 + 8 * k)) / 2);
    while ((i * (i - 1)) / 2 > k) i--;
    while ((i * (i + 1)) / 2 <= k) i++;
    out.sources.push(begin + k - (i * (i - 1)) / 2);
    out.destinations.push(begin + i);
  });
}

/** Every pair of one vertex in `[begin, begin + size)` and one in `[otherBegin, …)` with probability p. */
export function edgesBetween(
  random: Sequence,
  [begin, size]: readonly [number, number],
  [otherBegin, otherSize]: readonly [number, number],
  p: number,
  out: EdgeSink,
): void {
  skipThrough(random, size * otherSize, p, (k) => {
    const i = Math.floor(k / otherSize);
    out.sources.push(begin + i);
    out.destinations.push(otherBegin + (k - i * otherSize));
  });
}

function skipThrough(random: Sequence, pairs: number, p: number, take: (k: number) => void): void {
  if (p <= 0) return;
  const scale = p >= 1 ? 0 : 1 / Math.log1p(-p);
  for (let k = -1; ; ) {
    k += 1 + (p >= 1 ? 0 : Math.floor(Math.log1p(-random.uniform()) * scale));
    if (k >= pairs) return;
    take(k);
  }
}
