/** The data set of `npm start`: the largest labelled graph at hand that trains within about two minutes. */
import { fetchDataset, loadNodeDataset } from '@strata-ml/datasets';
import type { GraphData } from '@strata-ml/gnn-dist';
import pc from 'picocolors';

/** Labelled graphs with features, largest first, and epochs that take about a minute on two cores. */
const CANDIDATES = [
  { name: 'coauthor-physics', epochs: 20 },
  { name: 'coauthor-cs', epochs: 30 },
  { name: 'amazon-computers', epochs: 60 },
  { name: 'cora', epochs: 200 },
] as const;

/** What to train on. */
export interface Choice {
  readonly data: GraphData;
  /** Lines that describe it. */
  readonly facts: readonly string[];
  readonly epochs: number;
}

/** Takes the first candidate that is here, else fetches Cora; without a network the Karate Club graph, and says so. */
export async function chooseData(): Promise<Choice> {
  for (const { name, epochs } of CANDIDATES) {
    const choice = await load(name, epochs);
    if (choice) return choice;
  }
  const reason = await fetchDataset('cora').then(
    () => undefined,
    (error: Error) => error.message,
  );
  const cora = reason === undefined ? await load('cora', 200) : undefined;
  if (cora) return cora;
  const choice = await load('karate', 100);
  if (!choice) throw new Error('the built-in Karate Club graph could not be made');
  const note = [
    pc.yellow('  No local data set, and none could be fetched: this runs on the Karate Club graph of 34 people.'),
    pc.dim(`  ${reason}`),
    pc.dim('  Set STRATA_DATA to a folder of data sets for more; `pnpm strata data list` names them.'),
  ];
  return { ...choice, facts: [...note, ...choice.facts] };
}

async function load(name: string, epochs: number): Promise<Choice | undefined> {
  const set = await loadNodeDataset(name).catch((error: { code?: string }) => {
    if (error.code === 'ERR_STRATA_OPTION' || error.code === 'ERR_STRATA_NOT_FOUND') return undefined;
    throw error;
  });
  const split = set?.splits[0];
  if (!set || !split || set.features.kind === 'none') return undefined;
  const { graph, numFeatures, numClasses, features } = set;
  const edges = graph.indices.length / 2;
  const count = (n: number) => n.toLocaleString('en-US');
  const layout = features.kind === 'csr' ? 'sparse ' : '';
  return {
    data: { ...set, features, split },
    epochs,
    facts: [
      `  data     ${pc.bold(name)}: ${count(graph.numVertices)} vertices, ${count(edges)} edges, ` +
        `${count(numFeatures)} ${layout}features, ${numClasses} classes`,
      `  split    ${count(split.train.length)} training, ${count(split.val.length)} validation, ${count(split.test.length)} test vertices`,
    ],
  };
}
