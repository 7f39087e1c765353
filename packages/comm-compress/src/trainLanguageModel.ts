/** Trains a GPT over a cluster: checks, launches one rank per device, gathers the report. */
import { launch, OptionError, parseCluster, summariseTimings, sumTraffic, toShared } from '@strata-ml/core';
import { type GptConfig, gptConfig } from '@strata-ml/models';
import { expectedTraffic } from './train/expectedTraffic.js';
import {
  checkTokens,
  checkWritable,
  fingerprint,
  type LanguageData,
  type LanguageModelOptions,
  trainerOptionsOf,
} from './train/languageModelOptions.js';
import type { LanguageModelPayload, LanguageModelRankResult } from './train/payload.js';
import type { LanguageModelEvent, LanguageModelReport } from './train/report.js';
import { type ResolvedTrainerOptions, resolveTrainerOptions } from './train/TrainerOptions.js';

/**
 * Trains a GPT on a text, spread over tensor ranks, pipeline stages and replicas.
 *
 * The losses are those of one rank, up to the order of float32 sums, for every grid. Under `mpirun` every process calls
 * this with the same arguments.
 *
 * @throws {@link OptionError} before any rank starts; {@link RankFailedError} if a rank fails (its `cause` says why).
 */
export async function trainLanguageModel(
  data: LanguageData,
  options: LanguageModelOptions = {},
): Promise<LanguageModelReport> {
  const { steps = 200, evaluateEvery = steps, evaluationSamples = 256, checkpointEvery = 500 } = options;
  const { checkpointDir, signal, onEvent, resume = false, trace = false } = options;
  for (const [name, value] of Object.entries({ steps, evaluateEvery, evaluationSamples, checkpointEvery })) {
    if (!(Number.isSafeInteger(value) && value >= 1)) {
      throw new OptionError('trainLanguageModel', name, value, 'a whole number ≥ 1');
    }
  }
  const model = { layers: 4, width: 128, heads: 4, context: 128, ...options.model };
  const config = gptConfig({ ...model, vocabulary: data.vocabulary });
  const lr = options.learningRate?.lr ?? 1e-3;
  const trainerOptions = trainerOptionsOf({
    ...options,
    learningRate: {
      lr,
      minLr: lr / 10,
      warmupSteps: Math.ceil(steps / 100),
      decaySteps: steps,
      ...options.learningRate,
    },
  });
  const resolved = resolveTrainerOptions(trainerOptions);
  checkTokens(data);
  if (checkpointDir) checkWritable(checkpointDir);
  signal?.throwIfAborted();

  const shape = options.cluster ?? `1x${resolved.grid.worldSize}`;
  const cluster = typeof shape === 'string' ? parseCluster(shape) : shape;
  const payload: LanguageModelPayload = {
    config,
    train: toShared(data.train),
    validation: data.validation && toShared(data.validation),
    options: trainerOptions,
    steps,
    evaluateEvery,
    evaluationSamples,
    checkpointDir,
    checkpointEvery,
    resume,
    fingerprint: fingerprint(data, config, resolved),
    hooks: options.hooks,
    tokenizer: data.tokenizer,
  };
  const { transport, engine = 'auto', timeoutMs = 60_000 } = options;
  const launched = await launch<LanguageModelPayload, LanguageModelRankResult, LanguageModelEvent>(
    cluster,
    new URL('./trainEntry.js', import.meta.url),
    payload,
    {
      engine,
      timeoutMs,
      trace,
      seed: resolved.seed,
      ...(transport ? { transport } : {}),
      ...(signal ? { signal } : {}),
      ...(onEvent ? { onEvent } : {}),
    },
  );
  const report = assemble(launched.results, config, resolved);
  return {
    ...report,
    ...(launched.trace ? { trace: launched.trace } : {}),
    ...(launched.recordings ? { recordings: launched.recordings } : {}),
  };
}

function assemble(
  results: readonly LanguageModelRankResult[],
  config: GptConfig,
  options: ResolvedTrainerOptions,
): LanguageModelReport {
  const root = results[0]?.root;
  const steps = root?.steps ?? [];
  const seconds = root?.stepSeconds ?? [];
  const last = steps.slice(-10);
  const stepSeconds = summariseTimings(seconds);
  const middle = stepSeconds.median;
  const parameters = Object.values(root?.weights ?? {}).reduce((sum, { data }) => sum + data.length, 0);
  return {
    status: root?.aborted ? 'aborted' : 'ok',
    isRoot: root !== undefined,
    config,
    metrics: {
      trainLoss: last.reduce((sum, { loss }) => sum + loss / last.length, 0),
      valLoss: steps.findLast(({ valLoss }) => valLoss !== undefined)?.valLoss ?? Number.NaN,
      stepSeconds,
      tokensPerSecond: middle > 0 ? (options.globalBatch * config.context) / middle : 0,
      traffic: sumTraffic(results.map(({ stepTraffic }) => stepTraffic)),
      predicted: expectedTraffic(config, options),
      parts: results.map(({ parts }) => parts),
      parametersHash: root?.parametersHash ?? '',
      parameters,
      parametersByRank: results.map((result) => result.parameters),
      peakDeviceBytes: results.map(({ peakBytes }) => peakBytes),
      setupSeconds: root?.setupSeconds ?? 0,
    },
    timeline: { steps },
    weights: root?.weights ?? {},
    environment: { engine: root?.engine ?? '', kernels: root?.kernels ?? '' },
    files: root?.files ?? {},
  };
}
