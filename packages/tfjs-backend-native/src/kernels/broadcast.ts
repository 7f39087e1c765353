/** Broadcasting as loops: which dimensions can be walked as one, and in what steps. */
import type { Form } from '../simd/loopFunctions.js';
import type { RowsLoop } from '../simd/loops.js';

/** A run of dimensions, outermost first in a plan; strides in bytes, 0 where the operand is repeated. */
interface Walk {
  readonly length: number;
  readonly aStride: number;
  readonly bStride: number;
}

/** How to compute `f(a, b)` for two shapes. */
export interface BroadcastPlan {
  readonly shape: number[];
  readonly size: number;
  readonly form: Form;
  readonly columns: number;
  readonly rows: Walk;
  /** Dimensions around the rows, outermost first. */
  readonly outer: readonly Walk[];
}

const ONE: Walk = { length: 1, aStride: 0, bStride: 0 };

/**
 * Plans a broadcast of any rank.
 *
 * Neighbouring dimensions that both operands walk alike become one, so `[64, 32, 32, 16] + [16]` is 65,536 rows of 16.
 *
 * @throws Error with tfjs's wording if the shapes do not match.
 */
export function planBroadcast(a: readonly number[], b: readonly number[]): BroadcastPlan {
  const rank = Math.max(a.length, b.length);
  const shape = new Array<number>(rank);
  // Innermost first.
  const lengths: number[] = [];
  const inA: boolean[] = [];
  const inB: boolean[] = [];
  let size = 1;
  for (let i = 1; i <= rank; i++) {
    const dimA = i <= a.length ? a[a.length - i]! : 1;
    const dimB = i <= b.length ? b[b.length - i]! : 1;
    if (dimA !== dimB && dimA !== 1 && dimB !== 1) {
      throw Error(`Operands could not be broadcast together with shapes ${a} and ${b}.`);
    }
    const dim = dimA === 1 ? dimB : dimA;
    shape[rank - i] = dim;
    size *= dim;
    if (dim === 1) continue;
    const last = lengths.length - 1;
    if (last >= 0 && inA[last] === (dimA !== 1) && inB[last] === (dimB !== 1)) {
      lengths[last] = lengths[last]! * dim;
    } else {
      lengths.push(dim);
      inA.push(dimA !== 1);
      inB.push(dimB !== 1);
    }
  }
  let [aSize, bSize] = [4, 4];
  const walks = lengths.map((length, i): Walk => {
    const walk = { length, aStride: inA[i] ? aSize : 0, bStride: inB[i] ? bSize : 0 };
    if (inA[i]) aSize *= length;
    if (inB[i]) bSize *= length;
    return walk;
  });
  const columns = walks[0] ?? { length: 1, aStride: 4, bStride: 4 };
  return {
    shape,
    size,
    form: columns.aStride === 0 ? 'scalarA' : columns.bStride === 0 ? 'scalarB' : 'both',
    columns: columns.length,
    rows: walks[1] ?? ONE,
    outer: walks.slice(2).reverse(),
  };
}

/** Runs a loop over a plan. `a`, `b`, `out` are addresses; `outBytes` is 4 or, for comparisons, 1 per element. */
export function runBroadcast(
  loop: Readonly<Record<Form, RowsLoop>>,
  plan: BroadcastPlan,
  a: number,
  b: number,
  out: number,
  outBytes: number,
): void {
  if (plan.size === 0) return;
  const { rows, columns, outer } = plan;
  const run = loop[plan.form];
  if (outer.length === 0) {
    run(a, b, out, rows.length, columns, rows.aStride, rows.bStride, columns * outBytes);
    return;
  }
  const block = rows.length * columns * outBytes;
  let next = out;
  const visit = (depth: number, aAt: number, bAt: number): void => {
    const walk = outer[depth];
    if (!walk) {
      run(aAt, bAt, next, rows.length, columns, rows.aStride, rows.bStride, columns * outBytes);
      next += block;
      return;
    }
    for (let i = 0; i < walk.length; i++) visit(depth + 1, aAt + i * walk.aStride, bAt + i * walk.bStride);
  };
  visit(0, a, b);
}
