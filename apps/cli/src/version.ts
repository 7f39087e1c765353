/** Version of this package, from its package.json. */
import { readFileSync } from 'node:fs';

/** For example `0.1.0`. */
export const version: string = readVersion();

function readVersion(): string {
  // dist/index.js and src/version.ts both lie one folder below package.json.
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return (manifest as { version: string }).version;
}
