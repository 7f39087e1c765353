/** All suites, by name. */
import type { Suite } from '../harness/types.js';
import { accuracy } from './accuracy.js';
import { comm } from './comm.js';
import { compress } from './compress.js';
import { dense } from './dense.js';
import { disaggregated } from './disaggregated.js';
import { engine } from './engine.js';
import { gnn } from './gnn.js';
import { links } from './links.js';
import { lm } from './lm.js';
import { nodes } from './nodes.js';
import { offload } from './offload.js';
import { offloadPartition } from './offloadPartition.js';
import { partition } from './partition.js';
import { pipeline } from './pipeline.js';
import { snapshot } from './snapshot.js';
import { trace } from './trace.js';
import { tutorial } from './tutorial.js';

export const suites: readonly Suite[] = [
  engine,
  dense,
  gnn,
  comm,
  compress,
  trace,
  tutorial,
  nodes,
  partition,
  offload,
  offloadPartition,
  snapshot,
  links,
  lm,
  pipeline,
  accuracy,
  disaggregated,
];
