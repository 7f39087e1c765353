/** Vertices renamed so that each partition is a range of ids; inside a partition they keep their order. */
import { OptionError, ShapeError } from '@strata-ml/core';

/** A renaming and the ranges. */
export interface VertexOrder {
  /** Old id of each new one. int32 `[N]`. */
  readonly order: Int32Array;
  /** New id of each old one. int32 `[N]`. */
  readonly position: Int32Array;
  /** float64 `[P + 1]`. */
  readonly offsets: Float64Array;
}

/**
 * Sorts vertices by part, stably.
 *
 * @throws {@link ShapeError} if `partOf` is not `[N]`; {@link OptionError} for a part outside 0 … parts − 1.
 */
export function vertexOrder(partOf: Int32Array, parts: number, vertices: number): VertexOrder {
  const where = 'prepareGraph';
  if (partOf.length !== vertices) throw new ShapeError(where, 'partition', [partOf.length], `[${vertices}]`);
  const offsets = new Float64Array(parts + 1);
  for (let v = 0; v < vertices; v++) {
    const p = partOf[v]!;
    if (p >>> 0 >= parts) throw new OptionError(where, `part of vertex ${v}`, p, `in 0 … ${parts - 1}`);
    offsets[p + 1]!++;
  }
  for (let p = 0; p < parts; p++) offsets[p + 1]! += offsets[p]!;
  const next = offsets.slice();
  const order = new Int32Array(vertices);
  const position = new Int32Array(vertices);
  for (let v = 0; v < vertices; v++) {
    const id = next[partOf[v]!]!++;
    position[v] = id;
    order[id] = v;
  }
  return { order, position, offsets };
}
