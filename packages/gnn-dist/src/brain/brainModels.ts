/** The quad-stream network, its ablations and its baselines under one interface. */
import { type FitOptions, fitQuadStream, type LabelledGraphs, predictQuadStream } from './fitQuadStream.js';
import { QuadStreamGcn } from './QuadStreamGcn.js';
import type { QuadStreamSpec } from './quadStreamSpec.js';
import type { SignedGraph } from './SignedGraph.js';
import { streamSets } from './streams.js';
import { TriangleClassifier } from './TriangleClassifier.js';

/**
 * `quad`: both signs × both bands. Left out in turn: the band (`sign-only`), the sign (`spectrum-only`), both (`gcn`: a
 * plain network on magnitudes), the negative half of the rectifier (`quad-relu`). No graph at all: `logistic`, `mlp`.
 */
export const brainModels = ['quad', 'sign-only', 'spectrum-only', 'gcn', 'quad-relu', 'logistic', 'mlp'] as const;
/** One of {@link brainModels}. */
export type BrainModelName = (typeof brainModels)[number];

/** A classifier of signed graphs. */
export interface BrainClassifier {
  fit(data: LabelledGraphs, options: FitOptions): void;
  /** Probability of each class, float32 `[n, 2]`. */
  predict(graphs: readonly SignedGraph[]): Float32Array;
  dispose(): void;
}

/** Creates one of {@link brainModels}; the spec's streams and rectifier follow from the name. */
export function createBrainModel(
  name: BrainModelName,
  spec: Omit<QuadStreamSpec, 'streams' | 'bipolar'>,
): BrainClassifier {
  if (name === 'logistic' || name === 'mlp') {
    return new TriangleClassifier(spec.regions, name === 'mlp' ? 64 : 0, spec.seed ?? 1);
  }
  const reluOnly = name === 'quad-relu' || name === 'gcn';
  const model = new QuadStreamGcn({
    ...spec,
    streams: streamSets[name === 'quad-relu' ? 'quad' : name],
    bipolar: reluOnly ? 'relu' : 'alternating',
  });
  return {
    fit: (data, options) => void fitQuadStream(model, data, options),
    predict: (graphs) => predictQuadStream(model, graphs),
    dispose: () => model.dispose(),
  };
}
