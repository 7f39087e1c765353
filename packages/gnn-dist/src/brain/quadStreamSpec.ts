/** Options of the quad-stream network, checked and filled in. */
import { OptionError } from '@strata-ml/core';
import { type BipolarKind, bipolarKinds } from './bipolarRelu.js';
import { quadStreams, type Stream, streams } from './streams.js';

/** Options of {@link QuadStreamGcn}. */
export interface QuadStreamSpec {
  /** Regions R of every graph. */
  readonly regions: number;
  /** Width of the regions' features. @defaultValue `regions`: the features are rows of the adjacency */
  readonly features?: number;
  /** Classes. @defaultValue `2` */
  readonly classes?: number;
  /** Widths of the two convolutions. @defaultValue `[64, 32]` */
  readonly hidden?: readonly [number, number];
  /** @defaultValue `'alternating'` */
  readonly bipolar?: BipolarKind;
  /** What to look at. @defaultValue all signs and bands: {@link quadStreams} */
  readonly streams?: readonly Stream[];
  /** Power K of the filters. @defaultValue `1` */
  readonly filterPower?: number;
  /** Positive and negative streams of one band share their weights. @defaultValue `false` */
  readonly shareAcrossSign?: boolean;
  /** Between the layers, in [0, 1). @defaultValue `0.5` */
  readonly dropout?: number;
  /** Seeds initial weights and dropout. @defaultValue `1` */
  readonly seed?: number;
}

/** {@link QuadStreamSpec} with defaults filled in. */
export type ResolvedQuadStreamSpec = Required<QuadStreamSpec>;

/** @throws {@link OptionError} that names the first option out of range. */
export function resolveQuadStreamSpec(spec: QuadStreamSpec): ResolvedQuadStreamSpec {
  const resolved: ResolvedQuadStreamSpec = {
    features: spec.regions,
    classes: 2,
    hidden: [64, 32],
    bipolar: 'alternating',
    streams: quadStreams,
    filterPower: 1,
    shareAcrossSign: false,
    dropout: 0.5,
    seed: 1,
    ...spec,
  };
  const where = 'QuadStreamGcn';
  const atLeast = (name: string, value: number, least: number) => {
    if (!Number.isSafeInteger(value) || value < least) {
      throw new OptionError(where, name, value, `an integer of at least ${least}`);
    }
  };
  atLeast('regions', resolved.regions, 2);
  atLeast('features', resolved.features, 1);
  atLeast('classes', resolved.classes, 2);
  atLeast('filterPower', resolved.filterPower, 1);
  for (const width of resolved.hidden) atLeast('hidden', width, 1);
  if (!bipolarKinds.includes(resolved.bipolar)) {
    throw new OptionError(where, 'bipolar', resolved.bipolar, `one of ${bipolarKinds.join(', ')}`);
  }
  if (resolved.streams.length === 0) throw new OptionError(where, 'streams', resolved.streams, 'not empty');
  for (const stream of resolved.streams) {
    if (!streams.includes(stream)) throw new OptionError(where, 'streams', stream, `of ${streams.join(', ')}`);
  }
  if (!(resolved.dropout >= 0 && resolved.dropout < 1)) {
    throw new OptionError(where, 'dropout', resolved.dropout, 'in [0, 1)');
  }
  return resolved;
}

/** Streams that read no sign: they get the magnitudes of the adjacency's rows as features, or sign would leak in. */
export const isSignBlind = (stream: Stream): boolean => stream.startsWith('absolute');
