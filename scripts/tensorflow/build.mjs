/**
 * `pnpm tensorflow:build`: compiles the addon of `@tensorflow/tfjs-node` without that package's own installer, whose
 * download many networks block. Everything comes from npm and PyPI, through `npm` and `pip` as they are configured:
 * the addon's sources (npm), Node-API's headers (npm), TensorFlow's C library and headers (PyPI's CPU wheel).
 *
 * Needs Linux on x64, g++ and python3 with pip. Builds into `STRATA_TFJS_NODE`, or a folder in the user's cache; does
 * nothing if that holds the same build already. `STRATA_TENSORFLOW_WHEEL` names a wheel to use instead of a download.
 */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { requireNode } from '../lib/node.mjs';
import { buildFolder, packageIn, stampOf, versions } from './place.mjs';

requireNode();
const { PhaseError, phase } = await import('../lib/phase.mjs');

/** The version of Node-API that tfjs-node is written for. */
const NAPI = 8;
const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];

/** What is wrong, for a person; no stack. */
class BuildError extends Error {}

const folder = buildFolder();
let scratch;
try {
  await main();
} catch (error) {
  if (error instanceof PhaseError) process.stderr.write(`\n${error.log.trimEnd()}\n\n`);
  else if (!(error instanceof BuildError)) throw error;
  process.stderr.write(`strata: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  if (scratch) rmSync(scratch, { recursive: true, force: true });
}

async function main() {
  checkMachine();
  if (readStamp() === wanted() && loads(packageIn(folder)) === undefined) {
    done('up to date');
    return;
  }
  mkdirSync(folder, { recursive: true });
  scratch = mkdtempSync(join(folder, '.build-'));
  const target = packageIn(folder);
  rmSync(stampOf(folder), { force: true });

  const headers = await fromNpm('node-api-headers', versions.nodeApiHeaders);
  if (!existsSync(join(target, 'binding'))) {
    const sources = await fromNpm('@tensorflow/tfjs-node', versions.tfjsNode);
    // Its backend writes summaries through it; of tfjs it gets the copy of the program that loads it.
    const protobuf = await fromNpm('google-protobuf', versions.protobuf);
    replaceFolder(sources, target);
    replaceFolder(protobuf, join(folder, 'node_modules', 'google-protobuf'));
  }
  checkVersion(target);
  const tensorflow = await unpackTensorflow();
  placeLibraries(tensorflow, target);
  await compile(target, join(headers, 'include'), join(tensorflow, 'include'));
  const problem = loads(target);
  if (problem !== undefined) throw new BuildError(`the addon was compiled but does not load: ${problem}`);
  writeFileSync(stampOf(folder), wanted());
  done('built');
}

function checkMachine() {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new BuildError(
      `this builds on linux-x64 only, not on ${process.platform}-${process.arch}; npm install @tensorflow/tfjs-node`,
    );
  }
  const has = (program, ...args) => {
    try {
      execFileSync(program, args, { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  };
  if (!has('g++', '--version')) throw new BuildError('g++ is not installed; apt-get install g++');
  if (!has('python3', '--version')) throw new BuildError('python3 is not installed; apt-get install python3');
  if (!process.env.STRATA_TENSORFLOW_WHEEL && !has('python3', '-m', 'pip', '--version')) {
    throw new BuildError(
      'python3 has no pip; apt-get install python3-pip, or name a wheel of tensorflow-cpu in STRATA_TENSORFLOW_WHEEL',
    );
  }
}

/** Fetches a package from the registry that npm is set to; returns the folder it was unpacked into. */
async function fromNpm(name, version) {
  const into = join(scratch, name.replaceAll('/', '-'));
  mkdirSync(into);
  const env = { ...process.env, npm_config_ignore_scripts: 'true' };
  await phase(`fetching ${name} ${version}`, ['npm', 'pack', '--silent', `${name}@${version}`], { cwd: into, env });
  const [archive] = readdirSync(into);
  execFileSync('tar', ['xzf', archive], { cwd: into });
  return join(into, 'package');
}

function replaceFolder(from, to) {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true });
}

function checkVersion(target) {
  const { version } = JSON.parse(readFileSync(join(target, 'package.json'), 'utf8'));
  if (version === versions.tfjsNode) return;
  throw new BuildError(
    `${target} holds @tensorflow/tfjs-node ${version}, ${versions.tfjsNode} is needed; remove it, or install that one`,
  );
}

/** Takes the libraries and the headers of the C API out of the wheel; returns the folder that holds both. */
async function unpackTensorflow() {
  const options = { cwd: scratch, env: process.env };
  let wheel = process.env.STRATA_TENSORFLOW_WHEEL;
  if (!wheel) {
    const downloads = join(scratch, 'wheel');
    // The library inside is the same for every version of Python, so any will do.
    const any = ['--only-binary=:all:', '--platform', 'manylinux2014_x86_64', '--python-version', '3.11'];
    await phase(
      `fetching TensorFlow ${versions.tensorflow} (207 MB)`,
      ['python3', '-m', 'pip', 'download', '--no-deps', '--disable-pip-version-check', '--progress-bar', 'off']
        .concat(any)
        .concat('--dest', downloads, `tensorflow-cpu==${versions.tensorflow}`),
      options,
    );
    wheel = join(downloads, readdirSync(downloads)[0]);
  } else if (!wheel.includes(`-${versions.tensorflow}-`)) {
    throw new BuildError(`STRATA_TENSORFLOW_WHEEL must be TensorFlow ${versions.tensorflow}, got ${wheel}`);
  }
  const unpack = [
    'import sys, zipfile',
    'archive = zipfile.ZipFile(sys.argv[1])',
    `wanted = ('libtensorflow_cc.so.2', 'libtensorflow_framework.so.2', 'include/tensorflow/c/', 'include/tsl/c/')`,
    `names = [n for n in archive.namelist() if n.startswith(tuple('tensorflow/' + w for w in wanted)) or 'ctstring' in n]`,
    'archive.extractall(sys.argv[2], names)',
  ].join('\n');
  await phase('unpacking the library', ['python3', '-c', unpack, wheel, scratch], options);
  const unpacked = join(scratch, 'tensorflow');
  for (const name of [...LIBRARIES, 'include/tensorflow/c/c_api.h', 'include/tensorflow/c/eager/c_api.h']) {
    if (!existsSync(join(unpacked, name))) throw new BuildError(`${wheel} holds no ${name}; is it a CPU wheel?`);
  }
  return unpacked;
}

function placeLibraries(tensorflow, target) {
  const lib = join(target, 'deps', 'lib');
  mkdirSync(lib, { recursive: true });
  for (const name of LIBRARIES) renameSync(join(tensorflow, name), join(lib, name));
  // The licences of what lies here now.
  const licence = join(tensorflow, 'include', 'LICENSE');
  if (existsSync(licence)) copyFileSync(licence, join(lib, 'LICENSE'));
}

async function compile(target, nodeApi, tensorflow) {
  const place = join(target, 'lib', `napi-v${NAPI}`);
  const lib = join(target, 'deps', 'lib');
  mkdirSync(place, { recursive: true });
  const addon = join(place, 'tfjs_binding.node');
  await phase(
    'compiling the addon',
    ['g++', '-shared', '-fPIC', '-O2', '-std=c++17', '-w', `-DNAPI_VERSION=${NAPI}`, '-DNDEBUG']
      .concat(`-I${target}`, `-I${nodeApi}`, `-I${tensorflow}`)
      .concat(join(target, 'binding', 'tfjs_backend.cc'), join(target, 'binding', 'tfjs_binding.cc'))
      .concat(LIBRARIES.map((name) => join(lib, name)))
      .concat('-Wl,-rpath,$ORIGIN/../../deps/lib', '-o', `${addon}.new`),
    { cwd: scratch, env: process.env },
  );
  renameSync(`${addon}.new`, addon);
}

/** Loads the addon in a process of its own; undefined if it works and is of the right version, else what is wrong. */
function loads(target) {
  const addon = join(target, 'lib', `napi-v${NAPI}`, 'tfjs_binding.node');
  try {
    const program = 'process.stdout.write(require(process.argv[1]).TF_Version)';
    const version = execFileSync(process.execPath, ['-e', program, addon], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' },
    });
    return version === versions.tensorflow ? undefined : `TensorFlow is ${version}, expected ${versions.tensorflow}`;
  } catch (error) {
    return String(error.stderr || error.message).trim();
  }
}

function wanted() {
  return JSON.stringify({ ...versions, napi: NAPI });
}

function readStamp() {
  const file = stampOf(folder);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

function done(what) {
  process.stderr.write(`strata: the tensorflow engine is ${what}; programs find it with\n`);
  process.stdout.write(`export STRATA_TFJS_NODE=${folder}\n`);
}
