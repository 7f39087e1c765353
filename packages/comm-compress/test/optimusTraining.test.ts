import {
  type LanguageModelReport,
  type OptimusConfig,
  resolveCompression,
  trainLanguageModel,
} from '@strata-ml/comm-compress';
import { expectClose } from '@strata-ml/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { markovText } from './support/tinyGpt.js';

const vocabulary = 27;
const text = markovText(6000, vocabulary);
const data = { train: text.subarray(0, 5000), validation: text.subarray(5000), vocabulary };
const [width, context, microBatch, M, steps] = [32, 16, 2, 4, 20];

/** Two stages, two replicas, four micro-batches each. */
function train(compression: OptimusConfig | undefined, replicas = 2): Promise<LanguageModelReport> {
  return trainLanguageModel(data, {
    model: { layers: 4, width, heads: 4, context },
    ...{ pp: 2, dp: replicas, microBatch, globalBatch: microBatch * M * replicas, steps, engine: 'cpu', seed: 3 },
    ...{ evaluationSamples: 64, learningRate: { lr: 3e-3 } },
    ...(compression ? resolveCompression(compression, { pp: 2 }) : {}),
  });
}

const bytes = ({ metrics }: LanguageModelReport, phase: string) =>
  metrics.traffic.filter((row) => row.phase === phase).reduce((sum, row) => sum + row.bytes, 0);
const losses = (report: LanguageModelReport) => report.timeline.steps.map(({ loss }) => loss);

describe('a pipeline of two stages and two replicas', () => {
  let plain: LanguageModelReport;
  let full: LanguageModelReport;
  let compressed: LanguageModelReport;
  beforeAll(async () => {
    plain = await train(undefined);
    const all: OptimusConfig = { backward: { mode: 'all', codec: 'powersgd:64' }, fusedEmbedding: true };
    full = await train({ ...all, selectiveStages: { stages: 2, codec: 'powersgd:64' } });
    compressed = await train({
      backward: { mode: 'epilogue', codec: 'powersgd:2' },
      fusedEmbedding: true,
      selectiveStages: { stages: 1, codec: 'powersgd:2' },
    });
  }, 120_000);

  it('trains as without compression where the rank is that of the matrices, the fused sum included', () => {
    expectClose(losses(full), losses(plain), { rtol: 1e-4, why: 'another order of float32 sums' });
    expect(losses(plain).at(-1)).toBeLessThan(losses(plain)[0]! - 0.03);
  });

  it('sends the bytes of the closed forms', () => {
    const rows = microBatch * context;
    const message = 4 * rows * width;
    const low = 4 * 2 * (rows + width);
    expect(bytes(plain, 'pipeline-backward')).toBe(2 * M * message);
    // The drain of the last of two stages is one message.
    expect(bytes(compressed, 'pipeline-backward')).toBe(2 * ((M - 1) * message + low));
    expect(bytes(compressed, 'pipeline-forward')).toBe(2 * M * message);
    expect(bytes(full, 'pipeline-backward')).toBe(2 * M * 4 * 32 * (rows + width));
    // Plain: (3d − 2)/d of the table from each of the 2d ranks, the replicas' share of it under `gradient`. Fused: (2d − 1)/d.
    const table = bytes(plain, 'embedding') / 4;
    expect(bytes(compressed, 'embedding')).toBe((4 * table * 3) / 2);
    const withoutTable = bytes(plain, 'gradient') - 4 * table;
    expect(bytes(full, 'gradient')).toBe(withoutTable);
    // Stage 1 sends as before; of stage 0, 24 tensors of two blocks and the positions, matrices by rank 2.
    const saved = withoutTable - bytes(compressed, 'gradient');
    const matrices = [...Array(2)].flatMap(
      () =>
        [
          [32, 96],
          [32, 32],
          [32, 128],
          [128, 32],
        ] as const,
    );
    const gain = matrices.reduce((sum, [n, m]) => sum + 2 * 4 * (n * m - 2 * (n + m)), 0);
    const positions = 2 * 4 * (context * width - 2 * (context + width));
    expect(saved).toBe(gain + positions);
  });

  it('still learns with little sent', () => {
    expect(losses(compressed).at(-1)).toBeLessThan(losses(plain)[0]! - 0.03);
    expect(losses(compressed)).not.toEqual(losses(plain));
  });
});
