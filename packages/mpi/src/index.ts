export { detectMpiEnvironment, type MpiEnvironment, type MpiFamily } from './environment.js';
export { MpiError, MpiUnavailableError } from './errors.js';
export { MpiProcessGroup } from './group/MpiProcessGroup.js';
export { type MpiLaunchReport, registerMpi } from './launch/launchMpi.js';
export { type MpiAvailability, mpiAvailability } from './library/availability.js';
export {
  abortMpi,
  finalizeMpi,
  type InitOptions,
  initMpi,
  type MpiProcess,
  type ThreadLevel,
} from './process.js';
export { createMpiWorld, type MpiWorld, type ServerRule, type WorldOptions } from './world.js';
