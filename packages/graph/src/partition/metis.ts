/** The partitioner of METIS itself, where its program `gpmetis` is installed. */
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataError, OptionError } from '@strata-ml/core';
import type { CsrGraph } from '../csr/CsrGraph.js';
import { metisChunks } from '../io/writeGraph.js';
import type { ResolvedPartitionOptions } from './options.js';
import type { Targets } from './Targets.js';

let isInstalled: boolean | undefined;

/** True if `gpmetis` can be run here. */
export function hasMetis(): boolean {
  isInstalled ??= spawnSync('gpmetis', ['-help'], { stdio: 'ignore' }).error === undefined;
  return isInstalled;
}

/**
 * Runs `gpmetis` on a symmetric graph in a process of its own, through files in a temporary folder.
 *
 * METIS keeps its balance only roughly, and knows no minimum: callers repair that.
 *
 * @throws {@link OptionError} if `gpmetis` is not installed. @throws {@link DataError} if it fails.
 */
export function metisParts(
  g: CsrGraph,
  { shares }: Targets,
  { balance, objective, seed }: ResolvedPartitionOptions,
  partOf: Int32Array,
): void {
  if (!hasMetis()) {
    throw new OptionError(
      'partition',
      'method',
      'metis',
      'installed as gpmetis',
      "install the package metis, or use the method 'multilevel'",
    );
  }
  const parts = shares.length;
  const folder = mkdtempSync(join(tmpdir(), 'strata-metis-'));
  try {
    const graph = join(folder, 'graph');
    const file = openSync(graph, 'w');
    const loops = countLoops(g);
    for (const chunk of metisChunks(g, (g.indices.length - loops) / 2, false)) writeSync(file, chunk);
    closeSync(file);
    const weights = join(folder, 'shares');
    writeFileSync(weights, Array.from(shares, (share, p) => `${p} = ${share}\n`).join(''));
    const options = [
      `-objtype=${objective}`,
      `-seed=${seed}`,
      `-ufactor=${Math.max(1, Math.round(1000 * (balance - 1)))}`,
      `-tpwgts=${weights}`,
    ];
    try {
      execFileSync('gpmetis', [...options, graph, String(parts)], { stdio: 'pipe' });
    } catch (cause) {
      throw new DataError(`gpmetis: must partition a graph of ${g.numVertices} vertices, but it failed`, {}, { cause });
    }
    const lines = readFileSync(`${graph}.part.${parts}`, 'latin1').split('\n');
    for (let v = 0; v < partOf.length; v++) partOf[v] = Number(lines[v]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function countLoops({ numVertices: n, indptr, indices }: CsrGraph): number {
  let loops = 0;
  for (let v = 0; v < n; v++) for (let e = indptr[v]!; e < indptr[v + 1]!; e++) if (indices[e] === v) loops++;
  return loops;
}
