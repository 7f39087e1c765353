/** Edges that come and go while a graph is sampled. */
import { OptionError, ShapeError } from '@strata-ml/core';

/** Edges by their ends: `sources[i] → destinations[i]`. int32, equally long. */
export interface EdgeList {
  readonly sources: Int32Array;
  readonly destinations: Int32Array;
}

/** A change of a graph: first `remove`, then `add`. Removing an absent edge and adding a present one change nothing. */
export interface EdgeUpdates {
  readonly remove?: EdgeList;
  readonly add?: EdgeList;
}

/** An {@link EdgeList} without edges. */
export const noEdges: EdgeList = { sources: new Int32Array(0), destinations: new Int32Array(0) };

/**
 * Checks that all ends are vertices.
 *
 * @throws {@link ShapeError} or {@link OptionError} naming the first bad edge.
 */
export function checkUpdates({ remove = noEdges, add = noEdges }: EdgeUpdates, numVertices: number): void {
  for (const [name, { sources, destinations }] of Object.entries({ remove, add })) {
    if (sources.length !== destinations.length) {
      throw new ShapeError('applyUpdates', `${name}.destinations`, [destinations.length], `[${sources.length}]`);
    }
    for (let i = 0; i < sources.length; i++) {
      for (const v of [sources[i]!, destinations[i]!]) {
        if (v >= 0 && v < numVertices) continue;
        throw new OptionError('applyUpdates', `${name}, edge ${i}: vertex`, v, `in 0 … ${numVertices - 1}`);
      }
    }
  }
}

/** Vertices whose in-neighbours change, ascending. */
export function touchedBy({ remove = noEdges, add = noEdges }: EdgeUpdates): Int32Array {
  return Int32Array.from(new Set([...remove.destinations, ...add.destinations])).sort();
}

/** The lists of touched vertices after an update, neighbours ascending. */
export function updatedLists(
  { remove = noEdges, add = noEdges }: EdgeUpdates,
  current: ReadonlyMap<number, Int32Array>,
): Map<number, Int32Array> {
  const sets = new Map(Array.from(current, ([v, list]) => [v, new Set(list)]));
  remove.destinations.forEach((v, i) => void sets.get(v)?.delete(remove.sources[i]!));
  add.destinations.forEach((v, i) => void sets.get(v)?.add(add.sources[i]!));
  return new Map(Array.from(sets, ([v, set]) => [v, Int32Array.from(set).sort()]));
}
