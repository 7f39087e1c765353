/** The steps of an epoch and what each of them asks of the block memory. */
import { OptionError } from '@strata-ml/core';
import { type AccessPlan, AccessPlanBuilder } from '../residency/AccessPlan.js';
import type { BlockNumbers } from '../residency/BlockNumbers.js';

/** Orders of the partitions within a pass. */
export const partitionOrders = ['ascending', 'zigzag'] as const;
/** `ascending`, or `zigzag`: every other pass runs backwards, so that what was used last is used first again. */
export type PartitionOrder = (typeof partitionOrders)[number];

/** What a step computes; `norm-sums` and `norm` are the two passes of batch norm's gradient. */
export type StepKind = 'forward' | 'backward' | 'norm-sums' | 'norm' | 'evaluate';

/** One partition in one pass. */
export interface Step {
  readonly kind: StepKind;
  /** Index of the stage, from 0. */
  readonly stage: number;
  readonly partition: number;
}

/** A plan of accesses with what its steps compute. */
export interface Schedule {
  readonly steps: readonly Step[];
  readonly plan: AccessPlan;
}

/** What of a stage the schedule depends on. */
export interface ScheduledStage {
  readonly gathers: boolean;
  /** Entering rows pass through a batch norm: their gradient takes two more passes. */
  readonly hasBatchNorm: boolean;
  /** Entering rows are added to what leaves. */
  readonly isResidual: boolean;
  /** Rows of other partitions are added tile by tile, so gradients of the own rows come last. */
  readonly isTiled: boolean;
}

/** What a {@link Schedule} is made from. */
export interface ScheduleInput {
  readonly numbers: BlockNumbers;
  readonly stages: readonly ScheduledStage[];
  /** n_p; empty partitions have no steps. */
  readonly rows: readonly number[];
  /** Dep(p), ascending. */
  readonly dependencies: (p: number) => readonly number[];
  readonly order: PartitionOrder;
  /** Last stage and loss are computed in backward only. */
  readonly fusedHead: boolean;
  /** Gathered inputs are kept for backward instead of being gathered again. */
  readonly snapshots: boolean;
}

/** The partitions whose rows p reads in a stage, in the row order of the gathered input: its own first. */
export function sourcesOf(dependencies: readonly number[], p: number, gathers: boolean): number[] {
  return gathers ? [p, ...dependencies.filter((q) => q !== p)] : [p];
}

/** The steps of one training epoch: forward through all stages, backward through all. */
export function trainingSchedule(input: ScheduleInput): Schedule {
  const { numbers, stages, fusedHead, snapshots } = input;
  const writer = new ScheduleWriter(input);
  const last = stages.length - 1;
  const topology = (l: number, p: number) => {
    if (stages[l]!.gathers) writer.builder.read(numbers.topology(p));
  };
  for (let l = 0; l <= (fusedHead ? last - 1 : last); l++) {
    writer.pass('forward', l, (p) => {
      topology(l, p);
      writer.readSources(l, p);
      if (snapshots) writer.builder.create(numbers.snapshots(l, p));
      writer.builder.create(numbers.activations(l + 1, p));
    });
  }
  for (let l = last; l >= 0; l--) {
    writer.pass('backward', l, (p) => {
      if (l < last) writer.builder.read(numbers.gradients(l + 1, p));
      else if (!fusedHead) writer.builder.read(numbers.activations(l + 1, p));
      topology(l, p);
      // The fused head has had no forward pass that could have kept its input.
      if (snapshots && !(fusedHead && l === last)) writer.builder.read(numbers.snapshots(l, p));
      else writer.readSources(l, p);
      if (l > 0) for (const q of writer.receivers(l, p)) writer.builder.accumulate(numbers.gradients(l, q));
    });
    if (!stages[l]!.hasBatchNorm) continue;
    writer.pass('norm-sums', l, (p) => {
      writer.builder.read(numbers.activations(l, p));
      writer.builder.read(numbers.gradients(l, p));
    });
    writer.pass('norm', l, (p) => {
      writer.builder.read(numbers.activations(l, p));
      if (stages[l]!.isResidual) writer.builder.read(numbers.gradients(l + 1, p));
      writer.builder.accumulate(numbers.gradients(l, p));
    });
  }
  return writer.build();
}

/** The steps of an evaluation: forward through all stages; class scores are not stored. */
export function evaluationSchedule(input: ScheduleInput): Schedule {
  const { numbers, stages } = input;
  const writer = new ScheduleWriter(input);
  const last = stages.length - 1;
  for (const [l, { gathers }] of stages.entries()) {
    writer.pass(l === last ? 'evaluate' : 'forward', l, (p) => {
      if (gathers) writer.builder.read(numbers.topology(p));
      writer.readSources(l, p);
      if (l < last) writer.builder.create(numbers.activations(l + 1, p));
    });
  }
  return writer.build();
}

class ScheduleWriter {
  readonly builder = new AccessPlanBuilder();
  readonly #input: ScheduleInput;
  readonly #steps: Step[] = [];
  #passes = 0;

  constructor(input: ScheduleInput) {
    if (!partitionOrders.includes(input.order)) {
      throw new OptionError('OffloadTrainer', 'order', input.order, `one of ${partitionOrders.join(', ')}`);
    }
    this.#input = input;
  }

  pass(kind: StepKind, stage: number, write: (p: number) => void): void {
    const { rows, order } = this.#input;
    const parts = Array.from(rows.keys()).filter((p) => rows[p]! > 0);
    if (order === 'zigzag' && this.#passes % 2 === 1) parts.reverse();
    this.#passes++;
    for (const partition of parts) {
      this.#steps.push({ kind, stage, partition });
      this.builder.step();
      write(partition);
    }
  }

  sources(l: number, p: number): number[] {
    const { dependencies, stages } = this.#input;
    return sourcesOf(dependencies(p), p, stages[l]!.gathers);
  }

  /** The sources in the order in which their gradients are added. */
  receivers(l: number, p: number): number[] {
    const [own, ...others] = this.sources(l, p);
    return this.#input.stages[l]!.isTiled && !this.#input.snapshots ? [...others, own!] : [own!, ...others];
  }

  readSources(l: number, p: number): void {
    for (const q of this.sources(l, p)) this.builder.read(this.#input.numbers.activations(l, q));
  }

  build(): Schedule {
    const { isPersistent } = this.#input.numbers;
    return { steps: this.#steps, plan: this.builder.build((block) => isPersistent[block] === 1) };
  }
}
