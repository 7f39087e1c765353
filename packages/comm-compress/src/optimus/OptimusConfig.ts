/** What is compressed in a 3D-parallel run, as plain data that ranks and files can hold. */
import { OptionError } from '@strata-ml/core';
import { parseCodec } from '../codecs/parseCodec.js';
import { type WireFormat, wireFormats } from '../pipeline/floatCodec.js';

/** Which gradients between stages are compressed: none, those of the drain, or all. */
export const backwardModes = ['off', 'epilogue', 'all'] as const;
/** One of {@link backwardModes}. */
export type BackwardMode = (typeof backwardModes)[number];

/** Compressed backpropagation: gradients that a stage sends to the one before. */
export interface CompressedBackward {
  readonly mode: BackwardMode;
  /** As {@link parseCodec} reads it. @defaultValue `'powersgd:16'` */
  readonly codec?: string;
  /** Lazy error propagation: what one message lost is added to the next one. @defaultValue `true` */
  readonly lep?: boolean;
  /** The last error of a step goes into the first message of the next. @defaultValue `true` */
  readonly carryAcrossIterations?: boolean;
  /** Steps before this one are not compressed. @defaultValue `1` */
  readonly startStep?: number;
  /** Keeps activations of a step to compare errors with, see {@link lepDiagnostics}. @defaultValue `false` */
  readonly diagnostics?: boolean;
}

/** Selective stage compression: gradients that replicas average, on the first stages. */
export interface SelectiveStages {
  /** How many stages from the first one; `auto` asks for a profile, see {@link analyzeCriticalPath}. */
  readonly stages: number | 'auto';
  /** As {@link parseCodec} reads it. @defaultValue `'powersgd:128'` */
  readonly codec?: string;
  /** @defaultValue `true` */
  readonly errorFeedback?: boolean;
  /** Steps before this one are not compressed. @defaultValue `1` */
  readonly startStep?: number;
}

/** Everything that a run can compress; what is absent is not. */
export interface OptimusConfig {
  readonly backward?: CompressedBackward;
  /** One sum of the tied embedding over both its stages and all replicas. @defaultValue `false` */
  readonly fusedEmbedding?: boolean;
  readonly selectiveStages?: SelectiveStages;
  /** Numbers of messages that no codec takes. @defaultValue `'fp32'` */
  readonly wire?: WireFormat;
  /** Numbers of gradients that no codec takes. @defaultValue `'fp32'` */
  readonly gradients?: WireFormat;
  /** A codec for activations too: experimental, it costs quality. @defaultValue none */
  readonly experimental_forward?: string;
}

/**
 * The settings of Optimus-CC: the drain's gradients by rank 16 with lazy error propagation, fused embedding sync, replicas'
 * gradients by rank 128 on three of four stages.
 *
 * "Optimus-CC: Efficient Large NLP Model Training with 3D Parallelism Aware Communication Compression", ASPLOS 2023,
 * arXiv:2301.09830; ranks of the authors' run scripts.
 */
export function optimusCC(stages: number): OptimusConfig {
  return {
    backward: { mode: 'epilogue', codec: 'powersgd:16', lep: true },
    fusedEmbedding: true,
    selectiveStages: { stages: Math.floor(0.75 * stages), codec: 'powersgd:128', errorFeedback: true },
  };
}

const known: Readonly<Record<string, readonly string[]>> = {
  config: ['backward', 'fusedEmbedding', 'selectiveStages', 'wire', 'gradients', 'experimental_forward'],
  backward: ['mode', 'codec', 'lep', 'carryAcrossIterations', 'startStep', 'diagnostics'],
  selectiveStages: ['stages', 'codec', 'errorFeedback', 'startStep'],
};

/**
 * Checks data that may come from a file.
 *
 * @throws {@link OptionError} for unknown keys, unknown codecs and numbers out of range.
 */
export function checkOptimusConfig(config: OptimusConfig): OptimusConfig {
  const where = 'compression';
  const { backward, selectiveStages, wire, gradients, experimental_forward: forward } = config;
  for (const [name, part] of Object.entries({ config, backward, selectiveStages })) {
    if (part === undefined) continue;
    if (typeof part !== 'object' || part === null) throw new OptionError(where, name, part, 'an object');
    const unknown = Object.keys(part).find((key) => !known[name]!.includes(key));
    if (unknown !== undefined) throw new OptionError(where, `key of ${name}`, unknown, known[name]!.join(', '));
  }
  if (backward && !backwardModes.includes(backward.mode)) {
    throw new OptionError(where, 'backward.mode', backward.mode, `one of ${backwardModes.join(', ')}`);
  }
  for (const [name, format] of Object.entries({ wire, gradients })) {
    if (format !== undefined && !wireFormats.includes(format)) {
      throw new OptionError(where, name, format, `one of ${wireFormats.join(', ')}`);
    }
  }
  const stages = selectiveStages?.stages;
  if (stages !== undefined && stages !== 'auto' && !(Number.isInteger(stages) && stages >= 0)) {
    throw new OptionError(where, 'selectiveStages.stages', stages, 'a whole number ≥ 0, or auto');
  }
  for (const codec of [backward?.codec, selectiveStages?.codec, forward]) if (codec !== undefined) parseCodec(codec);
  return config;
}
