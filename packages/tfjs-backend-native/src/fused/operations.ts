/** The fused operations as one value, by which code that knows no engine finds them on the backend. */
import { selfAttention } from './attention.js';
import { dropout } from './dropout.js';
import { layerNorm } from './layerNorm.js';
import { linear } from './linear.js';
import { softmaxCrossEntropy } from './softmaxCrossEntropy.js';

/** `strataFused` of the backend: what `@strata-ml/models` uses in place of composed operations where it is there. */
export const fusedOperations = { dropout, layerNorm, linear, selfAttention, softmaxCrossEntropy };
