/** Where `@tensorflow/tfjs-node` and its compiled addon lie. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The package whose kernels and addon make the `tensorflow` engine. */
const PACKAGE = '@tensorflow/tfjs-node';

/** A package folder with a compiled addon. */
export interface TensorflowPackage {
  readonly folder: string;
  readonly version: string;
  /** Path of `tfjs_binding.node`. */
  readonly addon: string;
}

/** What is missing, as a sentence for a person. */
export interface TensorflowMissing {
  readonly missing: string;
}

/**
 * Finds the package: in the folder that `STRATA_TFJS_NODE` names (the package itself, or a folder in whose
 * `node_modules` it is), else where Node finds it from this package or from the program's working directory.
 */
export function locateTensorflow(
  folder: string | undefined = process.env.STRATA_TFJS_NODE,
): TensorflowPackage | TensorflowMissing {
  const root = folder ? inFolder(resolve(folder)) : installed();
  if (root === undefined) {
    return {
      missing: folder
        ? `STRATA_TFJS_NODE names ${folder}, where ${PACKAGE} is not; build it there with pnpm tensorflow:build`
        : `the optional package ${PACKAGE} is not installed; npm install ${PACKAGE}, or build it and set STRATA_TFJS_NODE`,
    };
  }
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const addon = addonIn(root);
  if (addon === undefined) {
    return {
      missing:
        `${PACKAGE} is installed in ${root} but its addon is not: its installer downloads a library; ` +
        `run npm rebuild ${PACKAGE}, or compile it with pnpm tensorflow:build`,
    };
  }
  return { folder: root, version, addon };
}

function inFolder(folder: string): string | undefined {
  return [folder, join(folder, 'node_modules', PACKAGE)].find((place) => nameOf(place) === PACKAGE);
}

function nameOf(folder: string): string | undefined {
  const file = join(folder, 'package.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { name?: string }).name : undefined;
}

function installed(): string | undefined {
  for (const from of [import.meta.url, pathToFileURL(join(process.cwd(), 'package.json'))]) {
    try {
      return dirname(createRequire(from).resolve(`${PACKAGE}/package.json`));
    } catch {
      // Not from there.
    }
  }
  return undefined;
}

/** The addon for the highest version of Node-API. */
function addonIn(root: string): string | undefined {
  const lib = join(root, 'lib');
  if (!existsSync(lib)) return undefined;
  const versions = readdirSync(lib).flatMap((name) => /^napi-v(\d+)$/.exec(name)?.[1] ?? []);
  return versions
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(lib, `napi-v${version}`, 'tfjs_binding.node'))
    .find((file) => existsSync(file));
}
