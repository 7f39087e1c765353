/** Trains a perceptron and a convolutional network on all ranks as stages, and the same on rank 0 alone. */
import { arrayBatches, cnnStages, createTrainer, mlpStages } from '@strata-ml/comm-compress';

export default function classifiers(ctx, { mlp, cnn, data, options }) {
  const run = (world, model, shape, grid) => {
    const trainer = createTrainer(
      { world, trace: ctx.trace },
      { model, data: arrayBatches({ train: data, validation: data, shape, seed: 2 }) },
      { ...options, ...grid },
    );
    const losses = Array.from({ length: 5 }, () => trainer.step().loss);
    losses.push(trainer.evaluate(8));
    trainer.dispose();
    return losses;
  };
  const alone = ctx.world.split(ctx.rank);
  return [
    [mlpStages(mlp), [mlp.widths[0]]],
    [cnnStages(cnn), [...cnn.size, cnn.channels]],
  ].map(([model, shape]) => ({
    stages: run(ctx.world, model, shape, { pp: ctx.worldSize }),
    alone: run(alone, model, shape, {}),
  }));
}
