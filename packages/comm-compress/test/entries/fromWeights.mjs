/** Trains from given weights on given samples, on several grids. */
import { createTrainer, gptStages } from '@strata-ml/comm-compress';
import { slicePart } from '@strata-ml/models';

export default function fromWeights(ctx, { cases, config, weights, text, options }) {
  const batch = (firstSample, samples) => {
    const rows = Array.from({ length: samples }, (_, i) => text[firstSample + i]);
    const shape = [samples, config.context];
    return {
      inputs: { data: Int32Array.from(rows.flatMap((row) => row.slice(0, -1))), shape },
      targets: { data: Int32Array.from(rows.flatMap((row) => row.slice(1))), shape },
    };
  };
  const data = { training: batch, evaluation: batch, evaluationSamples: text.length };
  return cases.map((grid) => {
    const { tp = 1, pp = 1, dp = 1 } = grid;
    const isIn = ctx.rank < tp * pp * dp;
    const world = ctx.world.split(isIn ? 0 : 1);
    if (!isIn) return undefined;
    const trainer = createTrainer(
      { world, trace: ctx.trace },
      { model: gptStages(config), data },
      { ...options, ...grid },
    );
    const { parameters } = trainer;
    for (const { parameter, begin } of parameters.slots) {
      const padded = new Float32Array(parameter.shape.reduce((a, b) => a * b, 1));
      padded.set(weights[parameter.name]);
      parameters.values.set(slicePart(parameter, padded, parameters.part), begin);
    }
    parameters.changed();
    const steps = Array.from({ length: text.length / options.globalBatch }, () => trainer.step());
    trainer.dispose();
    return { losses: steps.map(({ loss }) => loss), norms: steps.map(({ gradientNorm }) => gradientNorm) };
  });
}
