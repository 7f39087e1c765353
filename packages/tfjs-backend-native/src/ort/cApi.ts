/**
 * The part of ONNX Runtime's C API that runs small models, called through koffi.
 *
 * The C API is stable: functions are only ever appended to its table, and a library answers for every older version of
 * it. Why not the package's own Node binding: `docs/decisions/0001-native-engine-binding.md`.
 */
import { hugePageAdvice } from '../arena/hugePages.js';

/** The oldest API version that has everything used here; onnxruntime 1.17 introduced it. */
const API_VERSION = 17;

/** Places in the function table `OrtApi`, from `onnxruntime_c_api.h`. */
const TABLE = {
  GetErrorMessage: 2,
  CreateEnv: 3,
  CreateSessionFromArray: 8,
  Run: 9,
  CreateSessionOptions: 10,
  DisableMemPattern: 17,
  DisableCpuMemArena: 19,
  SetSessionGraphOptimizationLevel: 23,
  SetIntraOpNumThreads: 24,
  SetInterOpNumThreads: 25,
  CreateTensorWithDataAsOrtValue: 49,
  CreateCpuMemoryInfo: 69,
  ReleaseEnv: 92,
  ReleaseStatus: 93,
  ReleaseSession: 95,
  ReleaseValue: 96,
  ReleaseSessionOptions: 100,
  CreateEnvWithGlobalThreadPools: 119,
  DisablePerSessionThreads: 120,
  CreateThreadingOptions: 121,
  ReleaseThreadingOptions: 122,
  AddSessionConfigEntry: 130,
  SetGlobalIntraOpNumThreads: 147,
  SetGlobalInterOpNumThreads: 148,
  SetGlobalSpinControl: 149,
} as const;

/** A function of the library. */
type NativeFunction = (...parameters: unknown[]) => unknown;

/** A pointer, as a number that koffi passes on. */
export type Pointer = bigint;

/** Numbers of ONNX Runtime's element types. */
export const ORT_TYPE = { float32: 1, int32: 6, int64: 7, bool: 9 } as const;

/** ONNX Runtime, ready for use. */
export interface CApi {
  /** Version of onnxruntime-node. */
  readonly version: string;
  /** First byte of a buffer; it stays where it is as long as the buffer lives. */
  addressOf(buffer: ArrayBuffer): number;
  /** Asks for huge pages under a buffer; see `arena/hugePages.ts`. */
  adviseHugePages(buffer: ArrayBuffer): void;
  /** Asks for one pool of threads for all sessions that follow; none must exist. Without it each session has its own. */
  shareThreads(threads: number): void;
  /** Loads a model from its bytes. */
  createSession(model: Uint8Array, threads: number): Pointer;
  releaseSession(session: Pointer): void;
  /** Writes an OrtValue over `bytes` bytes at `data` to `out[0]`; `shape` holds `rank` 64-bit numbers. */
  createTensor(data: number, bytes: number, shape: Int32Array, rank: number, type: number, out: BigUint64Array): void;
  releaseTensor(value: Pointer): void;
  /** Runs a session; names are C strings, all arrays hold pointers. */
  run(
    session: Pointer,
    inputNames: BigUint64Array,
    inputs: BigUint64Array,
    outputNames: BigUint64Array,
    outputs: BigUint64Array,
  ): void;
}

/** koffi unloads a library whose handle is garbage collected, functions in use or not. */
const loaded: unknown[] = [];

/**
 * Opens the library.
 *
 * @throws Error if it does not load or does not know this version of its API.
 */
