/** Trains the same model on several grids, one after the other; ranks that a grid leaves out wait. */
import { createTrainer, gptStages, tokenBatches } from '@strata-ml/comm-compress';
import * as tf from '@tensorflow/tfjs-core';

export default function grids(ctx, { cases, config, tokens }) {
  return cases.map((options) => {
    const { tp = 1, pp = 1, dp = 1, model = {}, steps, mask } = options;
    const given = { train: tokens, validation: tokens, context: config.context, seed: 3 };
    const data = tokenBatches(mask ? { ...given, mask } : given);
    const isIn = ctx.rank < tp * pp * dp;
    const world = ctx.world.split(isIn ? 0 : 1);
    if (!isIn) return undefined;
    const { numTensors } = tf.memory();
    const parts = { model: gptStages({ ...config, ...model }), data };
    const trainer = createTrainer({ world, trace: ctx.trace }, parts, options);
    const rows = [];
    let gradients;
    let tied = true;
    let traffic;
    for (let step = 0; step < steps; step++) {
      const before = ctx.world.traffic.rows();
      rows.push(trainer.step());
      if (step === 0) {
        traffic = since(before, ctx.world.traffic.rows());
        gradients = trainer.parameters.slots.map(({ parameter, begin, end }) => ({
          parameter,
          data: trainer.parameters.gradients.slice(begin, end),
        }));
      }
      tied &&= copiesAreEqual(trainer);
    }
    const losses = rows.map(({ loss }) => loss);
    const norms = rows.map(({ gradientNorm }) => gradientNorm);
    const result = {
      place: trainer.place,
      losses,
      norms,
      gradients,
      tied,
      traffic,
      size: trainer.parameters.values.length,
      evaluation: trainer.evaluate(8),
    };
    trainer.dispose();
    return { ...result, leaked: tf.memory().numTensors - numTensors };
  });
}

/** Bytes and messages by phase between two readings. */
function since(before, after) {
  const sum = {};
  for (const [rows, sign] of [
    [after, 1],
    [before, -1],
  ]) {
    for (const { phase, bytes, messages } of rows) {
      sum[phase] ??= { bytes: 0, messages: 0 };
      sum[phase].bytes += sign * bytes;
      sum[phase].messages += sign * messages;
    }
  }
  return sum;
}

/** Compares the two copies of a tied embedding bit by bit. */
function copiesAreEqual(trainer) {
  const group = trainer.groups.embedding;
  const slot = trainer.parameters.slots.find(({ parameter }) => parameter.name === 'wte.weight');
  if (!group || group.size < 2 || !slot) return true;
  const mine = new Int32Array(trainer.parameters.values.slice(slot.begin, slot.end).buffer);
  const both = new Int32Array(2 * mine.length);
  group.allGather(mine, both);
  return mine.every((_, i) => both[i] === both[mine.length + i]);
}
