/** The C functions of MPI, bound: arguments as the standard has them, error codes turned into {@link MpiError}. */
import type { LibraryHandle } from 'koffi';
import { MpiError, MpiUnavailableError } from '../errors.js';
import {
  ELEMENT_BYTES,
  type ElementType,
  type Handle,
  type HandleCell,
  type HandleTable,
  handleCell,
  mpichHandles,
  openMpiHandles,
} from './handles.js';
import { type LoadedLibrary, loadKoffi, loadMpiLibrary } from './load.js';

/** Argument kinds: p pointer, i int, a address-sized int, h handle (passed as the family passes them). */
const SIGNATURES = {
  MPI_Init_thread: 'ppip',
  MPI_Initialized: 'p',
  MPI_Finalized: 'p',
  MPI_Finalize: '',
  MPI_Abort: 'hi',
  MPI_Comm_rank: 'hp',
  MPI_Comm_size: 'hp',
  MPI_Comm_split: 'hiip',
  MPI_Comm_split_type: 'hiihp',
  MPI_Comm_dup: 'hp',
  MPI_Comm_set_errhandler: 'hh',
  MPI_Comm_get_attr: 'hipp',
  MPI_Type_size: 'hp',
  MPI_Error_string: 'ipp',
  MPI_Error_class: 'ip',
  MPI_Get_processor_name: 'pp',
  MPI_Get_count: 'php',
  MPI_Isend: 'pihiihp',
  MPI_Irecv: 'pihiihp',
  MPI_Recv: 'pihiihp',
  MPI_Iprobe: 'iihpp',
  MPI_Test: 'ppp',
  MPI_Ibarrier: 'hp',
  MPI_Ibcast: 'pihihp',
  MPI_Bcast: 'pihih',
  MPI_Ireduce: 'ppihhihp',
  MPI_Reduce: 'ppihhih',
  MPI_Iallreduce: 'ppihhhp',
  MPI_Allreduce: 'ppihhh',
  MPI_Ireduce_scatter: 'ppphhhp',
  MPI_Reduce_scatter: 'ppphhh',
  MPI_Iallgather: 'pihpihhp',
  MPI_Allgather: 'pihpihh',
  MPI_Iallgatherv: 'pihppphhp',
  MPI_Allgatherv: 'pihppphh',
  MPI_Ialltoallv: 'ppphppphhp',
  MPI_Alltoallv: 'ppphppphh',
  MPI_Win_allocate_shared: 'aihhpp',
  MPI_Win_shared_query: 'hippp',
} as const;

/** Name of a bound function. */
export type MpiFunction = keyof typeof SIGNATURES;
type KoffiFunction = ReturnType<LibraryHandle['func']>;
type Argument = Handle | ArrayBufferView | null;

/** Bytes for one MPI_Status of any library. */
const STATUS_BYTES = 64;

/** A bound MPI library. One per process; not initialised by construction. */
export class Mpi {
  readonly library: LoadedLibrary;
  readonly handles: HandleTable;
  readonly #functions: Readonly<Record<MpiFunction, KoffiFunction>>;
  readonly #koffi: typeof import('koffi');
  readonly #flag = new Int32Array(1);
  readonly #status = new Int32Array(STATUS_BYTES / 4);
  readonly #flagPointer: bigint;
  readonly #statusPointer: bigint;
  /** Where zero-length arrays point: some libraries refuse a null pointer even for zero elements. */
  readonly #nothing: bigint;
  readonly #nothingMemory = new Uint8Array(64);

  constructor(library: LoadedLibrary = loadMpiLibrary()) {
    this.library = library;
    this.#koffi = loadKoffi();
    this.handles =
      library.family === 'openmpi' ? openMpiHandles((name) => library.handle.symbol(name) as bigint) : mpichHandles;
    this.#functions = bind(library, this.handles);
    this.#flagPointer = this.#koffi.address(this.#flag);
    this.#statusPointer = this.#koffi.address(this.#status);
    this.#nothing = this.#koffi.address(this.#nothingMemory);
  }

  /** Calls `name`; throws {@link MpiError} unless it returns MPI_SUCCESS. Blocks as long as the C function does. */
  call(name: MpiFunction, ...args: readonly Argument[]): void {
    const code = this.#functions[name](...args) as number;
    if (code !== 0) throw this.errorOf(name, code);
  }

  /** Error for a code that `name` returned, with the library's text. */
  errorOf(name: MpiFunction, code: number): MpiError {
    const text = new Uint8Array(4096);
    const length = new Int32Array(1);
    const errorClass = new Int32Array(1);
    this.#functions.MPI_Error_string(code, text, length);
    this.#functions.MPI_Error_class(code, errorClass);
    return new MpiError(name, code, errorClass[0]!, Buffer.from(text.buffer, 0, length[0]).toString('latin1'));
  }

