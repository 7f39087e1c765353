/**
 * Checkpoints that another grid can read: a file for each stage and tensor rank, and one that describes them.
 *
 * `checkpoint.json` is replaced last, so that a run killed at any moment resumes from the last complete set.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { atomicWrite, DataError, type ProcessGroup } from '@strata-ml/core';
import { loadSafetensors, saveSafetensors } from '@strata-ml/models';
import { cutPart, joinParts } from '../dataParallel/joinParts.js';
import type { StageParameter } from '../stages/StageModule.js';
import type { LossScaleState } from '../train/lossScale.js';
import type { Trainer } from '../train/Trainer.js';
import { stageParameters } from './gather.js';

/** What `checkpoint.json` holds. */
interface Manifest {
  readonly format: 'strata-parallel-1';
  /** Folder of the files, beside this one. */
  readonly folder: string;
  readonly fingerprint: string;
  readonly iteration: number;
  /** Updates of the optimizer; fewer than iterations if steps were skipped. */
  readonly updates: number;
  readonly lossScale: LossScaleState;
  readonly grid: { readonly tp: number; readonly pp: number; readonly dp: number; readonly chunks: number };
  readonly placement: readonly number[];
  readonly schedule: string;
  readonly seed: number;
  /** Where each parameter is; the tied embedding's second copy is left out. */
  readonly parameters: readonly (Pick<StageParameter, 'name' | 'shape' | 'splitAxis' | 'rows'> & {
    readonly stage: number;
  })[];
  /** Whether hooks left arrays, which are each rank's own. */
  readonly hasHooks: boolean;
  /** What the caller keeps with it. */
  readonly extra: unknown;
}

/** What {@link Checkpoint.load} found. */
export interface Resumed {
  readonly extra: unknown;
  /** Hooks' arrays were dropped: they fit the grid they were made on only. */
  readonly hasDroppedHooks: boolean;
}

/** The checkpoint of a run in one folder. Methods are collective over the world. */
export class Checkpoint {
  /** The describing file. */
  readonly path: string;
  readonly #folder: string;
  readonly #world: ProcessGroup;
  readonly #fingerprint: string;

  /** @param fingerprint - of what must be the same to resume: model, data, seed; not the grid */
  constructor(folder: string, world: ProcessGroup, fingerprint: string) {
    this.path = join(folder, 'checkpoint.json');
    this.#folder = folder;
    this.#world = world;
    this.#fingerprint = fingerprint;
  }

