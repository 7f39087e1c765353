/**
 * Brings a checkout to the state in which it runs: dependencies installed as locked, packages built. Needs Node and npm
 * only; pnpm comes through npx at the version that package.json pins. Does nothing when nothing changed.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildFingerprint, hasBuildOutput, installFingerprint } from './fingerprint.mjs';
import { PhaseError, phase } from './phase.mjs';

/** The repository root. */
export const root = fileURLToPath(new URL('../../', import.meta.url));

const stampFile = join(root, 'node_modules', '.strata-stamp');

/** Installs and builds what is not up to date. Prints the log and exits with code 1 if a step fails. */
export async function setUp() {
  const env = toolEnvironment();
  try {
    await install(env);
    await build(env);
  } catch (error) {
    if (!(error instanceof PhaseError)) throw error;
    process.stderr.write(`\n${error.log.trimEnd()}\n\nstrata: ${error.message}; its whole output is above.\n`);
    process.stderr.write(`strata: ${remedy(error.log)}\n`);
    process.exit(1);
  }
}

/** The environment in which the project's tools run. */
export function toolEnvironment() {
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', NO_UPDATE_NOTIFIER: '1' };
  // Settings of the caller's own npm that would change what is installed here: the lock file decides, dev tools included.
  for (const name of Object.keys(env)) {
    if (
      /^(npm_config_(omit|include|production|only|global|location|prefix|workspaces?|dry_run|yes)|NODE_ENV)$/i.test(
        name,
      )
    ) {
      delete env[name];
    }
  }
  // With an empty HOME tools make a folder named "~" here; without one they ask the system for the user's home.
  if (env.HOME === '') {
    for (const name of Object.keys(env)) if (/^npm_config_/i.test(name) && env[name].startsWith('~')) delete env[name];
    delete env.HOME;
  }
  env.PATH = [join(root, 'node_modules', '.bin'), dirname(process.execPath), env.PATH ?? ''].join(delimiter);
  return env;
}

async function install(env) {
  const fingerprint = installFingerprint(root);
  if (readStamp().install === fingerprint && existsSync(join(root, 'node_modules', '.modules.yaml'))) return;
  rmSync(stampFile, { force: true });
  const registry = registryOfNpm(env);
  await phase(
    'installing dependencies',
    // CI=true: pnpm must not ask before it replaces a node_modules that something else made.
    pnpm('install', '--frozen-lockfile', '--prod=false', '--reporter=append-only'),
    { cwd: root, env: { ...env, CI: 'true', ...registry } },
  );
  writeStamp({ install: fingerprint });
}

async function build(env) {
  const fingerprint = buildFingerprint(root);
  const stamp = readStamp();
  if (stamp.build === fingerprint && hasBuildOutput(root)) return;
  writeStamp({ install: stamp.install });
  // Turbo starts each package's script through pnpm, which npx puts on the PATH.
  await phase('building the packages', pnpm('exec', 'turbo', 'run', 'build', '--output-logs=errors-only'), {
    cwd: root,
    env,
  });
  writeStamp({ install: stamp.install, build: fingerprint });
}

/** The command that runs the pinned pnpm, wherever Node and npm are. */
export function pnpm(...args) {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return ['npx', '--yes', packageManager, ...args];
}

/** pnpm does not read npm's global configuration file; hand over the registry that is set there. */
function registryOfNpm(env) {
  if (env.npm_config_registry) return {};
  try {
    const registry = execFileSync('npm', ['config', 'get', 'registry'], {
      cwd: root,
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      shell: process.platform === 'win32',
    }).trim();
    return registry.startsWith('http') ? { npm_config_registry: registry } : {};
  } catch {
    return {}; // pnpm then uses its default, and says so if that fails
  }
}

function readStamp() {
  try {
    return JSON.parse(readFileSync(stampFile, 'utf8'));
  } catch {
    return {};
  }
}

function writeStamp(stamp) {
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(`${stampFile}.tmp`, JSON.stringify(stamp));
  renameSync(`${stampFile}.tmp`, stampFile);
}

function remedy(log) {
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ECONNRESET|ERR_PNPM_META_FETCH_FAIL/.test(log)) {
    return 'the npm registry could not be reached: check the network, or set npm_config_registry to one that can.';
  }
  if (/ENOSPC/.test(log)) return 'the disk is full: free some space and run the same command again.';
  if (/EACCES|EPERM|EROFS/.test(log)) return 'a folder is not writable: check who owns this checkout and your home.';
  if (/OUTDATED_LOCKFILE/.test(log))
    return 'pnpm-lock.yaml does not match a package.json: run pnpm install and commit it.';
  return 'run the same command again; if it fails alike, open an issue with the output above.';
}
