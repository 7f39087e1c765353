/** Hooks module of Optimus-CC: what every rank imports. */
import type { HookContext, TrainHooks } from '../train/hooks.js';
import type { OptimusConfig } from './OptimusConfig.js';
import { OptimusGradients } from './OptimusGradients.js';
import { OptimusWire } from './OptimusWire.js';

/** Makes the hooks of one rank. */
export default function optimusHooks({ place, seed }: HookContext, config: OptimusConfig): TrainHooks {
  return { wire: new OptimusWire(config, seed), gradients: new OptimusGradients(config, place.stage, seed) };
}
