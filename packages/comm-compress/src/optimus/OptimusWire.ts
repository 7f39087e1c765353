/**
 * Messages between stages, some of them compressed: gradients backward (with lazy error propagation), activations if asked for.
 */
import { DataError, Rng } from '@strata-ml/core';
import type { Codec } from '../codecs/Codec.js';
import { parseCodec } from '../codecs/parseCodec.js';
import { isPowerSgd } from '../codecs/powerSgd.js';
import { ErrorFeedback } from '../feedback/ErrorFeedback.js';
import { floatCodec } from '../pipeline/floatCodec.js';
import type { BoundaryMessage, WireCodec } from '../train/hooks.js';
import { LepMonitor, type LepReport } from './LepMonitor.js';
import type { OptimusConfig } from './OptimusConfig.js';

/**
 * The wire of one rank. Both ends of a boundary decide by the message alone whether it is compressed, so no flag travels. The
 * sender keeps the codec's state and the error, by boundary and direction.
 */
export class OptimusWire implements WireCodec {
  readonly #config: OptimusConfig;
  readonly #rng: Rng;
  readonly #plain: WireCodec;
  readonly #backward: Codec;
  readonly #forward: Codec | undefined;
  readonly #errors = new ErrorFeedback();
  readonly #lastIteration = new Map<string, number>();
  readonly #monitor: LepMonitor | undefined;

  /** @param seed - of random first factors; the two ends of a boundary need not agree */
  constructor(config: OptimusConfig, seed: number) {
    this.#config = config;
    this.#rng = new Rng(seed).split('wire');
    this.#plain = floatCodec(config.wire ?? 'fp32');
    this.#backward = parseCodec(config.backward?.codec ?? 'powersgd:16');
    this.#forward = config.experimental_forward === undefined ? undefined : parseCodec(config.experimental_forward);
    this.#monitor = config.backward?.diagnostics ? new LepMonitor() : undefined;
  }

  encode(x: Float32Array, message: BoundaryMessage): Uint8Array {
    const codec = this.#codecOf(message);
    if (!codec) return this.#plain.encode(x, message);
    const { direction, boundary, iteration, microBatch, rows, width } = message;
    const key = `${direction}:${boundary}`;
    const shape = [rows, width];
    const rng = this.#rng.split(key, iteration, microBatch);
    const { lep = true, carryAcrossIterations = true } = this.#config.backward ?? {};
    if (direction === 'forward') return codec.encode(x, shape, key, rng).bytes;
    if (lep && !carryAcrossIterations && this.#lastIteration.get(key) !== iteration) this.#errors.reset(key);
    this.#lastIteration.set(key, iteration);
    const y = lep ? this.#errors.compensate(key, x) : x;
    const payload = codec.encode(y, shape, key, rng);
    if (lep || this.#monitor) {
      const sent = new Float32Array(y.length);
      codec.decode(payload, sent);
      if (lep) this.#errors.update(key, y, sent);
      this.#monitor?.lost(message, y, sent);
    }
    return payload.bytes;
  }

  decode(bytes: Uint8Array, message: BoundaryMessage, out: Float32Array): void {
    const codec = this.#codecOf(message);
    if (codec) codec.decode({ codec: codec.id, shape: [message.rows, message.width], bytes }, out);
    else this.#plain.decode(bytes, message, out);
    if (message.direction === 'forward' && message.iteration > 0) this.#monitor?.received(message, out);
  }

  /** What lazy error propagation rests on, measured; empty without `diagnostics`. */
  diagnostics(): readonly LepReport[] {
    return this.#monitor?.reports() ?? [];
  }

  state(): Readonly<Record<string, Float32Array>> {
    const named = (name: string, state: Readonly<Record<string, Float32Array>>) =>
      Object.entries(state).map(([key, x]) => [`${name}/${key}`, x] as const);
    const codecs = [
      ['backward', this.#backward],
      ['forward', this.#forward],
    ] as const;
    return Object.fromEntries([
      ...named('errors', this.#errors.state()),
      ...codecs.flatMap(([name, codec]) => (codec && isPowerSgd(codec) ? named(name, codec.state()) : [])),
    ]);
  }

  load(state: Readonly<Record<string, Float32Array>>): void {
    const of = (name: string) =>
      Object.fromEntries(
        Object.entries(state)
          .filter(([key]) => key.startsWith(`${name}/`))
          .map(([key, x]) => [key.slice(name.length + 1), x]),
      );
    this.#errors.load(of('errors'));
    if (isPowerSgd(this.#backward)) this.#backward.load(of('backward'));
    if (this.#forward && isPowerSgd(this.#forward)) this.#forward.load(of('forward'));
  }

  /** Bytes of state: errors, and what codecs keep. */
  stateBytes(): number {
    return this.#errors.stateBytes() + this.#backward.stateBytes() + (this.#forward?.stateBytes() ?? 0);
  }

  /** The same answer at both ends. Evaluation, which is iteration 0, is never compressed. */
  #codecOf({ direction, iteration, isDrain }: BoundaryMessage): Codec | undefined {
    if (iteration === 0) return undefined;
    if (direction === 'forward') return this.#forward;
    const { mode = 'off', startStep = 1 } = this.#config.backward ?? {};
    if (mode === 'off' || iteration < startStep || (mode === 'epilogue' && !isDrain)) return undefined;
    return this.#backward;
  }
}

/**
 * Reports of the wire that {@link OptimusWire} keeps; for a trainer, pass `trainer.hooks`.
 *
 * @throws {@link DataError} if the run has no such wire.
 */
export function lepDiagnostics(hooks: { readonly wire?: WireCodec }): readonly LepReport[] {
  const { wire } = hooks;
  if (!wire || !('diagnostics' in wire)) {
    throw new DataError('lepDiagnostics: hooks must come from resolveCompression with backward.diagnostics');
  }
  return (wire as OptimusWire).diagnostics();
}
