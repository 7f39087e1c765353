/** What is known about each public data set without opening it; written by `scripts/make-registry.mjs`. */
import { OptionError } from '@strata-ml/core';
import { closest } from './closest.js';
import registryJson from './registry.json' with { type: 'json' };

/** A file of a data set, as it must be. */
export interface RegisteredFile {
  readonly bytes: number;
  /** Of the file as stored, lower-case hexadecimal. */
  readonly sha256: string;
  /** Of the content of a `.gz` file, which stays the same when it is compressed again. */
  readonly contentSha256?: string;
}

/** A registered data set. */
export interface RegisteredDataset {
  readonly title: string;
  /** `graph`, `images`, `text`, `prices`, … */
  readonly kind: string;
  /** Counts, in one line. */
  readonly content: string;
  /** Short form; "not stated" means that the source names none. */
  readonly licence: string;
  readonly licenceDetails: string;
  /** Where the original is: repositories, commits, files. */
  readonly source: string;
  /** Path inside the data set's folder to size and checksum. */
  readonly files: Readonly<Record<string, RegisteredFile>>;
}

/** The data set that needs no files. */
export const builtInName = 'karate';

const builtIn: RegisteredDataset = {
  title: "Zachary's karate club",
  kind: 'graph',
  content: '34 nodes, 78 edges, 2 classes, identity features; built in',
  licence: 'MIT (graphology-generators)',
  licenceDetails:
    'Zachary: "An Information Flow Model for Conflict and Fission in Small Groups", 1977; as in graphology.',
  source: 'npm package `graphology-generators`; needs no files',
  files: {},
};

const registry: Readonly<Record<string, RegisteredDataset>> = { [builtInName]: builtIn, ...registryJson };

/** Names of all registered data sets: the built-in one, then as in the index of the data folder. */
export function registeredNames(): string[] {
  return Object.keys(registry);
}

/** The entry of a name, or undefined. */
export function findRegistered(name: string): RegisteredDataset | undefined {
  return Object.hasOwn(registry, name) ? registry[name] : undefined;
}

/**
 * The entry of a name.
 *
 * @throws {@link OptionError} with the closest names if there is none.
 */
export function registered(where: string, name: string): RegisteredDataset {
  const entry = findRegistered(name);
  if (entry) return entry;
  throw unknownDataset(where, name);
}

/** The error for a name that is no data set, no folder and no file. */
export function unknownDataset(where: string, name: string): OptionError {
  const near = closest(name, registeredNames());
  const hint = near.length > 0 ? `did you mean ${near.join(' or ')}? ` : '';
  return new OptionError(
    where,
    'data set',
    name,
    'a known name, a folder or a graph file',
    `${hint}\`strata data list\` shows the names`,
  );
}
