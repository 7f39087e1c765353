/** Every training mode by name. A new mode is one file beside this one and one line here. */
import { cob } from './cob.js';
import { flx } from './flx.js';
import { flxEas } from './flxEas.js';
import { fullGraph } from './fullGraph.js';
import type { ModeDefinition } from './TrainingMode.js';

/** The modes. */
export const modes = {
  'full-graph': fullGraph,
  flx,
  'flx-eas': flxEas,
  cob,
} satisfies Record<string, ModeDefinition>;

/** Name of a mode. */
export type TrainMode = keyof typeof modes;

/** Names of all modes. */
export const trainModes = Object.keys(modes) as TrainMode[];
