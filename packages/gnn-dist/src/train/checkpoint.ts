/**
 * Checkpoints: one safetensors file with parameters, BatchNorm statistics, optimizer state and the run's timeline,
 * replaced atomically, so that a run killed at any moment resumes from the last complete one.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '@strata-ml/core';
import { loadSafetensors, saveSafetensors } from '@strata-ml/models';
import type { EpochRow } from '../report.js';
import { saveModel } from '../savedModel.js';
import type { TrainPayload } from './payload.js';
import type { RankTrainer } from './RankTrainer.js';

/** What a run knows besides its arrays. */
export interface RunState {
  /** Epochs done. */
  readonly epoch: number;
  readonly epochs: readonly EpochRow[];
}

/** The checkpoint of one run in one folder. */
export class Checkpoint {
  /** The checkpoint file. */
  readonly path: string;
  readonly #modelPath: string;
  readonly #payload: TrainPayload;

  constructor(folder: string, payload: TrainPayload) {
    this.path = join(folder, 'checkpoint.safetensors');
    this.#modelPath = join(folder, 'model.safetensors');
    this.#payload = payload;
  }

  /** Writes the state, from rank 0 only: all ranks hold the same. Returns the file's path. */
  save(trainer: RankTrainer, state: RunState, isRoot: boolean): string {
    if (isRoot) {
      const optimizer = trainer.optimizer.state();
      const { weights, buffers } = trainer.arrays();
      saveSafetensors(
        this.path,
        {
          ...weights,
          ...buffers,
          ...Object.fromEntries(
            Object.entries(optimizer.arrays).map(([name, data]) => [
              `optimizer.${name}`,
              { shape: [data.length], data },
            ]),
          ),
        },
        {
          format: 'strata-checkpoint-1',
          fingerprint: this.#payload.fingerprint,
          epoch: String(state.epoch),
          optimizerStep: String(optimizer.step),
          epochs: JSON.stringify(state.epochs),
          spec: JSON.stringify(this.#payload.spec),
        },
      );
    }
    return this.path;
  }

  /** Writes the trained model, from rank 0 only. Returns the file's path. */
  saveModel(trainer: RankTrainer, isRoot: boolean): string {
    if (isRoot) {
      const { spec, options } = this.#payload;
      const { weights, buffers } = trainer.arrays();
      saveModel(this.#modelPath, { spec, featureNorm: options.featureNorm, weights, buffers });
    }
    return this.#modelPath;
  }

  /**
   * Restores a trainer; every rank reads the file. Undefined if there is no checkpoint yet.
   *
   * @throws {@link DataError} if the file is damaged or belongs to a run with other settings.
   */
  load(trainer: RankTrainer): RunState | undefined {
    if (!existsSync(this.path)) return undefined;
    const { tensors, metadata } = loadSafetensors(this.path);
    if (metadata.fingerprint !== this.#payload.fingerprint) {
      throw new DataError(
        `checkpoint ${this.path}: it must come from a run with the same data, model, optimizer and seed, got another; ` +
          'use the same flags, or another --checkpoint folder',
      );
    }
    const array = (name: string): Float32Array => {
      const data = tensors[name]?.data;
      if (!(data instanceof Float32Array))
        throw new DataError(`checkpoint ${this.path}: float32 array ${name} is missing`);
      return data;
    };
    const { parameters, model, optimizer } = trainer;
    for (const { name, begin } of parameters.slots) parameters.values.set(array(name), begin);
    parameters.apply();
    for (const { name, data } of model.state()) data.set(array(name));
    const arrays = Object.fromEntries(
      Object.keys(tensors)
        .filter((name) => name.startsWith('optimizer.'))
        .map((name) => [name.slice('optimizer.'.length), array(name)]),
    );
    optimizer.load({ step: Number(metadata.optimizerStep), arrays });
    return { epoch: Number(metadata.epoch), epochs: JSON.parse(metadata.epochs ?? '[]') as EpochRow[] };
  }
}
