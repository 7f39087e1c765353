/** Registers the gradients of tfjs-core's kernels, which its entry for Node leaves out (see `tfjsGradients.ts`). */
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
