import type { Options } from 'tsup';

/** The build every package shares: one ESM output with types. Workers are further entries, found by `new URL`. */
export function packageConfig(entry: Record<string, string> = {}): Options {
  return {
    entry: { index: 'src/index.ts', ...entry },
    format: 'esm',
    dts: { entry: { index: 'src/index.ts' } },
    sourcemap: true,
    clean: true,
    target: 'node20',
    platform: 'node',
    splitting: true,
  };
}
