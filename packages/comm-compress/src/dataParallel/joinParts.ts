/** Puts the parts of a parameter together again, and cuts it anew. */
import { slicePart } from '@strata-ml/models';
import type { StageParameter } from '../stages/StageModule.js';

/** What {@link joinParts} needs to know of a parameter. */
export type JoinedParameter = Pick<StageParameter, 'shape' | 'splitAxis' | 'rows'>;

/** Shape of the whole without rows that only pad it. */
export function wholeShape({ shape, rows = shape[0]! }: JoinedParameter): number[] {
  return [rows, ...shape.slice(1)];
}

/**
 * The whole of a parameter from the parts of all tensor ranks, in order, without rows that only pad it.
 *
 * @param parts - float32, of equal lengths; the first alone where the parameter is not cut
 */
export function joinParts(parameter: JoinedParameter, parts: readonly Float32Array[]): Float32Array {
  const length = wholeShape(parameter).reduce((a, b) => a * b, 1);
  const [first] = parts;
  if (parameter.splitAxis === null || parts.length === 1) return first!.slice(0, length);
  const whole = new Float32Array(parts.length * first!.length);
  if (parameter.splitAxis === 0) {
    for (const [i, part] of parts.entries()) whole.set(part, i * first!.length);
    return whole.slice(0, length);
  }
  const rows = parameter.shape[0]!;
  const columns = first!.length / rows;
  for (const [i, part] of parts.entries()) {
    for (let row = 0; row < rows; row++) {
      whole.set(part.subarray(row * columns, (row + 1) * columns), (row * parts.length + i) * columns);
    }
  }
  return whole;
}

/** One part of what {@link joinParts} gave, for a grid of its own; rows that only pad are zeros. */
export function cutPart(
  parameter: StageParameter,
  whole: Float32Array,
  part: { readonly size: number; readonly rank: number },
): Float32Array {
  const padded = new Float32Array(parameter.shape.reduce((a, b) => a * b, 1));
  padded.set(whole);
  return slicePart(parameter, padded, part);
}
