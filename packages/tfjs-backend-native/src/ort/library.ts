/** Finds ONNX Runtime's shared library inside the npm package that carries it, and says plainly when it cannot. */
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type CApi, openCApi } from './cApi.js';
import { encodeModel } from './onnxModel.js';
import { OrtOperator } from './operator.js';

/** Why ONNX Runtime cannot be used, in words for the user. */
export interface OrtFailure {
  readonly reason: string;
  readonly version?: string;
}

const REINSTALL = '`ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node`';

/**
 * Loads and checks ONNX Runtime; never throws.
 *
 * @param require - where to look for the packages `onnxruntime-node` and `koffi`
 */
export function loadOrt(require = createRequire(import.meta.url)): CApi | OrtFailure {
  let version: string;
  let directory: string;
  try {
    const manifest = require.resolve('onnxruntime-node/package.json');
    version = String((require(manifest) as { version?: unknown }).version);
    directory = dirname(manifest);
  } catch {
    return {
      reason:
        'onnxruntime-node is not installed; when its install script cannot reach its download host, npm drops this ' +
        `optional package silently. Run ${REINSTALL} (the script fetches CUDA parts only, which are not needed)`,
    };
  }
  const platform = `${process.platform}/${process.arch}`;
  const file = findLibrary(directory);
  if (file === undefined) {
    return {
      version,
      reason:
        `onnxruntime-node ${version} ships no library for ${platform}; it has those for Linux with glibc, macOS on arm64 ` +
        `and Windows. If it should be there, remove node_modules/onnxruntime-node and run ${REINSTALL}`,
    };
  }
  let koffi: typeof import('koffi');
  try {
    koffi = require('koffi') as typeof import('koffi');
  } catch (cause) {
    return {
      version,
      reason: `koffi, which calls ONNX Runtime, does not load (${firstLine(cause)}); run \`npm install koffi\``,
    };
  }
  try {
    const api = openCApi(koffi, file, version);
    selfTest(api);
    return api;
  } catch (cause) {
    return {
      version,
      reason:
        `onnxruntime-node ${version} does not work on ${platform} (${firstLine(cause)}); it needs glibc on Linux. ` +
        `If its files are damaged, remove node_modules/onnxruntime-node and run ${REINSTALL}`,
    };
  }
}

/** `bin/napi-v6/<platform>/<arch>/libonnxruntime…`, whatever the number after napi. */
function findLibrary(packageDirectory: string): string | undefined {
  const isLibrary = /^(libonnxruntime\.so(\.\d+)?|libonnxruntime(\.\d+)?\.dylib|onnxruntime\.dll)$/;
  const list = (directory: string): string[] => {
    try {
      return readdirSync(directory);
    } catch {
      return [];
    }
  };
  const bin = join(packageDirectory, 'bin');
  for (const interfaceVersion of list(bin)) {
    const directory = join(bin, interfaceVersion, process.platform, process.arch);
    const name = list(directory).find((entry) => isLibrary.test(entry));
    if (name !== undefined) return join(directory, name);
  }
  return undefined;
}

/** A known product over our own memory: all that the engine relies on. */
function selfTest(api: CApi): void {
  const buffer = new ArrayBuffer(4096);
  const numbers = new Float32Array(buffer);
  numbers.set([1, 2, 3, 4], 0);
  numbers.set([5, -6, 7, 8], 16);
  const graph = {
    inputs: { a: 'float32', b: 'float32' },
    outputs: { y: 'float32' },
    nodes: [{ op: 'MatMul', inputs: ['a', 'b'], outputs: ['y'] }],
  } as const;
  const operator = new OrtOperator(api, encodeModel(graph), graph, api.addressOf(buffer), 1);
  operator.input(0, 0, [2, 2]).input(1, 64, [2, 2]).run(128, [2, 2]);
  operator.dispose();
  const product = numbers.subarray(32, 36).join(',');
  if (product !== '19,10,43,14') throw new Error(`a 2×2 product gave ${product} instead of 19,10,43,14`);
}

function firstLine(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).split('\n')[0] ?? '';
}
