/** `strata graph generate KIND`. */
import { OptionError, Rng } from '@strata-ml/core';
import type { CsrGraph } from '@strata-ml/graph';
import type { Command } from 'commander';
import { action } from '../../action.js';
import { type WrittenFormat, writeGraphFile, writtenFormats } from '../../graphFile.js';
import { addCommonFlags, addSeedFlag, type CommonFlags, choice, integer, number } from '../../options.js';
import { count } from '../../output/format.js';
import { checkWritableFile, type Output } from '../../output/Output.js';

interface Flags extends CommonFlags {
  readonly out: string;
  readonly to?: WrittenFormat;
  readonly seed: number;
  readonly scale: number;
  readonly edgeFactor: number;
  readonly vertices: number;
  readonly degree: number;
  readonly communities: number;
  readonly internal: number;
  readonly rows: number;
  readonly columns: number;
}

type Generators = typeof import('@strata-ml/graph');

const kinds: Readonly<Record<string, (graph: Generators, flags: Flags, rng: Rng) => CsrGraph>> = {
  rmat: ({ rmat }, { scale, edgeFactor }, rng) => rmat({ scale, edgeFactor, rng }),
  random: ({ randomGraph }, { vertices, degree }, rng) =>
    randomGraph({ numVertices: vertices, averageDegree: degree, rng }),
  community: ({ powerLawCommunity }, { vertices, degree, communities, internal }, rng) =>
    powerLawCommunity({ numVertices: vertices, averageDegree: degree, communities, internal, rng }).graph,
  grid: ({ grid }, { rows, columns }) => grid({ rows, columns }),
};

/** Adds `generate`. */
export function generateCommand(area: Command): void {
  const atLeastOne = { min: 1 };
  const command = area
    .command('generate')
    .argument('<kind>', 'rmat, random, community or grid')
    .description('write a synthetic graph')
    .requiredOption(
      '--out <file>',
      'edge list, or METIS if it ends in .graph or .metis, .gz is compressed; .i32, .bin, .edges: binary, streamed, any size',
    )
    .option('--to <format>', 'edge-list or metis (default: by name)', choice('--to', writtenFormats))
    .option('--scale <n>', 'rmat: 2^n vertices', integer('--scale', { min: 0, max: 30 }), 16)
    .option('--edge-factor <n>', 'rmat: edges drawn per vertex', number('--edge-factor', { min: 0 }), 16)
    .option('--vertices <n>', 'random, community', integer('--vertices', atLeastOne), 10_000)
    .option('--degree <n>', 'random, community: mean degree', number('--degree', { min: 0 }), 30)
    .option('--communities <n>', 'community', integer('--communities', atLeastOne), 64)
    .option('--internal <p>', 'community: share of edges inside', number('--internal', { min: 0, max: 1 }), 0.8)
    .option('--rows <n>', 'grid', integer('--rows', atLeastOne), 100)
    .option('--columns <n>', 'grid', integer('--columns', atLeastOne), 100);
  addSeedFlag(addCommonFlags(command)).action(
    action<Flags>(
      'graph generate',
      async (flags, { output, signal }, [kind = '']) => {
        const generate = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
        if (!generate) {
          throw new OptionError('graph generate', 'kind', kind, `one of ${Object.keys(kinds).join(', ')}`);
        }
        await checkWritableFile('--out', flags.out);
        const rng = new Rng(flags.seed);
        const { isBinaryEdgePath } = await import('@strata-ml/graph');
        if (isBinaryEdgePath(flags.out)) {
          const metrics = await generateStreamed(kind, flags, rng, output, signal);
          return { config: { kind, ...flags, to: 'binary' }, metrics };
        }
        const graph = generate(await import('@strata-ml/graph'), flags, rng);
        const to = await writeGraphFile(flags.out, graph, flags.to);
        const metrics = { vertices: graph.numVertices, storedEdges: graph.indices.length };
        output.print(
          `${flags.out} (${to}): ${count(metrics.vertices)} vertices · ${count(metrics.storedEdges)} stored edges`,
        );
        return { config: { kind, ...flags, to }, metrics };
      },
      { isInterruptible: true },
    ),
  );
}

/** Straight to a file of int32 pairs, in little memory. */
async function generateStreamed(kind: string, flags: Flags, rng: Rng, output: Output, signal: AbortSignal) {
  const { writePowerLawEdges, writeRmatEdges } = await import('@strata-ml/graph');
  const { out, scale, edgeFactor, vertices, degree, communities, internal } = flags;
  const progress = output.progress('percent', 100, 10);
  let shown = 0;
  const onProgress = ({ edges, totalEdges }: { readonly edges: number; readonly totalEdges: number }): void => {
    const share = Math.floor((100 * edges) / totalEdges);
    if (share === shown) return;
    shown = share;
    progress.update(share, `${count(edges)} edges drawn`);
  };
  const control = { signal, onProgress };
  const started = performance.now();
  try {
    if (kind !== 'rmat' && kind !== 'community') {
      throw new OptionError('graph generate', 'kind', kind, 'rmat or community for a binary edge file');
    }
    const written =
      kind === 'rmat'
        ? await writeRmatEdges(out, { scale, edgeFactor, rng }, control)
        : await writePowerLawEdges(
            out,
            { numVertices: vertices, averageDegree: degree, communities, internal, rng },
            control,
          );
    output.print(`${out} (binary): ${count(written.numVertices)} vertices · ${count(written.edges)} undirected edges`);
    const peakRssBytes = process.resourceUsage().maxRSS * 1024;
    return {
      vertices: written.numVertices,
      edges: written.edges,
      seconds: (performance.now() - started) / 1000,
      peakRssBytes,
    };
  } finally {
    progress.stop();
  }
}
