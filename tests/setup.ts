/** Reaches every test file of every project: reproducible properties, and no test that talks to the console. */
import fc from 'fast-check';
import { afterEach, beforeEach } from 'vitest';

const isSoak = process.env.STRATA_SOAK === '1';

// `pnpm test` sees the same cases each time; `pnpm test:soak` draws new ones, many, and a failure prints its seed.
fc.configureGlobal(isSoak ? { numRuns: 20_000, interruptAfterTimeLimit: 50_000 } : { seed: 20_251_121 });

const methods = ['log', 'info', 'warn', 'error', 'debug'] as const;
const printed: string[] = [];
const originals = new Map(methods.map((name) => [name, console[name]]));

beforeEach(() => {
  printed.length = 0;
  for (const name of methods) {
    console[name] = (...args: unknown[]) => {
      printed.push(`console.${name}: ${args.map(String).join(' ')}`);
    };
  }
});

afterEach(() => {
  for (const [name, original] of originals) console[name] = original;
  if (printed.length > 0) throw new Error(`a test must be silent, but this one printed\n${printed.join('\n')}`);
});
