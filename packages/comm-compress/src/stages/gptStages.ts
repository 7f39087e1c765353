/** GPT cut into stages: embedding on the first, head and loss on the last, blocks as evenly as can be. */
import { evenCounts, OptionError, offsetsOf } from '@strata-ml/core';
import {
  type GptConfig,
  gptBlock,
  gptEmbedding,
  gptHead,
  gptParameters,
  languageModelLoss,
  transformerDropoutKey,
  vocabularyRange,
} from '@strata-ml/models';
import * as tf from '@tensorflow/tfjs-core';
import { vocabularyCrossEntropy } from '../tensorParallel/vocabularyCrossEntropy.js';
import type { StageFactory, StageModule, StageParameter, StagePass, StagePlace } from './StageModule.js';

/** Rows of the vocabulary are padded so that every tensor rank has as many, and at least one that counts. */
function paddedVocabulary(vocabulary: number, tensorRanks: number): number {
  if (tensorRanks === 1) return vocabulary;
  for (const multiple of [8 * tensorRanks, tensorRanks]) {
    const padded = Math.ceil(vocabulary / multiple) * multiple;
    if (padded - padded / tensorRanks < vocabulary) return padded;
  }
  throw new OptionError('gptStage', 'tp', tensorRanks, `less than the vocabulary of ${vocabulary}`);
}

/**
 * The stages of a GPT for {@link createTrainer}; a vocabulary that tensor ranks do not divide is padded.
 *
 * @throws {@link OptionError} from the factory if there are more stages than blocks, or tensor ranks do not divide the heads.
 */
export function gptStages(config: GptConfig): StageFactory {
  return (place) => gptStage(config, place);
}

function gptStage(whole: GptConfig, { stage, stages, microBatch, tensorParallel, seed }: StagePlace): StageModule {
  if (stages > whole.layers) {
    throw new OptionError('gptStage', 'stages', stages, `at most ${whole.layers}, the number of layers`);
  }
  if (whole.heads % tensorParallel.size !== 0) {
    throw new OptionError('gptStage', 'tp', tensorParallel.size, `a divisor of ${whole.heads}, the number of heads`);
  }
  const config = { ...whole, paddedVocabulary: paddedVocabulary(whole.vocabulary, tensorParallel.size) };
  const offsets = offsetsOf(evenCounts(config.layers, stages));
  const [first, end] = [offsets[stage]!, offsets[stage + 1]!];
  const isFirst = stage === 0;
  const isLast = stage === stages - 1;
  const boundary = [microBatch, config.context, config.width];
  return {
    parameters: stageParameters(config, first, end, isFirst, isLast),
    inputShape: isFirst ? null : boundary,
    outputShape: isLast ? null : boundary,
    forward(weights, input, pass) {
      const options = {
        tensorParallel,
        training: pass.training,
        dropoutKey: transformerDropoutKey(seed, pass.iteration, pass.microBatch),
      };
      let x = input ?? gptEmbedding(tokensOf(pass), weights, config, options);
      for (let layer = first; layer < end; layer++) x = gptBlock(x, weights, layer, config, options);
      if (!isLast) return x;
      const logits = gptHead(x, weights, config, options);
      const { data, shape } = pass.batch.targets;
      if (tensorParallel.size === 1) return languageModelLoss(logits, tf.tensor(data, [...shape], 'int32'));
      const range = vocabularyRange(config, tensorParallel);
      return vocabularyCrossEntropy(logits, data as Int32Array, range.first, tensorParallel);
    },
  };
}

function tokensOf({ batch: { inputs } }: StagePass): tf.Tensor2D {
  return tf.tensor2d(inputs.data, inputs.shape as [number, number], 'int32');
}

function stageParameters(
  config: GptConfig,
  first: number,
  end: number,
  isFirst: boolean,
  isLast: boolean,
): StageParameter[] {
  const all = gptParameters(config).map((p): StageParameter => {
    const rows = ['wte.weight', 'lm_head.weight'].includes(p.name) ? { rows: config.vocabulary } : {};
    return { ...p, ...rows, ...(config.tied && p.name === 'wte.weight' ? { isTied: true } : {}) };
  });
  const mine = all.filter(({ layer }) =>
    layer === 'embedding' ? isFirst : layer === 'head' ? isLast : layer >= first && layer < end,
  );
  // The copy is last, so that the rest of the gradients is one piece without it.
  return isLast && !isFirst ? [...mine, ...all.filter(({ isTied }) => isTied)] : mine;
}
