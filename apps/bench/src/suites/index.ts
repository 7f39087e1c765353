/** All suites, by name. */
import type { Suite } from '../harness/types.js';
import { comm } from './comm.js';
import { trace } from './trace.js';

export const suites: readonly Suite[] = [comm, trace];