  /** Address of the first element. Stable as long as the array lives: keep it referenced during non-blocking calls. */
  pointer(data: ArrayBufferView): bigint {
    return data.byteLength === 0 ? this.#nothing : this.#koffi.address(data);
  }

  /** Memory at an address that the library gave. */
  view(address: bigint, bytes: number): ArrayBuffer {
    return this.#koffi.view(address, bytes);
  }

  /** Memory for one handle that a call writes, e.g. a request. */
  cell(): HandleCell {
    return handleCell(this.handles);
  }

  /** Reads an int that a query such as MPI_Comm_rank writes. */
  queryInt(name: 'MPI_Comm_rank' | 'MPI_Comm_size' | 'MPI_Type_size', handle: Handle): number {
    this.call(name, handle, this.#flagPointer);
    return this.#flag[0]!;
  }

  /** Largest tag that messages can carry. */
  tagUpperBound(): number {
    const address = new BigUint64Array(1);
    const { commWorld, tagUpperBound } = this.handles;
    this.call('MPI_Comm_get_attr', commWorld, tagUpperBound, address, this.#flagPointer);
    // The standard guarantees 32767.
    return this.#flag[0] === 0 ? 32767 : (this.#koffi.decode(address[0]!, 'int') as number);
  }

  /** Reads a flag: MPI_Initialized or MPI_Finalized. */
  queryFlag(name: 'MPI_Initialized' | 'MPI_Finalized'): boolean {
    this.call(name, this.#flagPointer);
    return this.#flag[0] !== 0;
  }

  /** Tests one request and lets the library make progress; true once complete. {@link Mpi.count} then is valid. */
  test(request: HandleCell): boolean {
    this.call('MPI_Test', request, this.#flagPointer, this.#statusPointer);
    return this.#flag[0] !== 0;
  }

  /** Elements of `type` that the last successful {@link Mpi.test} of a receive got. */
  count(type: ElementType): number {
    this.call('MPI_Get_count', this.#statusPointer, this.handles.types[type], this.#flagPointer);
    return this.#flag[0]!;
  }

  /** Looks for a message on `comm` from anyone, with any tag; undefined when none has arrived. Bytes, sent as uint8. */
  probe(comm: Handle): { source: number; tag: number; bytes: number } | undefined {
    const { anySource, anyTag, statusSource, statusTag } = this.handles;
    this.call('MPI_Iprobe', anySource, anyTag, comm, this.#flagPointer, this.#statusPointer);
    if (this.#flag[0] === 0) return undefined;
    const source = this.#status[statusSource]!;
    const tag = this.#status[statusTag]!;
    return { source, tag, bytes: this.count('uint8') };
  }

  /** Receives a message that {@link Mpi.probe} has seen. */
  receiveProbed(comm: Handle, source: number, tag: number, bytes: number): Uint8Array {
    const into = new Uint8Array(bytes);
    const type = this.handles.types.uint8;
    this.call('MPI_Recv', this.pointer(into), bytes, type, source, tag, comm, this.#statusPointer);
    return into;
  }

  /** Checks, after initialisation, that the handle table fits this library. */
  verifyTypes(): void {
    for (const [name, handle] of Object.entries(this.handles.types)) {
      const bytes = this.queryInt('MPI_Type_size', handle);
      const expected = ELEMENT_BYTES[name as ElementType];
      if (bytes !== expected) {
        throw new MpiUnavailableError(
          `type ${name} must have ${expected} bytes, got ${bytes}; ${this.library.path} (${this.library.version}) has ` +
            'another binary interface than its family: set STRATA_MPI_LIB to Open MPI or MPICH',
        );
      }
    }
  }

  /** MPI data type of an array. */
  typeOf(type: ElementType): Handle {
    return this.handles.types[type];
  }
}

function bind(library: LoadedLibrary, handles: HandleTable): Record<MpiFunction, KoffiFunction> {
  const kinds: Record<string, string> = { p: 'void*', i: 'int', a: 'intptr_t', h: handles.handleType };
  const bound = {} as Record<MpiFunction, KoffiFunction>;
  for (const [name, signature] of Object.entries(SIGNATURES)) {
    try {
      bound[name as MpiFunction] = library.handle.func(
        name,
        'int',
        [...signature].map((kind) => kinds[kind]!),
      );
    } catch (cause) {
      throw new MpiUnavailableError(`${library.path} lacks ${name}; MPI 3.0 or newer is needed`, {}, { cause });
    }
  }
  return bound;
}
