/** Flags that many commands share, and how their values are read: every number has a range. */
import { ENGINE_NAMES, OptionError } from '@strata-ml/core';
import type { Command } from 'commander';

/** Values of the flags that {@link addCommonFlags} adds. */
export interface CommonFlags {
  readonly json?: string;
  readonly quiet?: boolean;
  readonly debug?: boolean;
}

/** Values of the flags that {@link addClusterFlags} adds. */
export interface ClusterFlags {
  readonly cluster?: string;
  readonly intraBandwidth?: string;
  readonly interBandwidth?: string;
  readonly intraLatency?: string;
  readonly interLatency?: string;
  readonly deviceMemory?: string;
  readonly transport?: 'threads' | 'processes' | 'mpi';
}

/** Adds `--json`, `--quiet` and `--debug`: every command has them. */
export function addCommonFlags(command: Command): Command {
  return command
    .option('--json <file>', 'write the result as JSON; - for stdout, then nothing else goes there')
    .option('--quiet', 'print neither progress nor tables')
    .option('--debug', 'show the stack of a failure');
}

/** Adds `--seed`. */
export function addSeedFlag(command: Command): Command {
  return command.option('--seed <n>', 'seed of everything random', integer('--seed', { min: 0 }), 1);
}

/** Adds `--engine`. */
export function addEngineFlag(command: Command): Command {
  const names = ['auto', ...ENGINE_NAMES];
  return command.option('--engine <name>', `${names.join(', ')}`, choice('--engine', names), 'auto');
}

/** Adds what describes the cluster: `--cluster`, the four link flags, `--device-memory`, `--transport`. */
export function addClusterFlags(command: Command): Command {
  return command
    .option(
      '--cluster <shape>',
      'servers × devices such as 2x4, or a YAML/JSON file (default: 1x1; under MPI all ranks)',
    )
    .option('--intra-bandwidth <rate>', 'link inside a server: 100Gbps, 800MB/s, unlimited')
    .option('--inter-bandwidth <rate>', 'link between servers')
    .option('--intra-latency <time>', 'per message inside a server: 2us, 1ms')
    .option('--inter-latency <time>', 'per message between servers')
    .option('--device-memory <size>', 'memory budget of each device: 512MB, 2GiB')
    .option(
      '--transport <name>',
      'threads, processes or mpi (default: mpi under mpirun or srun; processes for several ranks on tensorflow)',
      choice('--transport', ['threads', 'processes', 'mpi']),
    );
}

/** Range of a number. */
export interface Range {
  readonly min?: number;
  readonly max?: number;
  /** The lower end itself is excluded. */
  readonly isMinOpen?: boolean;
  /** The upper end itself is excluded. */
  readonly isMaxOpen?: boolean;
}

/** Reader of a whole number in a range. */
export function integer(flag: string, range: Range = {}): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(value) || !isInside(value, range)) {
      throw new OptionError(flag, 'value', text, `a whole number${describe(range)}`);
    }
    return value;
  };
}

/** Reader of a number in a range. */
export function number(flag: string, range: Range = {}): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!Number.isFinite(value) || !isInside(value, range)) {
      throw new OptionError(flag, 'value', text, `a number${describe(range)}`);
    }
    return value;
  };
}

/** Reader of one of several words. */
export function choice<T extends string>(flag: string, names: readonly T[]): (text: string) => T {
  return (text) => {
    const found = names.find((name) => name === text);
    if (found === undefined) throw new OptionError(flag, 'value', text, `one of ${names.join(', ')}`);
    return found;
  };
}

function isInside(value: number, { min = -Infinity, max = Infinity, isMinOpen, isMaxOpen }: Range): boolean {
  return (isMinOpen ? value > min : value >= min) && (isMaxOpen ? value < max : value <= max);
}

function describe({ min, max, isMinOpen, isMaxOpen }: Range): string {
  const parts = [
    ...(min === undefined ? [] : [`${isMinOpen ? '>' : '≥'} ${min}`]),
    ...(max === undefined ? [] : [`${isMaxOpen ? '<' : '≤'} ${max}`]),
  ];
  return parts.length > 0 ? ` ${parts.join(' and ')}` : '';
}