export function openCApi(koffi: typeof import('koffi'), file: string, version: string): CApi {
  const library = koffi.load(file);
  loaded.push(library);
  const base = library.func('OrtGetApiBase', 'void *', [])() as Pointer;
  const [getApiPointer] = koffi.decode(base, koffi.array('void *', 2)) as [Pointer, Pointer];
  const getApi = koffi.decode(getApiPointer, koffi.proto('void *', ['uint32_t'])) as unknown as NativeFunction;
  const table = getApi(API_VERSION) as Pointer | null;
  if (!table) throw new Error(`it does not offer version ${API_VERSION} of its C API`);
  const pointers = koffi.decode(table, koffi.array('void *', TABLE.SetGlobalSpinControl + 1)) as Pointer[];
  const bind = (name: keyof typeof TABLE, result: string, parameters: readonly string[]): NativeFunction =>
    koffi.decode(pointers[TABLE[name]]!, koffi.proto(result, [...parameters])) as unknown as NativeFunction;

  const getErrorMessage = bind('GetErrorMessage', 'str', ['uint64_t']);
  const releaseStatus = bind('ReleaseStatus', 'void', ['uint64_t']);
  const check = (status: unknown): void => {
    // koffi gives small results as numbers; a null pointer is success.
    if (!status) return;
    const message = String(getErrorMessage(status));
    releaseStatus(status);
    throw new Error(`ONNX Runtime: ${message}`);
  };
  const createEnv = bind('CreateEnv', 'uint64_t', ['int', 'str', 'uint64_t *']);
  const releaseEnv = bind('ReleaseEnv', 'void', ['uint64_t']);
  const createSharedEnv = bind('CreateEnvWithGlobalThreadPools', 'uint64_t', ['int', 'str', 'uint64_t', 'uint64_t *']);
  const createThreading = bind('CreateThreadingOptions', 'uint64_t', ['uint64_t *']);
  const releaseThreading = bind('ReleaseThreadingOptions', 'void', ['uint64_t']);
  const setSharedIntraThreads = bind('SetGlobalIntraOpNumThreads', 'uint64_t', ['uint64_t', 'int']);
  const setSharedInterThreads = bind('SetGlobalInterOpNumThreads', 'uint64_t', ['uint64_t', 'int']);
  const setSharedSpin = bind('SetGlobalSpinControl', 'uint64_t', ['uint64_t', 'int']);
  const useSharedThreads = bind('DisablePerSessionThreads', 'uint64_t', ['uint64_t']);
  const createOptions = bind('CreateSessionOptions', 'uint64_t', ['uint64_t *']);
  const releaseOptions = bind('ReleaseSessionOptions', 'void', ['uint64_t']);
  const disableMemPattern = bind('DisableMemPattern', 'uint64_t', ['uint64_t']);
  const disableCpuMemArena = bind('DisableCpuMemArena', 'uint64_t', ['uint64_t']);
  const setOptimizationLevel = bind('SetSessionGraphOptimizationLevel', 'uint64_t', ['uint64_t', 'int']);
  const setIntraThreads = bind('SetIntraOpNumThreads', 'uint64_t', ['uint64_t', 'int']);
  const setInterThreads = bind('SetInterOpNumThreads', 'uint64_t', ['uint64_t', 'int']);
  const addConfigEntry = bind('AddSessionConfigEntry', 'uint64_t', ['uint64_t', 'str', 'str']);
  const createCpuMemoryInfo = bind('CreateCpuMemoryInfo', 'uint64_t', ['int', 'int', 'uint64_t *']);
  const createFromArray = bind('CreateSessionFromArray', 'uint64_t', [
    'uint64_t',
    'void *',
    'size_t',
    'uint64_t',
    'uint64_t *',
  ]);
  const releaseSession = bind('ReleaseSession', 'void', ['uint64_t']);
  const createTensor = bind('CreateTensorWithDataAsOrtValue', 'uint64_t', [
    'uint64_t',
    'uint64_t',
    'size_t',
    'void *',
    'size_t',
    'int',
    'void *',
  ]);
  const releaseValue = bind('ReleaseValue', 'void', ['uint64_t']);
  const run = bind('Run', 'uint64_t', [
    'uint64_t',
    'uint64_t',
    'void *',
    'void *',
    'size_t',
    'void *',
    'size_t',
    'void *',
  ]);

  const out = new BigUint64Array(1);
  // One environment per process, counted inside; 3 = report errors only.
  check(createEnv(3, 'strata', out));
  let environment = out[0]!;
  let sharedThreads = 1;
  check(createCpuMemoryInfo(0, 0, out));
  const memoryInfo = out[0]!;

  const newSession = (model: Uint8Array, setThreads: (options: Pointer) => void): Pointer => {
    check(createOptions(out));
    const options = out[0]!;
    try {
      // Models are single operators: nothing to fuse, no pattern to learn, and buffers that ONNX Runtime would hoard
      // between calls are device memory that nobody counts.
      check(setOptimizationLevel(options, 0));
      check(disableMemPattern(options));
      check(disableCpuMemArena(options));
      setThreads(options);
      check(createFromArray(environment, model, model.length, options, out));
      return out[0]!;
    } finally {
      releaseOptions(options);
    }
  };

  return {
    version,
    addressOf: (buffer) => Number(koffi.address(new Uint8Array(buffer))),
    adviseHugePages: hugePageAdvice(koffi),
    shareThreads(threads) {
      if (threads === sharedThreads) return;
      check(createThreading(out));
      const options = out[0]!;
      try {
        check(setSharedIntraThreads(options, threads));
        check(setSharedInterThreads(options, 1));
        // Threads that stay awake between calls gain a few per cent on an idle machine and lose half on a busy one.
        check(setSharedSpin(options, 0));
        releaseEnv(environment);
        check(createSharedEnv(3, 'strata', options, out));
        environment = out[0]!;
        sharedThreads = threads;
      } finally {
        releaseThreading(options);
      }
    },
    createSession(model, threads) {
      if (threads > 1 && threads === sharedThreads) {
        try {
          return newSession(model, (options) => check(useSharedThreads(options)));
        } catch {
          // Another thread of this process made the environment, without a pool.
          sharedThreads = 1;
        }
      }
      return newSession(model, (options) => {
        check(setIntraThreads(options, threads));
        check(setInterThreads(options, 1));
        // Each session has threads of its own: awake between calls they would take the cores from one another.
        if (threads > 1) check(addConfigEntry(options, 'session.intra_op.allow_spinning', '0'));
      });
    },
    releaseSession: (session) => {
      releaseSession(session);
    },
    createTensor(data, bytes, shape, rank, type, value) {
      check(createTensor(memoryInfo, data, bytes, shape, rank, type, value));
    },
    releaseTensor: (value) => {
      releaseValue(value);
    },
    run(session, inputNames, inputs, outputNames, outputs) {
      check(run(session, 0, inputNames, inputs, inputs.length, outputNames, outputs.length, outputs));
    },
  };
}
