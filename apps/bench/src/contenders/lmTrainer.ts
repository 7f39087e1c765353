/**
 * Program: `lmTrainer.js WIDTH BATCH` trains the GPT of `lmStep.ts` by the trainer of `strata lm train`, on one rank; the
 * median seconds of a step. Clipping and the learning rate's schedule are part of it; batches are windows of a text.
 */
import { trainLanguageModel } from '@strata-ml/comm-compress';

const CONTEXT = 128;
const VOCABULARY = 65;

const [width = 128, batch = 8] = process.argv.slice(2, 4).map(Number);
const train = Int32Array.from({ length: 100_000 }, (_, i) => (i * 7 + (i >> 7) * 13) % VOCABULARY);
const { metrics } = await trainLanguageModel(
  { train, vocabulary: VOCABULARY },
  {
    model: { layers: 4, width, heads: width / 32, context: CONTEXT },
    globalBatch: batch,
    microBatch: batch,
    steps: Math.max(8, Math.ceil(40_000 / (width * batch))),
    engine: 'native',
  },
);
console.log(JSON.stringify({ value: metrics.stepSeconds.median }));
