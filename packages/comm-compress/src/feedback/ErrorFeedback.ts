/** Error feedback: what a codec lost is added to what is sent next time. */
import { OptionError, ShapeError } from '@strata-ml/core';

/**
 * How errors are kept. `ef`: y = g + e, e ← y − sent. `momentumEf`: momentum and residual both accumulate here and are zeroed
 * where something was sent, for sparse codecs (Lin et al.: "Deep Gradient Compression", ICLR 2018, arXiv:1712.01887).
 */
export type FeedbackKind = 'ef' | 'momentumEf';

/** Options of {@link ErrorFeedback}. */
export interface ErrorFeedbackOptions {
  /** @defaultValue `'ef'` */
  readonly kind?: FeedbackKind;
  /** Weight of the past in `momentumEf`. @defaultValue `0.9` */
  readonly momentum?: number;
  /** Keeps the errors before the last update too, for {@link ErrorFeedback.rollback}; twice the memory. @defaultValue `false` */
  readonly canRollBack?: boolean;
}

/** One memory for each key; streams never share one. */
export class ErrorFeedback {
  readonly kind: FeedbackKind;
  readonly #momentum: number;
  readonly #canRollBack: boolean;
  readonly #errors = new Map<string, Float32Array>();
  readonly #velocities = new Map<string, Float32Array>();
  readonly #previous = new Map<string, { error: Float32Array; velocity: Float32Array | undefined }>();

  /** @throws {@link OptionError} if `momentum` is outside [0, 1). */
  constructor({ kind = 'ef', momentum = 0.9, canRollBack = false }: ErrorFeedbackOptions = {}) {
    if (!(momentum >= 0 && momentum < 1)) throw new OptionError('ErrorFeedback', 'momentum', momentum, 'in [0, 1)');
    this.kind = kind;
    this.#momentum = momentum;
    this.#canRollBack = canRollBack;
  }

  /**
   * What should be sent: the gradient plus what was lost before. A new array; `g` is not changed.
   *
   * @throws {@link ShapeError} if the key had another length before: say {@link ErrorFeedback.reset} first.
   */
  compensate(key: string, g: Float32Array): Float32Array {
    const error = this.#errors.get(key);
    if (error && error.length !== g.length) {
      throw new ShapeError('ErrorFeedback.compensate', `gradient of ${key}`, [g.length], `[${error.length}]; reset it`);
    }
    if (this.#canRollBack) {
      const velocity = this.#velocities.get(key)?.slice();
      this.#previous.set(key, { error: error?.slice() ?? new Float32Array(g.length), velocity });
    }
    const y = new Float32Array(g);
    if (this.kind === 'momentumEf') {
      const u = this.#velocities.get(key) ?? new Float32Array(g.length);
      this.#velocities.set(key, u);
      for (let i = 0; i < y.length; i++) u[i] = this.#momentum * u[i]! + g[i]!;
      y.set(u);
    }
    if (error) for (let i = 0; i < y.length; i++) y[i]! += error[i]!;
    return y;
  }

  /** Keeps y − sent for the next time; in `momentumEf` momentum becomes zero where something was sent. */
  update(key: string, y: Float32Array, sent: Float32Array): void {
    const error = this.#errors.get(key) ?? new Float32Array(y.length);
    this.#errors.set(key, error);
    for (let i = 0; i < y.length; i++) error[i] = y[i]! - sent[i]!;
    const u = this.#velocities.get(key);
    if (u) for (let i = 0; i < u.length; i++) if (sent[i] !== 0) u[i] = 0;
  }

  /** Takes the last update of every key back: for a step that was skipped, as its gradients were not applied. */
  rollback(): void {
    if (!this.#canRollBack) {
      throw new OptionError('ErrorFeedback.rollback', 'canRollBack', false, 'true when the memory was made');
    }
    for (const [key, { error, velocity }] of this.#previous) {
      this.#errors.set(key, error);
      if (velocity) this.#velocities.set(key, velocity);
      else this.#velocities.delete(key);
    }
    this.#previous.clear();
  }

  /** Forgets the errors of one key, or of all. */
  reset(key?: string): void {
    for (const map of [this.#errors, this.#velocities, this.#previous]) {
      if (key === undefined) map.clear();
      else map.delete(key);
    }
  }

  /** What a key would add next time; undefined before its first update. Not a copy. */
  errorOf(key: string): Float32Array | undefined {
    return this.#errors.get(key);
  }

  /** Copies of all memories, by `error/<key>` and `velocity/<key>`. */
  state(): Readonly<Record<string, Float32Array>> {
    const copies = (name: string, map: Map<string, Float32Array>) =>
      [...map].map(([key, x]) => [`${name}/${key}`, x.slice()] as const);
    return Object.fromEntries([...copies('error', this.#errors), ...copies('velocity', this.#velocities)]);
  }

  /** Goes on from {@link ErrorFeedback.state}. */
  load(state: Readonly<Record<string, Float32Array>>): void {
    this.reset();
    for (const [name, x] of Object.entries(state)) {
      const slash = name.indexOf('/');
      const map = name.slice(0, slash) === 'velocity' ? this.#velocities : this.#errors;
      map.set(name.slice(slash + 1), x.slice());
    }
  }

  /** Bytes kept now. */
  stateBytes(): number {
    let sum = 0;
    for (const map of [this.#errors, this.#velocities]) for (const x of map.values()) sum += x.byteLength;
    for (const { error, velocity } of this.#previous.values()) sum += error.byteLength + (velocity?.byteLength ?? 0);
    return sum;
  }
}
