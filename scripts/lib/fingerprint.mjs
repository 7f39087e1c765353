/** Content hashes that tell whether an install or a build is still the one made from these files. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

/** What an install is made from. */
const installFiles = ['pnpm-lock.yaml', 'pnpm-workspace.yaml', '.npmrc'];
/** What every build reads besides its own package. Keep in step with `globalDependencies` of turbo.json. */
const sharedBuildFiles = ['pnpm-lock.yaml', 'tsconfig.base.json', 'tsup.base.ts', 'turbo.json'];
/** What one package is built from. Keep in step with `inputs` of the build task in turbo.json. */
const packageBuildFiles = ['package.json', 'tsconfig.json', 'tsup.config.ts', 'src', 'assembly', 'scripts', 'bin'];

/** Folders of all workspace packages, relative to `root`, sorted. */
function workspacePackages(root) {
  return ['apps', 'packages']
    .flatMap((area) =>
      existsSync(join(root, area)) ? readdirSync(join(root, area)).map((name) => join(area, name)) : [],
    )
    .filter((folder) => existsSync(join(root, folder, 'package.json')))
    .sort();
}

/** Hash of the lock file and what else decides what `pnpm install` does here. */
export function installFingerprint(root) {
  // Prebuilt binaries differ by platform: a folder copied to another machine must be installed anew.
  return fingerprint(root, installFiles, [process.platform, process.arch]);
}

/** Hash of every source that the build reads. */
export function buildFingerprint(root) {
  const own = workspacePackages(root).flatMap((folder) => packageBuildFiles.map((name) => join(folder, name)));
  return fingerprint(root, [...sharedBuildFiles, ...own]);
}

/** True when every package that builds into dist/ has one. */
export function hasBuildOutput(root) {
  return workspacePackages(root).every((folder) => {
    const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    return !manifest.scripts?.build || existsSync(join(root, folder, 'dist', 'index.js'));
  });
}

function fingerprint(root, paths, extra = []) {
  const hash = createHash('sha256').update(extra.join('\0'));
  for (const path of paths.flatMap((path) => filesUnder(join(root, path)))) {
    const content = readFileSync(path);
    // Lengths keep (name, content) pairs apart, so that text cannot move between files unseen.
    hash.update(`\0${relative(root, path).split(sep).join('/')}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/** The file itself, or all files below the folder in a stable order; nothing when it does not exist. */
function filesUnder(path) {
  if (!existsSync(path)) return [];
  const entries = readEntries(path);
  if (entries === undefined) return [path];
  return entries
    .filter((entry) => entry.name !== 'node_modules' && entry.name !== 'dist')
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => filesUnder(join(path, entry.name)));
}

function readEntries(path) {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if (error.code === 'ENOTDIR') return undefined;
    throw error;
  }
}
