/**
 * Where compression plugs into the trainer: what crosses stage boundaries, and how gradients are summed over replicas.
 *
 * Hooks are made on every rank by the default export of a module, see {@link TrainHooksFactory}; without them messages
 * and gradients travel as float32.
 */
import type { ProcessGroup } from '@strata-ml/core';
import type { GridPlace } from '../grid/ParallelGrid.js';

/** Which way a message crosses a stage boundary: activations go forward, their gradients backward. */
export type Direction = 'forward' | 'backward';

/** One message between neighbouring stages, as both of its ends know it. */
export interface BoundaryMessage {
  readonly direction: Direction;
  /** It lies between virtual stages `boundary` and `boundary + 1`. */
  readonly boundary: number;
  readonly microBatch: number;
  /** Training step from 1; 0 in evaluation. */
  readonly iteration: number;
  /** The matrix: `[rows, width]`; with scatter-gather the rows of this tensor rank only. */
  readonly rows: number;
  readonly width: number;
  /** A gradient sent after the sender's last forward of the step: nothing hides it. */
  readonly isDrain: boolean;
}

/** Turns boundary messages into bytes and back. One per rank; state is kept by boundary and direction. */
export interface WireCodec {
  /** Bytes of a message; they are copied before the next call. May not change `x`, float32 `[rows · width]`. */
  encode(x: Float32Array, message: BoundaryMessage): Uint8Array;
  /** Fills `out`, float32 `[rows · width]`. `payload` must not be kept. */
  decode(payload: Uint8Array, message: BoundaryMessage, out: Float32Array): void;
  /** Arrays that a checkpoint on the same grid keeps. */
  state?(): Readonly<Record<string, Float32Array>>;
  /** Continues from {@link WireCodec.state}. */
  load?(state: Readonly<Record<string, Float32Array>>): void;
}

/** A parameter's place in a flat gradient buffer. */
export interface GradientSlot {
  readonly name: string;
  /** Of this rank's part. */
  readonly shape: readonly number[];
  /** First element, counted from the start of the region. */
  readonly begin: number;
}

/** Gradients that replicas average. */
export interface GradientRegion {
  /** float32; replaced by the mean over the group. */
  readonly gradients: Float32Array;
  /** What lies in it, in order, without gaps. */
  readonly slots: readonly GradientSlot[];
  /** The data-parallel group. */
  readonly group: ProcessGroup;
  /** Training step, from 1. */
  readonly iteration: number;
}

/** Averages gradients over replicas. */
export interface GradientSync {
  /** Collective over the region's group. Bytes are counted under phase `gradient`. */
  average(region: GradientRegion): void;
  /** Arrays that a checkpoint on the same grid keeps. */
  state?(): Readonly<Record<string, Float32Array>>;
  /** Continues from {@link GradientSync.state}. */
  load?(state: Readonly<Record<string, Float32Array>>): void;
}

/** What a rank's hooks replace; what is absent stays as it is. */
export interface TrainHooks {
  readonly wire?: WireCodec;
  readonly gradients?: GradientSync;
}

/** What a factory is told. */
export interface HookContext {
  readonly place: GridPlace;
  /** Stage boundaries of the whole model: virtual stages − 1. */
  readonly boundaries: number;
  readonly microBatches: number;
  readonly seed: number;
}

/** The default export of a hooks module. */
export type TrainHooksFactory<Options = unknown> = (
  context: HookContext,
  options: Options,
) => TrainHooks | Promise<TrainHooks>;

/** Names a hooks module for ranks, which get plain data only. */
export interface HooksModule {
  /** URL of an ES module that Node can import. */
  readonly module: string;
  /** Given to its factory; plain data. */
  readonly options?: unknown;
}
