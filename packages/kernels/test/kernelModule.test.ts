import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const face = new URL('../dist/index.js', import.meta.url).href;

/** The variant that a fresh thread of the built package reports with STRATA_KERNELS set. */
function variantWith(value: string | undefined): string {
  const { STRATA_KERNELS: _, ...env } = process.env;
  return execFileSync(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `const { kernelVariant } = await import(${JSON.stringify(face)});
       try { process.stdout.write(kernelVariant()); } catch (e) { process.stdout.write(e.code + ' ' + e.message); }`,
    ],
    {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      encoding: 'utf8',
      env: value === undefined ? env : { ...env, STRATA_KERNELS: value },
    },
  );
}

describe('kernelVariant of the built package', () => {
  const automatic = variantWith(undefined);

  it('is what Node can run', () => {
    expect(['simd', 'relaxed-simd']).toContain(automatic);
  });

  it('follows STRATA_KERNELS', () => {
    expect(variantWith('simd')).toBe('simd');
    const forced = variantWith('relaxed-simd');
    if (automatic === 'relaxed-simd') expect(forced).toBe('relaxed-simd');
    else expect(forced).toMatch(/ERR_STRATA_OPTION.*STRATA_KERNELS must be `simd` on Node .*; use Node 22 or newer/);
    expect(variantWith('sse2')).toMatch(/STRATA_KERNELS must be `simd` or `relaxed-simd`, got "sse2"/);
  });
});
