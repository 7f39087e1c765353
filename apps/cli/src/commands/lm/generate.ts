/** `strata lm generate`. */
import type { Command } from 'commander';
import { action } from '../../action.js';
import { addCommonFlags, addEngineFlag, addSeedFlag, type CommonFlags, integer, number } from '../../options.js';

interface Flags extends CommonFlags {
  readonly checkpoint: string;
  readonly prompt: string;
  readonly tokens: number;
  readonly temperature: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly seed: number;
  readonly engine: string;
}

/** Adds `generate`. */
export function generateTextCommand(area: Command): void {
  const command = area
    .command('generate')
    .description('continue a text with a trained model')
    .requiredOption('--checkpoint <dir>', 'folder of the trained model, or its file')
    .option('--prompt <text>', 'what to continue', '\n')
    .option('--tokens <n>', 'tokens to make', integer('--tokens', { min: 0 }), 200)
    .option('--temperature <t>', 'below 1 bolder, 0 always the likeliest', number('--temperature', { min: 0 }), 0.8)
    .option('--top-k <n>', 'only so many likeliest tokens', integer('--top-k', { min: 1 }))
    .option('--top-p <p>', 'only the likeliest that reach this share', topP);
  addCommonFlags(addEngineFlag(addSeedFlag(command))).action(
    action<Flags>(
      'lm generate',
      async (flags, { output, signal }) => {
        const { checkpoint, prompt, tokens, temperature, topK, topP, seed, engine } = flags;
        const { initEngine } = await import('@strata-ml/core');
        const { generateTokens } = await import('@strata-ml/models');
        const tf = await import('@tensorflow/tfjs-core');
        const { loadModel } = await import('./loadModel.js');
        const { path, tokenizer, ...model } = await loadModel(checkpoint);
        const asked = tokenizer.encode(prompt);
        const report = await initEngine(engine === 'auto' ? {} : { prefer: engine as 'native' });
        const weights = Object.fromEntries(
          Object.entries(model.weights).map(([name, { data, shape }]) => [name, tf.tensor(data, [...shape])]),
        );
        const sampling = { temperature, ...(topK ? { topK } : {}), ...(topP ? { topP } : {}) };
        const end = tokenizer.endToken === undefined ? {} : { endToken: tokenizer.endToken };
        const made: number[] = [];
        // A character may span tokens: bytes are shown as soon as they are whole characters.
        const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
        const start = performance.now();
        output.write(prompt);
        const options = { ...sampling, ...end, tokens, seed };
        let isAborted = false;
        for await (const token of generateTokens(asked, weights, model.config, options)) {
          made.push(token);
          output.write(decoder.decode(tokenizer.bytesOf(token), { stream: true }));
          isAborted = signal.aborted;
          if (isAborted) break;
        }
        output.print(decoder.decode());
        const seconds = (performance.now() - start) / 1000;
        tf.dispose(weights);
        return {
          config: { ...flags, file: path, model: model.config },
          metrics: {
            prompt,
            text: tokenizer.decode(made),
            tokens: made,
            promptTokens: asked.length,
            tokensMade: made.length,
            seconds,
            tokensPerSecond: made.length / seconds,
          },
          environment: { engine: report.name, kernels: report.kernels },
          status: isAborted ? 'aborted' : 'ok',
        };
      },
      { isInterruptible: true },
    ),
  );
}

const topP = number('--top-p', { min: 0, isMinOpen: true, max: 1 });
