/** The loops with more than two operands, or two results. */
import { pointwiseFunction } from './pointwise.js';
import { float, get, seq, set, v } from './wasmCode.js';

const GELU_SCALE = Math.sqrt(2 / Math.PI);
const GELU_CUBE = 0.044715 * GELU_SCALE;

/** Loops with more operands: how many, and what they do with one vector of each. */
export const POINTWISE = [
  /** `out += a · b` for the pointers a, b, out. */
  pointwiseFunction('multiplyAdd', 3, ({ read, write }) => write(2, v.add(read(2), v.mul(read(0), read(1))))),
  /** `out = (x − mean) · factor + offset` for the pointers x, mean, factor, offset, out. */
  pointwiseFunction('normalise', 5, ({ read, write }) =>
    write(4, v.add(v.mul(v.sub(read(0), read(1)), read(2)), read(3))),
  ),
  /**
   * Where x is the maximum y of its window, the gradient that is left goes to dx and is used up; for the pointers x, y,
   * rest, dx. The maximum of nothing but −∞ (or NaN) is nobody's.
   */
  pointwiseFunction('claimMaximum', 4, ({ read, write, scratch }) =>
    seq(
      set(scratch(0), v.and(v.eq(read(0), read(1)), v.gt(read(1), float(-Infinity)))),
      set(scratch(1), read(2)),
      write(3, v.add(read(3), v.and(get(scratch(1)), get(scratch(0))))),
      write(2, v.andNot(get(scratch(1)), get(scratch(0)))),
    ),
  ),
  /** `out = a + (b − a) · share` for the pointers a, b, share, out. */
  pointwiseFunction('mix', 4, ({ read, write }) => write(3, v.add(read(0), v.mul(v.sub(read(1), read(0)), read(2))))),
  /** For the pointers x, u, l, where u = eˣ and l = log u, rounded: l becomes eˣ − 1. Near 0 the rounding of u is made good. */
  pointwiseFunction('expm1Tail', 3, ({ read, write, scratch }) => {
    const u = get(scratch(0));
    const small = set(scratch(1), v.sub(u, float(1)));
    const isPlain = v.or(v.eq(u, float(Infinity)), v.lt(u, float(0.25)));
    return seq(
      set(scratch(0), read(1)),
      small,
      write(
        2,
        v.select(
          v.select(get(scratch(1)), v.mul(get(scratch(1)), v.div(read(0), read(2))), isPlain),
          read(0),
          v.ne(u, float(1)),
        ),
      ),
    );
  }),
  /** `x += bias`, and the argument of tanh in GELU, √(2/π) · (x + 0.044715·x³), for the pointers x, bias, out. */
  pointwiseFunction('geluArgument', 3, ({ read, write, scratch }) => {
    const x = get(scratch(0));
    return seq(
      set(scratch(0), v.add(read(0), read(1))),
      write(0, x),
      write(2, v.mul(x, v.add(v.mul(v.mul(x, x), float(GELU_CUBE)), float(GELU_SCALE)))),
    );
  }),
  /** `x = gelu(x)` for the pointers x and t, its tanh. */
  pointwiseFunction('geluOfTanh', 2, ({ read, write }) =>
    write(0, v.mul(read(0), v.add(v.mul(read(1), float(0.5)), float(0.5)))),
  ),
  /** The same; `t` becomes the derivative. */
  pointwiseFunction('geluAndSlope', 2, ({ read, write, scratch }) => {
    const [x, t] = [get(scratch(0)), get(scratch(1))];
    const half = v.mul(x, float(0.5));
    const inner = v.add(v.mul(v.mul(x, x), float(3 * GELU_CUBE)), float(GELU_SCALE));
    return seq(
      set(scratch(0), read(0)),
      set(scratch(1), read(1)),
      write(0, v.mul(x, v.add(v.mul(t, float(0.5)), float(0.5)))),
      write(1, v.add(v.add(v.mul(t, float(0.5)), float(0.5)), v.mul(v.mul(half, v.sub(float(1), v.mul(t, t))), inner))),
    );
  }),
];
