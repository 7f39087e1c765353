/** LDG and Fennel word for word: recounts everything for every vertex. Natural order, empty parts allowed. */
import { bothWays, type Pairs, unique } from './naive.js';

export function naiveGreedy(
  n: number,
  pairs: Pairs,
  parts: number,
  method: 'ldg' | 'fennel',
  balance: number,
  passes: number,
): number[] {
  const edges = unique(bothWays(pairs)).filter(([u, v]) => u !== v);
  const m = edges.length / 2;
  const gamma = 1.5;
  const alpha = (m * parts ** (gamma - 1)) / n ** gamma;
  const capacity = (balance * n) / parts;
  const cap = Math.max(Math.ceil(n / parts), Math.floor(capacity + 1e-9));
  const partOf = new Array<number>(n).fill(-1);
  for (let pass = 0; pass < passes; pass++) {
    for (let v = 0; v < n; v++) {
      partOf[v] = -1;
      const candidates = Array.from({ length: parts }, (_, j) => {
        const size = partOf.filter((p) => p === j).length;
        const neighbours = edges.filter(([u, w]) => w === v && partOf[u] === j).length;
        const score =
          method === 'ldg' ? neighbours * (1 - size / capacity) : neighbours - alpha * gamma * size ** (gamma - 1);
        return { j, size, score };
      }).filter(({ size }) => size < cap);
      // Scores that differ by rounding alone are ties.
      const best = Math.max(...candidates.map((c) => c.score));
      const tied = candidates.filter((c) => c.score > best - 1e-9);
      tied.sort((a, b) => a.size - b.size || a.j - b.j);
      partOf[v] = tied[0]!.j;
    }
  }
  return partOf;
}
