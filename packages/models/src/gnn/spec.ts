/** The specification of a graph network: what `createGnn` takes, checked and with defaults filled in. */
import { OptionError } from '@strata-ml/core';

/** The architectures of {@link GnnSpec.model}. */
export const gnnModels = ['gcn', 'sage', 'gat', 'resSage', 'custom'] as const;
/** One of {@link gnnModels}. */
export type GnnModelName = (typeof gnnModels)[number];

/** The normalisations of {@link GnnSpec.norm}. */
export const gnnNorms = ['none', 'layer', 'batch'] as const;
/** One of {@link gnnNorms}. */
export type GnnNorm = (typeof gnnNorms)[number];

/** How weights start: `'glorot'` U(±√(6 / (in + out))) with zero biases, `'uniform'` U(±1/√in) for weights and biases. */
export type Initialiser = 'glorot' | 'uniform';

/** Options of {@link createGnn}. */
export interface GnnSpec {
  /**
   * `'gcn'`, `'sage'` (GraphSAGE with mean aggregation), `'gat'`, `'resSage'` (ResSAGE+, for deep networks), or `'custom'`:
   * layers of your own, from the module that `layer` names.
   */
  readonly model: GnnModelName;
  /** Model `custom`: URL of an ES module that exports a {@link LayerFactory} named `layer`; every device imports it. */
  readonly layer?: string;
  /** Graph convolutions, L ≥ 1. Final linear layers come on top. @defaultValue `3`, for gcn and gat `2` */
  readonly layers?: number;
  /** Width of hidden layers; for gat all heads together. @defaultValue `64` */
  readonly hidden?: number;
  /** Columns of the input features. */
  readonly inputWidth: number;
  /** Columns of the output. */
  readonly numClasses: number;
  /** Probability of zeroing an entry before each layer, in [0, 1). @defaultValue `0.5` */
  readonly dropout?: number;
  /** Normalisation between layers. @defaultValue `'layer'` for sage and resSage, `'none'` for gcn and gat */
  readonly norm?: GnnNorm;
  /** Linear layers after the convolutions: 0, 1 or 2. resSage always ends in one of its own. @defaultValue `0` */
  readonly finalLinearLayers?: number;
  /** Attention heads (gat only); must divide `hidden`. @defaultValue `4` */
  readonly heads?: number;
  /** How weights start. @defaultValue `'glorot'` for gcn and gat, `'uniform'` for sage and resSage */
  readonly init?: Initialiser;
  /** Initial parameters depend on this and on their names only. @defaultValue `1` */
  readonly seed?: number;
}

/** {@link GnnSpec} with every default filled in; plain data, for checkpoints. */
export type ResolvedGnnSpec = Required<Omit<GnnSpec, 'layer'>> & Pick<GnnSpec, 'layer'>;

/**
 * Checks a specification and fills in the defaults.
 *
 * @throws {@link OptionError} that names the first option out of range.
 */
export function resolveGnnSpec(spec: GnnSpec): ResolvedGnnSpec {
  const where = 'createGnn';
  const known = (option: string, got: unknown, names: readonly string[]): void => {
    if (!names.includes(got as string)) throw new OptionError(where, option, got, `one of ${names.join(', ')}`);
  };
  known('model', spec.model, gnnModels);
  const deep = spec.model === 'sage' || spec.model === 'resSage';
  const resolved: ResolvedGnnSpec = {
    model: spec.model,
    ...(spec.layer === undefined ? {} : { layer: String(spec.layer) }),
    layers: spec.layers ?? (deep ? 3 : 2),
    hidden: spec.hidden ?? 64,
    inputWidth: spec.inputWidth,
    numClasses: spec.numClasses,
    dropout: spec.dropout ?? 0.5,
    norm: spec.norm ?? (deep ? 'layer' : 'none'),
    finalLinearLayers: spec.finalLinearLayers ?? 0,
    heads: spec.heads ?? (spec.model === 'gat' ? 4 : 1),
    init: spec.init ?? (deep ? 'uniform' : 'glorot'),
    seed: spec.seed ?? 1,
  };
  if ((spec.model === 'custom') !== (spec.layer !== undefined)) {
    const requirement = spec.model === 'custom' ? 'the URL of a module for custom' : `absent for ${spec.model}`;
    throw new OptionError(where, 'layer', spec.layer, requirement);
  }
  known('norm', resolved.norm, gnnNorms);
  known('init', resolved.init, ['glorot', 'uniform']);
  for (const option of ['layers', 'hidden', 'inputWidth', 'numClasses', 'heads'] as const) {
    const got = resolved[option];
    if (!(Number.isSafeInteger(got) && got >= 1)) throw new OptionError(where, option, got, 'an integer ≥ 1');
  }
  const { dropout, finalLinearLayers, heads, hidden, model, seed } = resolved;
  if (!(dropout >= 0 && dropout < 1)) throw new OptionError(where, 'dropout', dropout, 'in [0, 1)');
  if (![0, 1, 2].includes(finalLinearLayers)) {
    throw new OptionError(where, 'finalLinearLayers', finalLinearLayers, '0, 1 or 2');
  }
  if (model === 'resSage' && finalLinearLayers !== 0) {
    throw new OptionError(where, 'finalLinearLayers', finalLinearLayers, '0 for resSage, which ends in its own layer');
  }
  if (model !== 'gat' && heads !== 1) throw new OptionError(where, 'heads', heads, `1 for ${model}`);
  if (hidden % heads !== 0) throw new OptionError(where, 'heads', heads, `a divisor of hidden (${hidden})`);
  if (!Number.isSafeInteger(seed)) throw new OptionError(where, 'seed', seed, 'an integer');
  return resolved;
}

/**
 * Widths of the rows that each convolution exchanges between devices, F₀ … F_{L−1} (spec §0.6): `[layers]`, the first
 * being the input width, or `hidden` for resSage, whose convolutions all run on encoded rows.
 */
export function exchangeWidths(spec: ResolvedGnnSpec): number[] {
  return Array.from({ length: spec.layers }, (_, l) =>
    l === 0 && spec.model !== 'resSage' ? spec.inputWidth : spec.hidden,
  );
}
