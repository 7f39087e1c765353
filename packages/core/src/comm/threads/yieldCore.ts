/**
 * Lets another thread run on this core. With more ranks than cores, the rank that is waited for may need this very core,
 * and handing it over costs a microsecond, where sleeping on a cell and being woken costs tens.
 *
 * JavaScript has no such call, so it is taken from the operating system through koffi; without koffi ranks sleep.
 */
import { createRequire } from 'node:module';

const FUNCTIONS: Readonly<Partial<Record<NodeJS.Platform, readonly [library: string | null, name: string]>>> = {
  linux: [null, 'sched_yield'],
  darwin: [null, 'sched_yield'],
  win32: ['kernel32.dll', 'SwitchToThread'],
};

/** Loads the call; undefined where there is none. */
export function loadYield(): (() => unknown) | undefined {
  const place = FUNCTIONS[process.platform];
  if (!place) return undefined;
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
    return koffi.load(place[0]).func(place[1], 'int', []);
  } catch {
    return undefined;
  }
}
