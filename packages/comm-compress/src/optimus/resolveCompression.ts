/** From a name or a configuration to the options that a trainer takes. */
import { OptionError } from '@strata-ml/core';
import type { EmbeddingSync } from '../dataParallel/gradientSync.js';
import type { HooksModule } from '../train/hooks.js';
import { checkOptimusConfig, type OptimusConfig, optimusCC } from './OptimusConfig.js';

/** What `trainLanguageModel` and `createTrainer` take of it. */
export interface ResolvedCompression {
  readonly config: OptimusConfig;
  readonly hooks: HooksModule;
  readonly embeddingSync: EmbeddingSync;
}

/**
 * Options of a trainer that compress: `trainLanguageModel(data, { pp: 4, ...resolveCompression('optimus-cc', { pp: 4 }) })`.
 *
 * @param compression - `optimus-cc` for the paper's settings, or a configuration of one's own
 * @param grid - stages of the pipeline
 * @throws {@link OptionError} if the configuration is wrong, or leaves the number of stages to a profile.
 */
export function resolveCompression(
  compression: 'optimus-cc' | OptimusConfig,
  { pp }: { readonly pp: number },
): ResolvedCompression {
  const config = compression === 'optimus-cc' ? optimusCC(pp) : checkOptimusConfig(compression);
  if (config.selectiveStages?.stages === 'auto') {
    throw new OptionError(
      'compression',
      'selectiveStages.stages',
      'auto',
      'a number here',
      'take it from analyzeCriticalPath or `strata lm advise`',
    );
  }
  return {
    config,
    hooks: { module: new URL('./optimusHooksEntry.js', import.meta.url).href, options: config },
    embeddingSync: config.fusedEmbedding ? 'fused' : 'plain',
  };
}
