/** Recommends what is worth compressing on this link, from measured times; nothing, where nothing is. */
import { type BackwardMode, backwardModes, type OptimusConfig } from './OptimusConfig.js';
import { type CompressionChoice, predictStep, type StepPrediction, type TrainingProfile } from './predictStep.js';

/** One row of an analysis. */
export interface ModePrediction {
  readonly name: string;
  readonly choice: CompressionChoice;
  readonly prediction: StepPrediction;
}

/** What {@link analyzeCriticalPath} finds. All seconds are simulated. */
export interface CriticalPath {
  readonly kind: 'simulated';
  /** Seconds by which a step would be shorter if messages backward took no time. */
  readonly backwardExposedS: number;
  /** Seconds by which each stage's average ends later than the first stage's last backward: 0 where it is hidden. */
  readonly gradientExposedS: readonly number[];
  /** Seconds between each stage's last backward and that of the stage that is last: free for its average. */
  readonly slackS: readonly number[];
  readonly embeddingS: number;
  /** The uncompressed step first, then its bf16 competitor, then what was tried. */
  readonly modes: readonly ModePrediction[];
  readonly best: ModePrediction;
  /** Seconds of the uncompressed step over those of the best. */
  readonly speedup: number;
  /** Undefined if nothing gains at least `leastGain`. */
  readonly advice: OptimusConfig | undefined;
}

/** Options of {@link analyzeCriticalPath}. */
export interface AnalysisOptions {
  /** Smallest share of a step that is worth a change of numbers. @defaultValue `0.02` */
  readonly leastGain?: number;
  /** Codec of messages backward, for the advice. @defaultValue `'powersgd:16'` */
  readonly backwardCodec?: string;
  /** Codec of gradients, for the advice. @defaultValue `'powersgd:128'` */
  readonly gradientCodec?: string;
}

const BASELINE: CompressionChoice = { backward: 'off', fusedEmbedding: false, stages: 0 };

/**
 * How many stages from the first should compress their gradients: the smallest number that minimises the time at which the
 * last average ends.
 *
 * @param finishS - when each stage has its gradients
 * @param plainS - seconds of each stage's average
 * @param compressedS - the same, compressed, coding included
 */
export function selectStages(
  finishS: readonly number[],
  plainS: readonly number[],
  compressedS: readonly number[],
): { readonly stages: number; readonly endS: number } {
  let best = { stages: 0, endS: Infinity };
  for (let stages = 0; stages <= finishS.length; stages++) {
    const endS = Math.max(...finishS.map((t, k) => t + (k < stages ? compressedS[k]! : plainS[k]!)));
    if (endS < best.endS - 1e-12) best = { stages, endS };
  }
  return best;
}

/**
 * Predicts all modes of Optimus-CC, alone and together, and advises the fastest; exact changes are preferred to lossy ones
 * that gain less than `leastGain` more.
 */
export function analyzeCriticalPath(profile: TrainingProfile, options: AnalysisOptions = {}): CriticalPath {
  const { leastGain = 0.02, backwardCodec = 'powersgd:16', gradientCodec = 'powersgd:128' } = options;
  const { pp, dp } = profile;
  const predict = (name: string, choice: CompressionChoice): ModePrediction => {
    return { name, choice, prediction: predictStep(profile, choice) };
  };
  const baseline = predict('uncompressed', BASELINE);
  const free = predictStep(
    { ...profile, backwardCodec: { payloadBytes: 0, encodeS: 0, decodeS: 0 } },
    { ...BASELINE, backward: 'all' },
  );
  const hasTied = pp > 1 && profile.embeddingBytes > 0;
  const modes: ModePrediction[] = [];
  for (const backward of backwardModes) {
    if (pp === 1 && backward !== 'off') continue;
    for (const fusedEmbedding of hasTied ? [false, true] : [false]) {
      const stages = stagesFor(profile, { backward, fusedEmbedding, stages: 0 });
      for (const count of dp > 1 && stages > 0 ? [0, stages] : [0]) {
        if (backward === 'off' && !fusedEmbedding && count === 0) continue;
        modes.push(predict(nameOf(backward, fusedEmbedding, count), { backward, fusedEmbedding, stages: count }));
      }
    }
  }
  const half = predict('bf16 everywhere', { ...BASELINE, bytesPerNumber: 2 });
  const all = [baseline, half, ...modes];
  const least = leastGain * baseline.prediction.stepS;
  // From the gentlest to the strongest: a stronger one must gain more.
  let best = baseline;
  for (const mode of [...modes.filter(isExact), half, ...modes.filter((m) => !isExact(m))]) {
    if (mode.prediction.stepS < best.prediction.stepS - least) best = mode;
  }
  // The fused sum changes no number: where something is changed anyhow, it comes along if it is no slower.
  const { backward, stages, bytesPerNumber } = best.choice;
  const fused = modes.find(({ choice: c }) => c.fusedEmbedding && c.backward === backward && c.stages === stages);
  const isFaster = fused !== undefined && fused.prediction.stepS <= best.prediction.stepS;
  if (best !== baseline && bytesPerNumber === undefined && isFaster) best = fused;
  const { finishS, gradientS, embeddingS } = baseline.prediction;
  const last = Math.max(...finishS);
  return {
    kind: 'simulated',
    backwardExposedS: Math.max(0, baseline.prediction.stepS - free.stepS),
    gradientExposedS: finishS.map((t, k) => Math.max(0, t + gradientS[k]! - last)),
    slackS: finishS.map((t) => last - t),
    embeddingS,
    modes: all,
    best,
    speedup: baseline.prediction.stepS / best.prediction.stepS,
    advice: best === baseline ? undefined : adviceOf(best.choice, backwardCodec, gradientCodec),
  };
}

function isExact({ choice }: ModePrediction): boolean {
  return choice.backward === 'off' && choice.stages === 0;
}

function stagesFor(profile: TrainingProfile, choice: CompressionChoice): number {
  const plain = predictStep(profile, choice);
  const compressed = predictStep(profile, { ...choice, stages: profile.pp });
  return selectStages(plain.finishS, plain.gradientS, compressed.gradientS).stages;
}

function nameOf(backward: BackwardMode, fused: boolean, stages: number): string {
  const parts = [
    ...(backward === 'off' ? [] : [`backward ${backward}`]),
    ...(fused ? ['fused embedding'] : []),
    ...(stages > 0 ? [`gradients of ${stages} stage${stages > 1 ? 's' : ''}`] : []),
  ];
  return parts.join(' + ');
}

function adviceOf(choice: CompressionChoice, backwardCodec: string, gradientCodec: string): OptimusConfig {
  const { backward, fusedEmbedding, stages, bytesPerNumber } = choice;
  if (bytesPerNumber === 2) return { wire: 'bf16', gradients: 'bf16' };
  return {
    ...(backward === 'off' ? {} : { backward: { mode: backward, codec: backwardCodec } }),
    ...(fusedEmbedding ? { fusedEmbedding } : {}),
    ...(stages > 0 ? { selectiveStages: { stages, codec: gradientCodec } } : {}),
  };
}
