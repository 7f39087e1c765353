/** Runs one suite on both builds of the kernels; each gets fresh modules, because a thread chooses its build once. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, vi } from 'vitest';
import type { KernelExports, KernelVariant } from '../../src/kernelModule.js';
import { wasm } from '../../src/webAssembly.js';

/** What a suite needs of the package: its public face and, for a few tests, what lies behind it. */
export type Kernels = typeof import('../../src/index.js') & {
  kernelSpace(): ReturnType<typeof import('../../src/kernelMemory.js').kernelSpace> & { kernels: KernelExports };
};

/** Calls `suite` for `simd` and, where this Node runs it, `relaxed-simd`; the functions come from the getter. */
export function describeEachVariant(
  name: string,
  suite: (kernels: () => Kernels, variant: KernelVariant) => void,
): void {
  for (const variant of ['simd', 'relaxed-simd'] as const) {
    const bytes = readFileSync(new URL(`../../dist/kernels.${variant}.wasm`, import.meta.url));
    const skipped = wasm.validate(bytes) ? '' : ', not supported by this Node';
    describe.skipIf(skipped !== '')(`${name} (${variant}${skipped})`, () => {
      const before = process.env.STRATA_KERNELS;
      let loaded: Kernels;
      beforeAll(async () => {
        process.env.STRATA_KERNELS = variant;
        vi.resetModules();
        const [face, memory] = [await import('../../src/index.js'), await import('../../src/kernelMemory.js')];
        loaded = { ...face, kernelSpace: memory.kernelSpace };
        if (loaded.kernelVariant() !== variant) throw new Error(`wanted ${variant}`);
      });
      afterAll(() => {
        if (before === undefined) delete process.env.STRATA_KERNELS;
        else process.env.STRATA_KERNELS = before;
      });
      suite(() => loaded, variant);
    });
  }
}
