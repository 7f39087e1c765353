/** Studies on disk: a phenotype table and one time series per subject. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { DataError } from '@strata-ml/core';
import { parse } from 'csv-parse/sync';
import type { Cohort } from './crossValidate.js';
import { readNpy } from './readNpy.js';
import { buildConnectome, type ConnectomeOptions, type SignedGraph } from './SignedGraph.js';

/** Options of {@link loadCohort}. */
export interface LoadCohortOptions extends ConnectomeOptions {
  /** Column of the table that names a subject's file, without folder and ending. @defaultValue `'subject'` */
  readonly subjectColumn?: string;
  /** Column with two different values; the smaller one is class 0. @defaultValue `'label'` */
  readonly labelColumn?: string;
  /** Column of the site; ignored if the table has none. @defaultValue `'site'` */
  readonly siteColumn?: string;
}

/** Endings of time series: NumPy arrays, and tables of numbers with one line per time point. */
const seriesEndings = ['.npy', '.csv', '.tsv', '.txt', '.1D'] as const;

/** A loaded study. */
export interface LoadedCohort extends Cohort {
  readonly subjects: readonly string[];
  /** The two values of the label column, class 0 first. */
  readonly classes: readonly [string, string];
}

/**
 * Reads `phenotype.csv` and `SUBJECT.npy|.csv|.tsv|.txt|.1D` (time by region) from a folder and builds each subject's
 * connectome. Nothing is fitted over subjects, so no fold can leak into another.
 *
 * @throws {@link DataError} that names the file and what is wrong with it.
 */
export function loadCohort(folder: string, options: LoadCohortOptions = {}): LoadedCohort {
  const { subjectColumn = 'subject', labelColumn = 'label', siteColumn = 'site' } = options;
  const path = join(folder, 'phenotype.csv');
  if (!existsSync(path)) throw new DataError(`loadCohort: ${folder} must have a phenotype.csv, found ${list(folder)}`);
  const rows = readTable(path);
  for (const column of [subjectColumn, labelColumn]) {
    if (!(column in (rows[0] ?? {}))) {
      throw new DataError(`${path}: columns must include ${column}, got ${Object.keys(rows[0] ?? {}).join(', ')}`);
    }
  }
  const classes = [...new Set(rows.map((row) => row[labelColumn]!))].sort();
  if (classes.length !== 2) {
    throw new DataError(`${path}: column ${labelColumn} must have 2 different values, got ${classes.join(', ')}`);
  }
  const subjects = rows.map((row) => row[subjectColumn]!);
  const twice = subjects.find((name, i) => subjects.indexOf(name) !== i);
  // Two scans of one subject could land in different folds.
  if (twice !== undefined) throw new DataError(`${path}: subjects must be listed once, got ${twice} twice`);
  const graphs = subjects.map((name) => readSubject(folder, name, options));
  const odd = graphs.findIndex(({ regions }) => regions !== graphs[0]!.regions);
  if (odd >= 0) {
    throw new DataError(
      `loadCohort: all subjects must have ${graphs[0]!.regions} regions as ${subjects[0]}, got ${graphs[odd]!.regions} for ${subjects[odd]}`,
    );
  }
  const hasSites = siteColumn in rows[0]!;
  return {
    graphs,
    labels: Int32Array.from(rows, (row) => classes.indexOf(row[labelColumn]!)),
    subjects,
    classes: [classes[0]!, classes[1]!],
    ...(hasSites ? { sites: rows.map((row) => row[siteColumn]!) } : {}),
  };
}

function readTable(path: string): Record<string, string>[] {
  try {
    return parse(readFileSync(path), { columns: true, skip_empty_lines: true, trim: true, bom: true });
  } catch (error) {
    throw new DataError(`${path}: must be a table with a heading, ${(error as Error).message}`, {}, { cause: error });
  }
}

function readSubject(folder: string, subject: string, options: ConnectomeOptions): SignedGraph {
  const path = seriesEndings.map((ending) => join(folder, subject + ending)).find((file) => existsSync(file));
  if (!path) {
    throw new DataError(`loadCohort: ${folder} must have a time series of ${subject} (${seriesEndings.join(', ')})`);
  }
  const { data, rows, columns } = extname(path) === '.npy' ? readNpy(path) : readNumbers(path);
  return buildConnectome(data, rows, columns, options);
}

/** Numbers separated by commas, semicolons, tabs or blanks; `#` begins a comment, a first line of words is skipped. */
function readNumbers(path: string): { data: Float32Array; rows: number; columns: number } {
  const lines = readFileSync(path, 'utf8')
    .split(/\r?\n/)
    .map((line, at) => ({
      fields: line
        .replace(/#.*/, '')
        .trim()
        .split(/[\s,;]+/),
      number: at + 1,
    }))
    .filter(({ fields }) => fields[0] !== '');
  if (lines[0]?.fields.some((field) => Number.isNaN(Number(field)))) lines.shift();
  const columns = lines[0]?.fields.length ?? 0;
  const data = new Float32Array(lines.length * columns);
  lines.forEach(({ fields, number }, row) => {
    if (fields.length !== columns) {
      throw new DataError(`${path}: line ${number} must have ${columns} numbers, got ${fields.length}`);
    }
    fields.forEach((field, column) => {
      const value = Number(field);
      if (!Number.isFinite(value)) throw new DataError(`${path}: line ${number} must hold numbers, got ${field}`);
      data[row * columns + column] = value;
    });
  });
  return { data, rows: lines.length, columns };
}

function list(folder: string): string {
  try {
    return readdirSync(folder).slice(0, 5).join(', ') || 'nothing';
  } catch {
    return 'no such folder';
  }
}
