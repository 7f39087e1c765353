import { expectClose } from '@strata-ml/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as c from '../src/index.js';

const free = { bandwidth: Infinity, latencyS: 0 };
const nothing = { payloadBytes: 0, encodeS: 0, decodeS: 0 };

/** Four stages of F = 1, B = 2, messages of so many seconds, codec ratio 40 at no cost. */
function profile(over: Partial<c.TrainingProfile> = {}): c.TrainingProfile {
  return {
    ...{ pp: 4, dp: 1, microBatches: 16, schedule: '1f1b', p2p: 'async', updateS: 0, messageBytes: 40 },
    ...{ forwardS: [1, 1, 1, 1], backwardS: [2, 2, 2, 2], gradientBytes: [0, 0, 0, 0], embeddingBytes: 0 },
    ...{ stageLink: { bandwidth: 160, latencyS: 0 }, replicaLink: free, gradientCodec: [] },
    backwardCodec: { payloadBytes: 1, encodeS: 0, decodeS: 0 },
    ...over,
  } as c.TrainingProfile;
}
const stepS = (p: c.TrainingProfile, backward: c.BackwardMode, more: Partial<c.CompressionChoice> = {}) =>
  c.predictStep(p, { backward, fusedEmbedding: false, stages: 0, ...more }).stepS;

describe('predictStep', () => {
  it.each([
    [0.25, 16, [65.75, 65.02, 65.02], [64, 63.27, 60.59]],
    [0.25, 64, [233.75, 233.02, 233.02], [226, 225.27, 213.81]],
    [1, 32, [172, 169.08, 169.08], [157, 154.08, 131.65]],
  ])(
    'messages of %f seconds, %i micro-batches: base, epilogue, all as derived',
    (seconds, microBatches, sync, async) => {
      for (const [p2p, expected] of [['batchedSync', sync] as const, ['async', async] as const]) {
        const p = profile({ microBatches, p2p, stageLink: { bandwidth: 40 / seconds, latencyS: 0 } });
        expectClose(
          c.backwardModes.map((mode) => stepS(p, mode)),
          expected,
          { atol: 0.006, why: 'two decimals' },
        );
        // Saving of the epilogue: (p − 1)·c·(1 − 1/ratio), in both runtimes.
        expectClose([stepS(p, 'off') - stepS(p, 'epilogue')], [3 * seconds * (1 - 1 / 40)], { rtol: 1e-9 });
      }
    },
  );

  it('stages that are compressed end no later than without, bytes of the others stay', () => {
    const codec = { payloadBytes: 100, encodeS: 0.2, decodeS: 0.1 };
    const p = profile({ dp: 2, gradientBytes: [4000, 3000, 3000, 4000], gradientCodec: [codec, codec, codec, codec] });
    const slow = { ...p, replicaLink: { bandwidth: 1000, latencyS: 0 } };
    const plain = c.predictStep(slow, { backward: 'off', fusedEmbedding: false, stages: 0 });
    expect(plain.gradientS).toEqual([4, 3, 3, 4]);
    for (let stages = 0; stages <= 4; stages++) {
      const { gradientS, stepS, codecS } = c.predictStep(slow, { backward: 'off', fusedEmbedding: false, stages });
      expectClose(
        gradientS,
        [4, 3, 3, 4].map((s, k) => (k < stages ? 0.4 : s)),
      );
      expect(stepS).toBeLessThanOrEqual(plain.stepS);
      expectClose([codecS], [0.3 * stages]);
    }
  });

  it('the fused embedding takes (2d − 1)/(3d − 2) of the time', () => {
    for (const d of [2, 4, 8]) {
      const link = { bandwidth: 100, latencyS: 0 };
      const p = profile({ dp: d, embeddingBytes: 1000, replicaLink: link, stageLink: link });
      const parts = (fusedEmbedding: boolean) => {
        const { embeddingS, gradientS } = c.predictStep(p, { backward: 'off', fusedEmbedding, stages: 0 });
        return embeddingS + gradientS[0]!;
      };
      expectClose([parts(true) / parts(false)], [(2 * d - 1) / (3 * d - 2)], { rtol: 1e-9 });
    }
  });
});

describe('selectStages', () => {
  it('is the smallest number that ends earliest, as trying all shows', () => {
    const times = fc.array(fc.nat(20), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(times, times, times, (t, plain, compressed) => {
        const ends = [0, 1, 2, 3, 4].map((j) => Math.max(...t.map((v, k) => v + (k < j ? compressed[k]! : plain[k]!))));
        const { stages, endS } = c.selectStages(t, plain, compressed);
        expect(endS).toBe(Math.min(...ends));
        expect(stages).toBe(ends.indexOf(Math.min(...ends)));
      }),
    );
  });
});

describe('analyzeCriticalPath', () => {
  it('says so when nothing is worth it', () => {
    const path = c.analyzeCriticalPath(profile({ stageLink: free, backwardCodec: { ...nothing, encodeS: 1 } }));
    expect(path.advice).toBeUndefined();
    expect(path.best.name).toBe('uncompressed');
    expect(path.speedup).toBe(1);
    expect(path.backwardExposedS).toBe(0);
  });

  it('all gains more than the epilogue where messages are queued, and no more where ends meet', () => {
    const slow = { bandwidth: 40, latencyS: 0 };
    const p = profile({ stageLink: slow, microBatches: 32 });
    const modes = c.analyzeCriticalPath(p).modes.map((m) => [m.name, m.prediction.stepS] as const);
    expect(new Map(modes).get('backward all')).toBeLessThan(new Map(modes).get('backward epilogue')!);
    expect(new Map(modes).get('bf16 everywhere')).toBeLessThan(new Map(modes).get('uncompressed')!);
    // Halving both directions beats taking one away: the cheap competitor is said to win where it does.
    expect(c.analyzeCriticalPath(p, { leastGain: 0.001 }).advice).toEqual({ wire: 'bf16', gradients: 'bf16' });
    const sync = c.analyzeCriticalPath({ ...p, p2p: 'batchedSync' }, { leastGain: 0.001 });
    const of = (name: string) => sync.modes.find((m) => m.name === name)!.prediction.stepS;
    expectClose([of('backward all')], [of('backward epilogue')], { rtol: 1e-9 });
  });

  it('compresses gradients of the first stages where the later ones have slack', () => {
    const codec = { payloadBytes: 10, encodeS: 0, decodeS: 0 };
    const p = profile({
      dp: 2,
      stageLink: free,
      replicaLink: { bandwidth: 1000, latencyS: 0 },
      gradientBytes: [4000, 4000, 4000, 4000],
      gradientCodec: [codec, codec, codec, codec],
    });
    const path = c.analyzeCriticalPath(p);
    // Stage k ends 2k earlier than stage 0: stages 2 and 3 hide four seconds.
    expect(path.slackS).toEqual([0, 2, 4, 6]);
    expect(path.gradientExposedS).toEqual([4, 2, 0, 0]);
    expect(path.advice).toEqual({ selectiveStages: { stages: 2, codec: 'powersgd:128' } });
  });
});
