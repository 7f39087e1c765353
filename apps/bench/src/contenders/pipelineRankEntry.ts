/** One rank of suite `pipeline`: stages that sleep, on the trainer's own runtime. */
import { createTrainer, type StageFactory, type TrainerOptions } from '@strata-ml/comm-compress';
import type { RankContext } from '@strata-ml/core';
import * as tf from '@tensorflow/tfjs-core';

interface Payload {
  readonly forward: number;
  readonly backward: number;
  readonly rows: number;
  readonly width: number;
  readonly steps: number;
  readonly options: TrainerOptions;
}

const cell = new Int32Array(new SharedArrayBuffer(4));

/** Seconds of every step, from its begin to the end of its last backward. */
export default function sleepingStages(ctx: RankContext, payload: Payload): number[] {
  const { forward, backward, rows, width, steps, options } = payload;
  const model: StageFactory = ({ stage, stages }) => {
    const isLast = stage === stages - 1;
    const gate = {
      name: `gate ${stage}`,
      shape: [1],
      init: { constant: 1 },
      splitAxis: null,
      decay: false,
      layer: stage,
    };
    return {
      parameters: [gate],
      inputShape: stage === 0 ? null : [rows, width],
      outputShape: isLast ? null : [rows, width],
      forward(weights, input) {
        const inputs = [weights[gate.name]!, ...(input ? [input] : [])];
        const op = tf.customGrad((..._: unknown[]) => {
          sleep(forward);
          const value: tf.Tensor = isLast ? tf.scalar(1) : tf.zeros([rows, width]);
          const gradFunc = () => {
            sleep(backward);
            return inputs.map((x) => tf.zerosLike(x));
          };
          return { value, gradFunc };
        });
        return op(...inputs);
      },
    };
  };
  const empty = { data: new Float32Array(1), shape: [1] };
  const batch = () => ({ inputs: empty, targets: empty });
  const data = { training: batch, evaluation: batch, evaluationSamples: 1 };
  const trainer = createTrainer(ctx, { model, data }, options);
  return Array.from({ length: steps }, () => {
    ctx.world.barrier();
    const { seconds } = trainer.step();
    return seconds.total - seconds.update;
  });
}

function sleep(seconds: number): void {
  const end = performance.now() + 1000 * seconds;
  for (let left = end - performance.now(); left > 0.02; left = end - performance.now()) Atomics.wait(cell, 0, 0, left);
}
