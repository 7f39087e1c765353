/** Where a command's words go: people read stdout, or stderr when stdout carries JSON; only rank 0 talks. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { atomicWrite, OptionError } from '@strata-ml/core';
import { type ResultEnvelope, toJson } from './envelope.js';
import { type Progress, silentProgress, startProgress } from './progress.js';

/** Options of {@link Output}. */
export interface OutputOptions {
  /** `--json`: a file, `-` for stdout, or nothing. */
  readonly json?: string | undefined;
  /** `--quiet`: neither progress nor tables. */
  readonly quiet?: boolean | undefined;
  /** False on ranks other than 0, which stay silent and write nothing. */
  readonly isRoot: boolean;
}

/** The terminal and the result file of one command. */
export class Output {
  readonly #json: string | undefined;
  readonly #isSilent: boolean;
  readonly #isRoot: boolean;

  constructor({ json, quiet = false, isRoot }: OutputOptions) {
    this.#json = json;
    this.#isRoot = isRoot;
    this.#isSilent = quiet || !isRoot;
  }

  /** Prints text and a line end. */
  print(text = ''): void {
    this.write(`${text}\n`);
  }

  /** Prints text as it is: what grows piece by piece. */
  write(text: string): void {
    if (this.#isSilent) return;
    (this.#json === '-' ? process.stderr : process.stdout).write(text);
  }

  /** Says something about the run itself, on stderr. */
  note(text: string): void {
    if (!this.#isSilent) process.stderr.write(`${text}\n`);
  }

  /** Starts a progress display on stderr. */
  progress(unit: string, total: number, lineEvery = 1): Progress {
    if (this.#isSilent) return silentProgress;
    return startProgress({ unit, total, lineEvery, stream: process.stderr });
  }

  /** Writes the result where `--json` says, whole or not at all. */
  async result(envelope: ResultEnvelope): Promise<void> {
    if (this.#json === undefined || !this.#isRoot) return;
    if (this.#json !== '-') return atomicWrite(this.#json, toJson(envelope));
    // Wait until the pipe took all of it: the process may end right after.
    await new Promise<void>((done) => process.stdout.write(toJson(envelope), () => done()));
  }

  /** True if `--json` was given. */
  get wantsResult(): boolean {
    return this.#json !== undefined;
  }
}

/**
 * Refuses a path that could not be written at the end of a long run.
 *
 * @throws {@link OptionError} if the folder is missing or not writable, or the path is a folder.
 */
export async function checkWritableFile(flag: string, path: string): Promise<void> {
  const folder = dirname(resolve(path));
  const isFolder = await stat(folder).then(
    (s) => s.isDirectory(),
    () => false,
  );
  if (!isFolder) throw new OptionError(flag, 'folder', folder, 'an existing folder', 'create it first');
  if (await isFolderAt(path)) throw new OptionError(flag, 'path', path, 'a file', 'it is a folder; add a file name');
  try {
    await access(folder, constants.W_OK);
  } catch {
    throw new OptionError(flag, 'folder', folder, 'writable', 'choose a folder that you may write to');
  }
}

async function isFolderAt(path: string): Promise<boolean> {
  return stat(path).then(
    (s) => s.isDirectory(),
    () => false,
  );
}
