/** Cloning shares the data, as in every other engine; tfjs-wasm copies it. */
import { replaceKernel } from './backend.js';

/** Replaces Identity. */
export function replaceIdentity(): void {
  replaceKernel('Identity', () => ({ inputs, backend }) => {
    const x = inputs.x!;
    backend.incRef(x.dataId);
    return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
  });
}
