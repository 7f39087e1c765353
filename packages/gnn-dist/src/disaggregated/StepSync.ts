/**
 * Keeps the models of compute workers together, in one of five ways, while workers run out of batches at different times:
 * whoever has no batch leaves the group, and the others go on in a group of those that are left.
 */
import type { ProcessGroup, RankContext } from '@strata-ml/core';
import type { Optimizer } from '@strata-ml/models';
import type { FlatParameters } from '../train/parameters.js';
import type { ModelState } from './ModelState.js';
import type { SyncKind } from './options.js';
import type { PipelineMemory } from './PipelineMemory.js';
import { SharedModel, type SharedModelArrays } from './SharedModel.js';

/** What a {@link StepSync} works on. */
export interface SyncParts {
  readonly ctx: RankContext<unknown>;
  readonly kind: SyncKind;
  readonly memory: PipelineMemory;
  readonly parameters: FlatParameters;
  readonly optimizer: Optimizer;
  readonly state: ModelState;
  readonly shared: SharedModelArrays | undefined;
}

/** One compute worker's part in synchronisation. */
export class StepSync {
  readonly #parts: SyncParts;
  readonly #shared: SharedModel | undefined;
  /** This rank alone. */
  readonly alone: ProcessGroup;
  /** Groups that were made, by the group they were made from and their members. */
  readonly #groups = new Map<string, ProcessGroup>();
  #group: ProcessGroup;

  constructor(parts: SyncParts) {
    this.#parts = parts;
    this.alone = parts.ctx.world.split(parts.ctx.rank);
    this.#group = parts.ctx.world;
    this.#shared = parts.shared ? new SharedModel(parts.shared, parts.state) : undefined;
  }

  /** Ranks whose statistics and gradients belong together in a step. */
  get stepGroup(): ProcessGroup {
    return this.#parts.kind === 'sync-grads' ? this.#group : this.alone;
  }

  get #isLockstep(): boolean {
    return this.#parts.kind === 'sync-grads' || this.#parts.kind === 'sync-model';
  }

  /** Called by all before the first step of an epoch. */
  beginEpoch(): void {
    this.#group = this.#parts.ctx.world;
  }

  /**
   * Called before a step with the seeds of my batch, or 0 if I have no more.
   *
   * @returns training vertices to divide by; 0 if this worker leaves the epoch
   */
  agree(seeds: number): number {
    const { ctx, memory } = this.#parts;
    if (seeds === 0) memory.lastActive = ctx.rank;
    if (!this.#isLockstep) return seeds;
    const group = this.#group;
    const all = new Int32Array(group.size);
    group.allGather(Int32Array.of(seeds), all, { phase: 'sampling' });
    const active = group.ranks.filter((_, i) => all[i]! > 0);
    if (active.length > 0 && active.length < group.size) {
      // Leavers take part in making the group of those who stay.
      const key = `${group.ranks.join()} ${active.join()}`;
      const next = this.#groups.get(key) ?? group.split(seeds > 0 ? 1 : 0);
      this.#groups.set(key, next);
      this.#group = next;
    }
    if (seeds === 0) return 0;
    return this.#parts.kind === 'sync-grads' ? all.reduce((sum, n) => sum + n, 0) : seeds;
  }

  /** Called with the gradients of a step taken: updates the model. */
  update(): void {
    const { kind, parameters, optimizer, state } = this.#parts;
    if (kind === 'async-grads') {
      this.#shared!.applyGradients(parameters, optimizer);
      return;
    }
    if (kind === 'sync-grads') this.#group.allReduce(parameters.gradients, { phase: 'gradient' });
    optimizer.step(parameters.values, parameters.gradients);
    parameters.apply();
    if (kind === 'sync-model') average(this.#group, state);
    if (kind === 'async-model') this.#shared!.mergeModel(this.#parts.ctx.worldSize);
  }

  /** Called by all when the epoch is over: everybody takes the model of the worker that left last, or the shared one. */
  endEpoch(): void {
    const { ctx, memory, state } = this.#parts;
    ctx.world.barrier({ phase: 'sampling' });
    const last = memory.lastActive;
    this.#shared?.fetch();
    const mine = state.read();
    const step = Float64Array.of(state.step);
    ctx.world.broadcast(mine, last, { phase: 'model' });
    ctx.world.broadcast(step, last, { phase: 'model' });
    state.write(mine, step[0]!);
  }
}

/** Mean of parameters, optimiser states and running statistics over a group. */
function average(group: ProcessGroup, state: ModelState): void {
  if (group.size === 1) return;
  const mean = state.read();
  group.allReduce(mean, { phase: 'model' });
  for (let i = 0; i < mean.length; i++) mean[i]! /= group.size;
  state.write(mean, state.step);
}
