/** A model to generate with: one that `lm train` wrote, or GPT-2 as it is published. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DataError } from '@strata-ml/core';
import { loadGpt2Tokenizer, type Tokenizer, type TokenizerFile, tokenizerFromFile } from '@strata-ml/datasets';
import { type GptConfig, importGpt2, loadGpt, loadSafetensors, type NamedTensors } from '@strata-ml/models';

/** What generation needs. */
export interface LoadedModel {
  /** File of the weights. */
  readonly path: string;
  readonly config: GptConfig;
  readonly weights: NamedTensors;
  readonly tokenizer: Tokenizer;
}

/**
 * Reads `model.safetensors` of a folder, or the file that is named.
 *
 * Beside weights of GPT-2 as published lie `config.json` and the vocabulary: `vocab.json` and `merges.txt`, or
 * `encoder.json` and `vocab.bpe`; if the vocabulary is not there, that of the data set `gpt2-bpe` is taken.
 *
 * @throws DataError if a file is missing or damaged, or the model is of another kind.
 */
export async function loadModel(checkpoint: string): Promise<LoadedModel> {
  const path = modelFile(checkpoint);
  const published = join(dirname(path), 'config.json');
  if (existsSync(published)) return loadPublished(path, published);
  const { config, weights, tokenizer } = loadGpt(path);
  if (tokenizer === undefined) {
    throw new DataError(`${path}: must hold the tokenizer it was trained with, it holds none`);
  }
  return { path, config, weights, tokenizer: tokenizerFromFile(tokenizer as TokenizerFile) };
}

async function loadPublished(path: string, configPath: string): Promise<LoadedModel> {
  const settings = parse(configPath);
  const { n_head: heads, activation_function: activation = 'gelu_new', layer_norm_epsilon: epsilon = 1e-5 } = settings;
  if (typeof heads !== 'number' || typeof epsilon !== 'number' || activation !== 'gelu_new') {
    throw new DataError(
      `${configPath}: must describe GPT-2, with n_head and activation_function gelu_new, got ` +
        `n_head ${String(heads)} and activation_function ${String(activation)}`,
    );
  }
  const folder = dirname(path);
  const hasVocabulary = ['vocab.json', 'encoder.json'].some((name) => existsSync(join(folder, name)));
  const tokenizer = await (hasVocabulary ? loadGpt2Tokenizer(folder) : loadGpt2Tokenizer());
  const { config, weights } = importGpt2(loadSafetensors(path).tensors, heads);
  return { path, config: { ...config, layerNormEpsilon: epsilon }, weights, tokenizer };
}

function parse(path: string): Record<string, unknown> {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  } catch (cause) {
    throw new DataError(`${path}: must be JSON (${(cause as Error).message})`, { file: path }, { cause });
  }
}

/** The model's file: what was named, or in the folder that was named. */
function modelFile(checkpoint: string): string {
  const isFolder = existsSync(checkpoint) && statSync(checkpoint).isDirectory();
  const path = isFolder ? join(checkpoint, 'model.safetensors') : checkpoint;
  if (existsSync(path)) return path;
  throw new DataError(
    `${path}: must be a trained model, there is no such file; \`strata lm train --checkpoint DIR\` writes one when it is done`,
  );
}
