/** Stage 0 runs GPipe, stage 1 runs 1F1B: their backwards come in opposite orders. */
import { createTrainer, gptStages, tokenBatches } from '@strata-ml/comm-compress';

export default function twoSchedules(ctx, { config, tokens }) {
  const data = tokenBatches({ train: tokens, context: config.context, seed: 1 });
  const schedule = ctx.rank === 0 ? 'gpipe' : '1f1b';
  const options = { pp: 2, microBatch: 1, globalBatch: 3, schedule };
  createTrainer(ctx, { model: gptStages(config), data }, options).step();
}
