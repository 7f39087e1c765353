/** What `initEngine` found and chose. */

/** The engines, fastest first: this is the order of `auto`. */
export type EngineName = 'native' | 'tensorflow' | 'wasm' | 'cpu';

/** All engines in the order of `auto`. */
export const ENGINE_NAMES: readonly EngineName[] = ['native', 'tensorflow', 'wasm', 'cpu'];

/** SIMD variant of the kernels in use; `stock` where the engine brings only its own. */
export type KernelVariant = 'simd' | 'relaxed-simd' | 'stock';

/** One engine and whether it could run here. */
export interface EngineCandidate {
  readonly name: EngineName;
  readonly available: boolean;
  /** One sentence for a person: what it is, or why it cannot run and how to change that. */
  readonly reason: string;
}

/** What {@link initEngine} found and chose. Plain data: it can be posted to another thread. */
export interface EngineReport {
  readonly name: EngineName;
  /** Why this engine was chosen. */
  readonly reason: string;
  readonly kernels: KernelVariant;
  /** Version of the library that computes. */
  readonly version: string;
  /** Every engine that was looked at. Those after the chosen one are looked at only by `doctorReport`. */
  readonly candidates: readonly EngineCandidate[];
  /** The memory budget that is enforced, in bytes; undefined if none was asked for. */
  readonly memoryBytes?: number;
}
