/** Program: `partitionMake.js NAME` makes a graph in a process of its own, so that its memory is not measured. */
import { makeGraph } from './partitionGraphs.js';

await makeGraph(process.argv[2] ?? '');
