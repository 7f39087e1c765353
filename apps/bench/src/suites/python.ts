/** Peers that are Python programs: which interpreter, which libraries, and why not. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Contender } from '../harness/types.js';

/** The interpreter: `STRATA_PYTHON`, else `python3`. */
const interpreter = () => process.env.STRATA_PYTHON || 'python3';

const found = new Map<string, { readonly version: string; readonly missing?: string }>();

/** Version of a Python library, or the reason that it cannot be had; asked once. */
function library(name: string): { readonly version: string; readonly missing?: string } {
  const known = found.get(name);
  if (known) return known;
  const run = spawnSync(interpreter(), ['-c', `import ${name}; print(${name}.__version__)`], { encoding: 'utf8' });
  const version = run.status === 0 ? run.stdout.trim() : '';
  const made = version ? { version } : { version, missing: `${name} cannot be imported; set STRATA_PYTHON` };
  found.set(name, made);
  return made;
}

/** What {@link pythonPeer} starts. */
export interface PythonPeerOptions {
  /** Library that must be there, whose version is shown. */
  readonly library: string;
  /** File in `native/`. */
  readonly program: string;
  readonly args: readonly string[];
  /** @defaultValue `1` */
  readonly threads?: number;
}

/** A contender that runs `native/PROGRAM` on so many threads, or says why it cannot. */
export function pythonPeer(name: string, options: PythonPeerOptions): Contender {
  const { args, program, threads = 1 } = options;
  const { version, missing } = library(options.library);
  const path = fileURLToPath(new URL(`../native/${program}`, import.meta.url));
  const why = missing ?? (existsSync(path) ? undefined : `native/${program} is not there`);
  const count = String(threads);
  return {
    name,
    version,
    command: interpreter(),
    args: [path, ...args],
    env: { OMP_NUM_THREADS: count, MKL_NUM_THREADS: count, STRATA_THREADS: count },
    ...(why ? { missing: why } : {}),
  };
}

/** Contenders with those that can run first: the first is the reference of the ratios. */
export const peersFirst = (peers: readonly Contender[], ours: readonly Contender[]): Contender[] => [
  ...peers.filter((p) => p.missing === undefined),
  ...ours,
  ...peers.filter((p) => p.missing !== undefined),
];
