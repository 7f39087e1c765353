/** Puts the parts of a parameter together again. */
import type { TransformerParameter } from '@strata-ml/models';

/**
 * The whole of a parameter from the parts of all tensor ranks, in order.
 *
 * @param parts - float32, of equal lengths; the first alone where the parameter is not cut
 */
export function joinParts(
  { shape, splitAxis }: Pick<TransformerParameter, 'shape' | 'splitAxis'>,
  parts: readonly Float32Array[],
): Float32Array {
  const [first] = parts;
  if (splitAxis === null || parts.length === 1) return first!.slice();
  const whole = new Float32Array(parts.length * first!.length);
  if (splitAxis === 0) {
    for (const [i, part] of parts.entries()) whole.set(part, i * first!.length);
    return whole;
  }
  const rows = shape[0]!;
  const columns = first!.length / rows;
  for (const [i, part] of parts.entries()) {
    for (let row = 0; row < rows; row++) {
      whole.set(part.subarray(row * columns, (row + 1) * columns), (row * parts.length + i) * columns);
    }
  }
  return whole;
}
