/** Every training mode by name. A new mode is one file beside this one and one line here. */
import { adaqp } from './adaqp.js';
import { bnsGcn } from './bnsGcn.js';
import { cagnet1d } from './cagnet1d.js';
import { cob } from './cob.js';
import { distdgl } from './distdgl.js';
import { distgnnCd0, distgnnCdr } from './distgnn.js';
import { flx } from './flx.js';
import { flxEas } from './flxEas.js';
import { fullGraph } from './fullGraph.js';
import { pipegcn } from './pipegcn.js';
import { salient } from './salient.js';
import { snapshot } from './snapshot.js';
import type { ModeDefinition } from './TrainingMode.js';

/** Name of a mode. */
export type TrainMode =
  | 'full-graph'
  | 'flx'
  | 'flx-eas'
  | 'cob'
  | 'cagnet-1d'
  | 'pipegcn'
  | 'bns-gcn'
  | 'adaqp'
  | 'distgnn-cd0'
  | 'distgnn-cdr'
  | 'distdgl'
  | 'salient++'
  | 'snapshot';

/** The modes. */
export const modes: Readonly<Record<TrainMode, ModeDefinition>> = {
  'full-graph': fullGraph,
  flx,
  'flx-eas': flxEas,
  cob,
  'cagnet-1d': cagnet1d,
  pipegcn,
  'bns-gcn': bnsGcn,
  adaqp,
  'distgnn-cd0': distgnnCd0,
  'distgnn-cdr': distgnnCdr,
  distdgl,
  'salient++': salient,
  snapshot,
};

/** Names of all modes. */
export const trainModes = Object.keys(modes) as TrainMode[];