  /** Writes the state after the trainer's last step. */
  async save(trainer: Trainer, extra: unknown): Promise<void> {
    const folder = `step-${String(trainer.iteration).padStart(8, '0')}`;
    const path = join(this.#folder, folder);
    mkdirSync(path, { recursive: true });
    const { stage, tensor, replica } = trainer.place;
    if (replica === 0) saveSafetensors(join(path, shardName(stage, tensor)), arraysOf(trainer));
    const hooks = hookStates(trainer);
    if (Object.keys(hooks).length > 0) saveSafetensors(join(path, hooksName(this.#world.rank)), hooks);
    const flags = Uint8Array.of(Object.keys(hooks).length > 0 ? 1 : 0);
    this.#world.allReduce(flags, { op: 'max', phase: 'checkpoint' });
    if (this.#world.rank === 0) {
      const previous = existsSync(this.path) ? this.#manifest().folder : undefined;
      await atomicWrite(this.path, JSON.stringify(this.#describe(trainer, folder, flags[0] === 1, extra)));
      if (previous !== undefined && previous !== folder)
        rmSync(join(this.#folder, previous), { recursive: true, force: true });
    }
    this.#world.barrier({ phase: 'checkpoint' });
  }

  /**
   * Restores a trainer, of whatever grid. Undefined if there is no checkpoint yet.
   *
   * @throws {@link DataError} if a file is damaged, or the run was one with other settings.
   */
  load(trainer: Trainer): Resumed | undefined {
    if (!existsSync(this.path)) return undefined;
    const manifest = this.#manifest();
    if (manifest.fingerprint !== this.#fingerprint) {
      throw new DataError(
        `checkpoint ${this.path}: it must come from a run with the same model, data, optimizer and seed, got another; ` +
          'use the same options, or another folder',
      );
    }
    const shards = new Shards(join(this.#folder, manifest.folder), manifest.grid.tp);
    const { parameters, optimizer } = trainer;
    const part = (parameter: StageParameter, prefix = '') => {
      const saved = manifest.parameters.find(({ name }) => name === parameter.name);
      if (!saved) throw new DataError(`checkpoint ${this.path}: it must hold ${parameter.name}, got no such parameter`);
      return cutPart(parameter, joinParts(saved, shards.parts(saved.stage, prefix + saved.name)), parameters.part);
    };
    for (const { parameter, begin } of parameters.slots) parameters.values.set(part(parameter), begin);
    parameters.changed();
    const names = shards.moments(0);
    optimizer.load(manifest.updates, ({ parameter }) =>
      Object.fromEntries(names.map((name) => [name, part(parameter, `optimizer.${name}/`)])),
    );
    trainer.iteration = manifest.iteration;
    trainer.lossScale.load(manifest.lossScale);
    return { extra: manifest.extra, hasDroppedHooks: manifest.hasHooks && !this.#loadHooks(trainer, manifest) };
  }

  #describe(trainer: Trainer, folder: string, hasHooks: boolean, extra: unknown): Manifest {
    const { grid, chunks, schedule, seed } = trainer.options;
    const seen = new Set<string>();
    return {
      format: 'strata-parallel-1',
      folder,
      fingerprint: this.#fingerprint,
      iteration: trainer.iteration,
      updates: trainer.optimizer.steps,
      lossScale: trainer.lossScale.state(),
      grid: { tp: grid.tp, pp: grid.pp, dp: grid.dp, chunks },
      placement: grid.placement,
      schedule,
      seed,
      parameters: Array.from({ length: grid.pp }, (_, stage) =>
        stageParameters(trainer, stage)
          .filter(({ name }) => !seen.has(name) && seen.add(name))
          .map(({ name, shape, splitAxis, rows }) => ({ name, shape, splitAxis, stage, ...(rows ? { rows } : {}) })),
      ).flat(),
      hasHooks,
      extra,
    };
  }

  #manifest(): Manifest {
    let manifest: Manifest;
    try {
      manifest = JSON.parse(readFileSync(this.path, 'utf8')) as Manifest;
    } catch (cause) {
      throw new DataError(`checkpoint ${this.path}: it must be JSON; the file is damaged`, {}, { cause });
    }
    if (manifest.format !== 'strata-parallel-1') {
      throw new DataError(`checkpoint ${this.path}: format must be strata-parallel-1, got ${String(manifest.format)}`);
    }
    return manifest;
  }

  /** Gives hooks their arrays back if this grid is the one they were made on. */
  #loadHooks(trainer: Trainer, { grid, folder, placement }: Manifest): boolean {
    const now = trainer.options;
    const isSame =
      grid.tp === now.tp &&
      grid.pp === now.pp &&
      grid.dp === now.dp &&
      grid.chunks === now.chunks &&
      placement.every((rank, i) => rank === now.grid.placement[i]);
    const path = join(this.#folder, folder, hooksName(this.#world.rank));
    if (!isSame || !existsSync(path)) return isSame;
    const { tensors } = loadSafetensors(path);
    for (const kind of ['wire', 'gradients'] as const) {
      const own = Object.entries(tensors).filter(([name]) => name.startsWith(`${kind}/`));
      trainer.hooks[kind]?.load?.(
        Object.fromEntries(own.map(([name, { data }]) => [name.slice(kind.length + 1), data as Float32Array])),
      );
    }
    return true;
  }
}

/** Files of all stages and tensor ranks, each read once. */
class Shards {
  readonly #folder: string;
  readonly #tensorRanks: number;
  readonly #files = new Map<string, ReturnType<typeof loadSafetensors>['tensors']>();

  constructor(folder: string, tensorRanks: number) {
    this.#folder = folder;
    this.#tensorRanks = tensorRanks;
  }

  parts(stage: number, name: string): Float32Array[] {
    return Array.from({ length: this.#tensorRanks }, (_, tensor) => {
      const data = this.#file(stage, tensor)[name]?.data;
      if (!(data instanceof Float32Array)) {
        throw new DataError(`checkpoint ${this.#folder}: ${shardName(stage, tensor)} must hold float32 ${name}`);
      }
      return data;
    });
  }

  /** Names of the optimizer's arrays. */
  moments(stage: number): string[] {
    const names = Object.keys(this.#file(stage, 0)).filter((name) => name.startsWith('optimizer.'));
    return [...new Set(names.map((name) => name.slice('optimizer.'.length, name.indexOf('/'))))];
  }

  #file(stage: number, tensor: number) {
    const name = shardName(stage, tensor);
    let tensors = this.#files.get(name);
    if (!tensors) {
      tensors = loadSafetensors(join(this.#folder, name)).tensors;
      this.#files.set(name, tensors);
    }
    return tensors;
  }
}

function arraysOf({ parameters, optimizer }: Trainer): Record<string, { shape: number[]; data: Float32Array }> {
  const arrays: Record<string, { shape: number[]; data: Float32Array }> = {};
  for (const slot of parameters.slots) {
    const shape = [...slot.shape];
    const { name } = slot.parameter;
    arrays[name] = { shape, data: parameters.values.subarray(slot.begin, slot.end) };
    for (const [moment, data] of Object.entries(optimizer.moments(slot))) {
      arrays[`optimizer.${moment}/${name}`] = { shape, data };
    }
  }
  return arrays;
}

function hookStates({ hooks }: Trainer): Record<string, { shape: number[]; data: Float32Array }> {
  const states = Object.entries({ wire: hooks.wire?.state?.(), gradients: hooks.gradients?.state?.() });
  return Object.fromEntries(
    states.flatMap(([kind, state]) =>
      Object.entries(state ?? {}).map(([name, data]) => [`${kind}/${name}`, { shape: [data.length], data }]),
    ),
  );
}

function shardName(stage: number, tensor: number): string {
  return `stage-${stage}-tensor-${tensor}.safetensors`;
}

function hooksName(rank: number): string {
  return `rank-${rank}-hooks.safetensors`;
}
