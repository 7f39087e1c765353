/** A trained model in one file: weights, configuration and tokenizer. */
import { existsSync } from 'node:fs';
import { DataError } from '@strata-ml/core';
import { loadSafetensors, saveSafetensors } from '../checkpoint/safetensors.js';
import { type GptConfig, type GptOptions, gptConfig } from './GptConfig.js';
import { gptParameters } from './parameters.js';
import type { NamedTensors } from './published.js';

/** `format` in the metadata of the file. */
const FORMAT = 'strata-gpt-1';

/** What {@link loadGpt} reads. */
export interface SavedGpt {
  readonly config: GptConfig;
  /** By the names of `gptParameters`. */
  readonly weights: NamedTensors;
  /** As it was saved: plain data for `tokenizerFromFile` of `@strata-ml/datasets`; undefined if none was. */
  readonly tokenizer: unknown;
}

/** Writes a model as a safetensors file; configuration and tokenizer go into its metadata as JSON. */
export function saveGpt(path: string, { config, weights, tokenizer }: SavedGpt): void {
  saveSafetensors(path, weights, {
    format: FORMAT,
    config: JSON.stringify(config),
    ...(tokenizer === undefined ? {} : { tokenizer: JSON.stringify(tokenizer) }),
  });
}

/**
 * Reads a model that {@link saveGpt} wrote.
 *
 * @throws {@link DataError} if the file is not there, is damaged, is of another format, or lacks a parameter.
 */
export function loadGpt(path: string): SavedGpt {
  if (!existsSync(path)) throw new DataError(`${path}: must be a saved model, there is no such file`, { file: path });
  const { tensors, metadata } = loadSafetensors(path);
  if (metadata.format !== FORMAT) {
    throw new DataError(`${path}: format must be ${FORMAT}, got ${metadata.format ?? 'none'}`, { file: path });
  }
  const config = gptConfig(parse(path, 'config', metadata.config) as GptOptions);
  const weights: Record<string, { shape: readonly number[]; data: Float32Array }> = {};
  for (const { name, shape } of gptParameters(config)) {
    const tensor = tensors[name];
    if (tensor?.shape.join() !== shape.join() || !(tensor.data instanceof Float32Array)) {
      throw new DataError(
        `${path}: ${name} must be float32 [${shape}], got ${tensor ? `[${tensor.shape}]` : 'nothing'}`,
      );
    }
    weights[name] = { shape, data: tensor.data };
  }
  const { tokenizer } = metadata;
  return { config, weights, tokenizer: tokenizer === undefined ? undefined : parse(path, 'tokenizer', tokenizer) };
}

function parse(path: string, name: string, text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '') as unknown;
  } catch (cause) {
    throw new DataError(`${path}: ${name} in the metadata must be JSON`, { file: path }, { cause });
  }
}
