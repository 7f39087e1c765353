/**
 * Checkpoints of an offloaded run: one safetensors file with parameters, statistics, optimizer state and the timeline,
 * replaced atomically. Activations and gradients carry nothing from one epoch to the next, so a run killed at any moment
 * repeats the epoch that was broken off and comes to the same parameters.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { DataError } from '@strata-ml/core';
import {
  flattenParameters,
  loadSafetensors,
  parameterCount,
  saveSafetensors,
  type TensorToSave,
  unflattenParameters,
} from '@strata-ml/models';
import type { GraphStore } from '../store/GraphStore.js';
import type { FullGraphTrainer } from '../train/FullGraphTrainer.js';

const FORMAT = 'strata-offload-checkpoint-1';

/** Identifies what a checkpoint belongs to: graph, network, rule. Budgets, policies and modes may change. */
export function checkpointFingerprint(
  { meta }: GraphStore,
  { model, optimizer }: FullGraphTrainer,
  seed: number,
): string {
  const facts = { graph: meta.hashes, spec: model.spec, optimizer: optimizer.spec, seed };
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 16);
}

/** Writes a checkpoint; the file is the old one or the new one, never half of one. */
export function saveCheckpoint(path: string, trainer: FullGraphTrainer, fingerprint: string, history: unknown): void {
  const { model, optimizer, epoch } = trainer;
  const state = optimizer.state();
  const flat = flattenParameters(model.parameters);
  const tensors: Record<string, TensorToSave> = {};
  let at = 0;
  for (const { name, variable } of model.parameters) {
    tensors[name] = { shape: variable.shape, data: flat.slice(at, at + variable.size) };
    at += variable.size;
  }
  for (const { name, data } of model.state()) tensors[name] = { shape: [data.length], data };
  for (const [name, data] of Object.entries(state.arrays)) {
    tensors[`optimizer.${name}`] = { shape: [data.length], data };
  }
  saveSafetensors(path, tensors, {
    format: FORMAT,
    fingerprint,
    epoch: String(epoch),
    optimizerStep: String(state.step),
    history: JSON.stringify(history),
    spec: JSON.stringify(model.spec),
    featureNorm: 'none',
  });
}

/**
 * Restores a trainer; returns the history that was saved, undefined if there is no checkpoint.
 *
 * @throws {@link DataError} if the file is damaged or belongs to another run.
 */
export function loadCheckpoint(path: string, trainer: FullGraphTrainer, fingerprint: string): unknown {
  if (!existsSync(path)) return undefined;
  const { tensors, metadata } = loadSafetensors(path);
  if (metadata.format !== FORMAT || metadata.fingerprint !== fingerprint) {
    throw new DataError(
      `checkpoint ${path}: it must come from a run with the same graph, model, optimizer and seed, got another; ` +
        'use the same options, or another folder',
    );
  }
  const array = (name: string, length?: number): Float32Array => {
    const data = tensors[name]?.data;
    if (!(data instanceof Float32Array) || (length !== undefined && data.length !== length)) {
      throw new DataError(`checkpoint ${path}: array ${name} is missing or of another length`);
    }
    return data;
  };
  const { model, optimizer } = trainer;
  const flat = new Float32Array(parameterCount(model.parameters));
  let at = 0;
  for (const { name, variable } of model.parameters) {
    flat.set(array(name, variable.size), at);
    at += variable.size;
  }
  unflattenParameters(flat, model.parameters);
  for (const { name, data } of model.state()) data.set(array(name, data.length));
  const names = Object.keys(tensors).filter((name) => name.startsWith('optimizer.'));
  optimizer.load({
    step: Number(metadata.optimizerStep),
    arrays: Object.fromEntries(names.map((name) => [name.slice('optimizer.'.length), array(name)])),
  });
  trainer.epoch = Number(metadata.epoch);
  return JSON.parse(metadata.history ?? '[]');
}
