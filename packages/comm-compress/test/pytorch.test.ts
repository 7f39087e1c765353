/** Twenty steps of AdamW with clipping, warm-up and cosine, against PyTorch; see golden/trainingCurve.py. */
import { readFileSync } from 'node:fs';
import { launch, parseCluster } from '@strata-ml/core';
import { gptConfig } from '@strata-ml/models';
import { expectClose } from '@strata-ml/testing';
import { expect, it } from 'vitest';

interface Golden {
  readonly config: Parameters<typeof gptConfig>[0];
  readonly options: object;
  readonly weights: Readonly<Record<string, string>>;
  readonly text: readonly (readonly (readonly number[])[])[];
  readonly losses: readonly number[];
  readonly norms: readonly number[];
}

interface Curve {
  readonly losses: readonly number[];
  readonly norms: readonly number[];
}

it('has PyTorch’s losses and gradient norms on one rank, in stages, and cut', async () => {
  const golden = JSON.parse(readFileSync(new URL('./golden/trainingCurve.json', import.meta.url), 'utf8')) as Golden;
  const cases = [{ microBatch: 8 }, { pp: 2, microBatch: 2 }, { tp: 2, pp: 2, microBatch: 4, recompute: true }];
  const { results } = await launch<unknown, (Curve | undefined)[]>(
    parseCluster('1x4'),
    new URL('./entries/fromWeights.mjs', import.meta.url),
    {
      cases,
      config: gptConfig(golden.config),
      weights: Object.fromEntries(
        Object.entries(golden.weights).map(([name, data]) => {
          const bytes = Buffer.from(data, 'base64');
          return [name, new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))];
        }),
      ),
      text: golden.text.flat(),
      options: golden.options,
    },
  );
  const curves = results.flatMap((ofRank) => ofRank.flatMap((curve) => curve ?? []));
  expect(curves).toHaveLength(1 + 2 + 4);
  for (const { losses, norms } of curves) {
    expectClose(losses, golden.losses, { rtol: 1e-4, why: '20 steps in float32 on both sides' });
    expectClose(norms, golden.norms, { rtol: 1e-3, why: 'likewise' });
  }
});
