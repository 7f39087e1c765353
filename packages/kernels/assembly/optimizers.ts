// Optimizer steps over flat buffers: one pass, every element on its own.
import { loadTail, madd, storeTail } from './simd';

/**
 * Adam with PyTorch's formula; `shrink` = 1 − lr·weightDecay for AdamW (else 1), `decay` the L2 coefficient (else 0),
 * `stepSize` = lr / (1 − β₁ᵗ), `rootCorrection` = 1 / √(1 − β₂ᵗ).
 */
export function adam(
  params: usize,
  grads: usize,
  m: usize,
  v: usize,
  count: u32,
  beta1: f32,
  oneMinusBeta1: f32,
  beta2: f32,
  oneMinusBeta2: f32,
  stepSize: f32,
  rootCorrection: f32,
  epsilon: f32,
  decay: f32,
  shrink: f32,
): void {
  const whole = <usize>(count & ~3) << 2;
  const tail = count & 3;
  for (let i: usize = 0; i < whole; i += 16) {
    const p = v128.load(params + i);
    const g = madd(f32x4.splat(decay), p, v128.load(grads + i));
    const m1 = madd(f32x4.splat(beta1), v128.load(m + i), f32x4.mul(f32x4.splat(oneMinusBeta1), g));
    const scaled = f32x4.mul(f32x4.splat(oneMinusBeta2), g);
    const v1 = madd(f32x4.splat(beta2), v128.load(v + i), f32x4.mul(scaled, g));
    v128.store(m + i, m1);
    v128.store(v + i, v1);
    const root = madd(f32x4.sqrt(v1), f32x4.splat(rootCorrection), f32x4.splat(epsilon));
    const change = f32x4.div(f32x4.mul(f32x4.splat(stepSize), m1), root);
    v128.store(params + i, f32x4.sub(f32x4.mul(p, f32x4.splat(shrink)), change));
  }
  if (tail) {
    const p = loadTail(params + whole, tail);
    const g = madd(f32x4.splat(decay), p, loadTail(grads + whole, tail));
    const m1 = madd(f32x4.splat(beta1), loadTail(m + whole, tail), f32x4.mul(f32x4.splat(oneMinusBeta1), g));
    const scaled = f32x4.mul(f32x4.splat(oneMinusBeta2), g);
    const v1 = madd(f32x4.splat(beta2), loadTail(v + whole, tail), f32x4.mul(scaled, g));
    storeTail(m + whole, m1, tail);
    storeTail(v + whole, v1, tail);
    const root = madd(f32x4.sqrt(v1), f32x4.splat(rootCorrection), f32x4.splat(epsilon));
    const change = f32x4.div(f32x4.mul(f32x4.splat(stepSize), m1), root);
    storeTail(params + whole, f32x4.sub(f32x4.mul(p, f32x4.splat(shrink)), change), tail);
  }
}

/** SGD with PyTorch's momentum (no dampening); `buffer` is 0 without momentum. */
export function sgd(
  params: usize,
  grads: usize,
  buffer: usize,
  count: u32,
  lr: f32,
  momentum: f32,
  decay: f32,
): void {
  const whole = <usize>(count & ~3) << 2;
  const tail = count & 3;
  for (let i: usize = 0; i < whole; i += 16) {
    const p = v128.load(params + i);
    let d = madd(f32x4.splat(decay), p, v128.load(grads + i));
    if (buffer) {
      d = madd(f32x4.splat(momentum), v128.load(buffer + i), d);
      v128.store(buffer + i, d);
    }
    v128.store(params + i, f32x4.sub(p, f32x4.mul(f32x4.splat(lr), d)));
  }
  if (tail) {
    const p = loadTail(params + whole, tail);
    let d = madd(f32x4.splat(decay), p, loadTail(grads + whole, tail));
    if (buffer) {
      d = madd(f32x4.splat(momentum), loadTail(buffer + whole, tail), d);
      storeTail(buffer + whole, d, tail);
    }
    storeTail(params + whole, f32x4.sub(p, f32x4.mul(f32x4.splat(lr), d)), tail);
  }
}
