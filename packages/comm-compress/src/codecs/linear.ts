/** Codecs whose payloads are added up by an all-reduce, and what they need of the group. */
import type { Rng } from '@strata-ml/core';
import type { Codec, FixedSizeCodec } from './Codec.js';
import type { ElementCodec } from './elementFormats.js';

/** One tensor that a group of ranks averages. */
export interface Part {
  readonly key: string;
  readonly shape: readonly number[];
  /** What this rank contributes; not changed. */
  readonly y: Float32Array;
  /** Becomes the mean over ranks, as far as the codec tells: the same bits on all of them. */
  readonly mean: Float32Array;
  /** Becomes what an error memory takes as sent, if it is asked for. */
  readonly sent?: Float32Array;
}

/** The group, as a linear codec sees it. */
export interface SumNetwork {
  /** Ranks in the group. */
  readonly size: number;
  /** All-reduces the arrays in one message, in place, each number in the format of the codec. */
  sum(arrays: readonly Float32Array[], format: ElementCodec): void;
  /** A generator that is the same on all ranks. */
  rng(key: string): Rng;
}

/** A codec that averages tensors by sums. All parts of a call share messages. */
export interface LinearCodec extends FixedSizeCodec {
  readonly aggregation: 'linear';
  allReduce(parts: readonly Part[], network: SumNetwork): void;
}

/** True if payloads of this codec can be added up. */
export function isLinear(codec: Codec): codec is LinearCodec {
  return 'allReduce' in codec;
}

/** Averages by sending each number in the format of `codec`: what fp32, fp16 and bf16 do. */
export function averageElements(codec: ElementCodec, parts: readonly Part[], network: SumNetwork): void {
  for (const { y, mean } of parts) mean.set(y);
  network.sum(
    parts.map((p) => p.mean),
    codec,
  );
  for (const { key, shape, y, mean, sent } of parts) {
    divide(mean, network.size);
    if (sent) codec.decode(codec.encode(y, shape, key, network.rng(key)), sent);
  }
}

/** x ← x / by. */
export function divide(x: Float32Array, by: number): void {
  for (let i = 0; i < x.length; i++) x[i]! /= by;
}
