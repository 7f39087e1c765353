/** The tree of commands: areas, and the verbs of each. */
import { Command } from 'commander';
import { benchListCommand } from './commands/bench/list.js';
import { benchRunCommand } from './commands/bench/run.js';
import { profileCommand } from './commands/cluster/profile.js';
import { showCommand } from './commands/cluster/show.js';
import { fetchCommand } from './commands/data/fetch.js';
import { infoCommand } from './commands/data/info.js';
import { listCommand } from './commands/data/list.js';
import { verifyCommand } from './commands/data/verify.js';
import { doctorCommand } from './commands/doctor.js';
import { brainCommand } from './commands/gnn/brain.js';
import { compareCommand } from './commands/gnn/compare.js';
import { evaluateCommand } from './commands/gnn/evaluate.js';
import { planCommand } from './commands/gnn/plan.js';
import { trainCommand } from './commands/gnn/train.js';
import { convertCommand } from './commands/graph/convert.js';
import { generateCommand } from './commands/graph/generate.js';
import { partitionCommand } from './commands/graph/partition.js';
import { ablateCommand } from './commands/lm/ablate.js';
import { adviseCommand } from './commands/lm/advise.js';
import { benchCompressCommand } from './commands/lm/benchCompress.js';
import { generateTextCommand } from './commands/lm/generate.js';
import { trainLanguageModelCommand } from './commands/lm/train.js';
import { calibrateCommand } from './commands/offload/calibrate.js';
import { inspectCommand } from './commands/offload/inspect.js';
import { offloadPlanCommand } from './commands/offload/plan.js';
import { prepareCommand } from './commands/offload/prepare.js';
import { verifyStoreCommand } from './commands/offload/verify.js';
import { version } from './version.js';

/** Adds one verb below an area. */
type AddCommand = (area: Command) => void;

const areas: readonly (readonly [name: string, description: string, verbs: readonly AddCommand[]])[] = [
  [
    'data',
    'named data sets: list them, look at them, get them',
    [listCommand, infoCommand, fetchCommand, verifyCommand],
  ],
  ['cluster', 'the machines a run is laid out on', [showCommand, profileCommand]],
  ['graph', 'graphs without learning', [partitionCommand, generateCommand, convertCommand]],
  ['gnn', 'graph neural networks', [trainCommand, compareCommand, planCommand, evaluateCommand, brainCommand]],
  [
    'lm',
    'language models',
    [trainLanguageModelCommand, generateTextCommand, adviseCommand, ablateCommand, benchCompressCommand],
  ],
  [
    'offload',
    'training from storage',
    [prepareCommand, offloadPlanCommand, inspectCommand, verifyStoreCommand, calibrateCommand],
  ],
  ['bench', 'benchmarks against peers, in a clone of the repository', [benchListCommand, benchRunCommand]],
];

/** Builds the whole command line. It throws instead of ending the process, and prints no error of its own. */
export function createProgram(): Command {
  const program = new Command('strata')
    .description('Train graph networks on one device or across a cluster, with every byte counted.')
    .version(version)
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .configureHelp({ showGlobalOptions: false })
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      '\nExamples:\n  strata doctor\n  strata gnn train --data cora --model gcn --hidden 16 --cluster 2x2',
    );
  doctorCommand(program);
  for (const [name, description, verbs] of areas) {
    const area = program.command(name).description(description);
    for (const add of verbs) add(area);
  }
  return program;
}
