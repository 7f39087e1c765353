/**
 * Program: `linksShaped.js DATA ITEMS` trains a mode over MPI between two network namespaces whose link the kernel shapes, and prints
 * the fastest epoch of each item. Prints why not where that is impossible.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ShapedPair } from './namespaces.js';

/** mpirun is told to end its ranks then. */
const LIMIT_S = 120;

const [data = '', list = '[]'] = process.argv.slice(2);
const rank = fileURLToPath(new URL('./linksRank.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'strata-links-'));
const pair = new ShapedPair();
try {
  const impossible = prepare();
  if (impossible) console.log(JSON.stringify({ missing: impossible }));
  else {
    for (const [item, { mode, rate }] of (JSON.parse(list) as { mode: string; rate: string }[]).entries()) {
      pair.shape(rate);
      const [command = '', ...args] = pair.mpirun(folder, 2);
      const { status, stdout, stderr } = spawnSync(command, [...args, process.execPath, rank, data, mode], {
        encoding: 'utf8',
        env: { ...process.env, OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1' },
        timeout: 1000 * LIMIT_S,
      });
      const line = stdout.split('\n').find((text) => text.startsWith('{"value"'));
      // A rank that hangs when all is done does not spoil the sample.
      if (line) console.log(JSON.stringify({ item, ...JSON.parse(line) }));
      else if (status === null)
        console.log(JSON.stringify({ item, missing: `mpirun did not end within ${LIMIT_S} s` }));
      else throw new Error(`mpirun ended with ${status}: ${stderr.slice(-2000)}`);
    }
  }
} finally {
  pair.remove();
  rmSync(folder, { recursive: true });
}

/** Makes the namespaces; says why not if that is impossible. */
function prepare(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  if (spawnSync('mpirun', ['--version'], { encoding: 'utf8' }).stdout?.includes('Open MPI') !== true) {
    return 'needs Open MPI';
  }
  try {
    pair.make();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
