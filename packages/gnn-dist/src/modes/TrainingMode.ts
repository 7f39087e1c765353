/**
 * What a training mode is: which graph each rank computes on in each step, and what that costs on the links. The trainer
 * does the rest (forward, backward, gradient all-reduce, update, evaluation, checkpoints), the same for every mode.
 */
import type { ClusterSpec, RankContext } from '@strata-ml/core';
import type { ResolvedGnnSpec } from '@strata-ml/models';
import type { DistGraphContext } from '../DistGraphContext.js';
import type { PhaseTimes } from '../exchange/PhaseTimes.js';
import type { TrainOptions } from '../options.js';
import type { HaloBytes } from '../plan/traffic.js';
import type { MemoryPlanner } from '../planner/MemoryPlanner.js';
import type { LocalData } from '../train/localData.js';
import type { TrainPayload } from '../train/payload.js';

/** One step's share of a rank. */
export interface StepView {
  readonly context: DistGraphContext;
  /** Labels and split of the context's output rows. */
  readonly local: LocalData;
  /** Training vertices of the step over all ranks: what the loss is divided by. */
  readonly divisor: number;
}

/** A mode at work on one rank. Every method that moves rows is collective. */
export interface TrainingMode {
  /** Optimiser steps in an epoch, the same on all ranks. */
  readonly stepsPerEpoch: number;
  /** Called once before the first step, for what cannot be made at once: files, drives. Collective. */
  prepare?(): Promise<void>;
  /** Prepares step `step` (from 0) of `epoch` (from 1). The view is valid until {@link TrainingMode.endStep}. */
  beginStep(epoch: number, step: number): StepView;
  /** Called after the gradients of the step are taken. */
  endStep(): void;
  /**
   * A view whose output rows are exact with full neighbourhoods; the trainer then evaluates on it. Absent where the
   * mode samples or approximates: the trainer makes a full-graph view for evaluation then, and frees it again.
   */
  readonly exactView?: StepView;
  /** Bytes of rows this rank received in the last epoch, forward and backward, by the mode's closed form. */
  expectedBytes(): HaloBytes;
  /** Bytes of features this rank received before the first epoch, by the mode's closed form; absent means none. */
  expectedPreload?(): HaloBytes;
  /** Facts worth printing, sums over ranks are made of them: replicas, seeds, rows. */
  facts?(): Readonly<Record<string, number>>;
  /** Frees tensors, operators and workers. */
  dispose(): void;
}

/** What a mode is made from on a rank. */
export interface ModeEnvironment {
  readonly ctx: RankContext<unknown>;
  readonly payload: TrainPayload;
  /** Server of each world rank. */
  readonly serverOf: readonly number[];
  /** Charge waits on links and sampling to this. */
  readonly times: PhaseTimes;
}

/** What options of a mode are checked against. */
export interface ModeFacts {
  readonly spec: ResolvedGnnSpec;
  readonly cluster: ClusterSpec;
  readonly numVertices: number;
  readonly numTrain: number;
}

/** A mode's entry in the registry. */
export interface ModeDefinition<O = unknown> {
  /** One line for help texts. */
  readonly summary: string;
  /**
   * Picks the mode's own options, checks them and fills in defaults: plain data, sent to every rank.
   *
   * @throws {@link OptionError} naming the first option out of range.
   */
  resolve(options: TrainOptions, facts: ModeFacts): O;
  /** Replaces `auto` by what the devices' memory holds; called on the caller's thread if there is a budget. */
  fit?(options: O, planner: MemoryPlanner): O;
  /** Builds the mode on a rank; collective. */
  create(environment: ModeEnvironment, options: O): TrainingMode;
}

/** Forgets the option type of a mode, for the registry: `create` only ever gets what `resolve` gave. */
export function defineMode<O>(definition: ModeDefinition<O>): ModeDefinition {
  return definition as unknown as ModeDefinition;
}
