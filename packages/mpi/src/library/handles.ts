/**
 * The two ways MPI libraries name their objects. Open MPI: pointers, the constants are addresses of exported symbols.
 * MPICH and its family (Intel MPI, MVAPICH, Cray): 32-bit integers fixed by their common binary interface (mpi.h).
 */
import { type CommArray, OptionError, type ReduceOp } from '@strata-ml/core';
import type { MpiFamily } from '../environment.js';

/** A communicator, data type, operation or request: a pointer (Open MPI) or an integer (MPICH). */
export type Handle = bigint | number;

/** Memory that holds one handle, for calls that write one. */
export type HandleCell = BigInt64Array | Int32Array;

/** Element types MPI carries for us. */
export type ElementType = 'float32' | 'float64' | 'int32' | 'uint32' | 'uint16' | 'uint8' | 'int64';

/** Everything that differs between the two families. */
export interface HandleTable {
  readonly family: MpiFamily;
  /** How a handle is passed to a C function. */
  readonly handleType: 'void*' | 'int';
  readonly commWorld: Handle;
  readonly commNull: Handle;
  readonly errorsReturn: Handle;
  readonly infoNull: Handle;
  /** Splits a communicator by host. */
  readonly commTypeShared: number;
  readonly types: Readonly<Record<ElementType, Handle>>;
  readonly ops: Readonly<Record<ReduceOp, Handle>>;
  readonly inPlace: bigint;
  readonly anySource: number;
  readonly anyTag: number;
  /** Key of the attribute that holds the largest tag. */
  readonly tagUpperBound: number;
  /** int32 positions of the public fields of MPI_Status. */
  readonly statusSource: number;
  readonly statusTag: number;
}

/** Table of Open MPI; `symbol` looks up an exported address and throws when it is not there. */
export function openMpiHandles(symbol: (name: string) => bigint): HandleTable {
  return {
    family: 'openmpi',
    handleType: 'void*',
    commWorld: symbol('ompi_mpi_comm_world'),
    commNull: symbol('ompi_mpi_comm_null'),
    errorsReturn: symbol('ompi_mpi_errors_return'),
    infoNull: symbol('ompi_mpi_info_null'),
    commTypeShared: 0,
    types: {
      float32: symbol('ompi_mpi_float'),
      float64: symbol('ompi_mpi_double'),
      int32: symbol('ompi_mpi_int32_t'),
      uint32: symbol('ompi_mpi_uint32_t'),
      uint16: symbol('ompi_mpi_uint16_t'),
      uint8: symbol('ompi_mpi_uint8_t'),
      int64: symbol('ompi_mpi_int64_t'),
    },
    ops: {
      sum: symbol('ompi_mpi_op_sum'),
      max: symbol('ompi_mpi_op_max'),
      min: symbol('ompi_mpi_op_min'),
      prod: symbol('ompi_mpi_op_prod'),
    },
    inPlace: 1n,
    anySource: -1,
    anyTag: -1,
    tagUpperBound: 0,
    statusSource: 0,
    statusTag: 1,
  };
}

/** Table of MPICH and compatible libraries (the MPICH ABI, libmpi.so.12). */
export const mpichHandles: HandleTable = {
  family: 'mpich',
  handleType: 'int',
  commWorld: 0x44000000,
  commNull: 0x04000000,
  errorsReturn: 0x54000001,
  infoNull: 0x1c000000,
  commTypeShared: 1,
  types: {
    float32: 0x4c00040a,
    float64: 0x4c00080b,
    int32: 0x4c000439,
    uint32: 0x4c00043d,
    uint16: 0x4c00023c,
    uint8: 0x4c00013b,
    int64: 0x4c00083a,
  },
  ops: { sum: 0x58000003, max: 0x58000001, min: 0x58000002, prod: 0x58000004 },
  inPlace: -1n,
  anySource: -2,
  anyTag: -1,
  tagUpperBound: 0x64400001,
  statusSource: 2,
  statusTag: 3,
};

/** Memory for one handle of this table. */
export function handleCell(table: HandleTable): HandleCell {
  return table.handleType === 'int' ? new Int32Array(1) : new BigInt64Array(1);
}

/** Bytes of each element type, as the library must report them. */
export const ELEMENT_BYTES: Readonly<Record<ElementType, number>> = {
  float32: 4,
  float64: 8,
  int32: 4,
  uint32: 4,
  uint16: 2,
  uint8: 1,
  int64: 8,
};

/**
 * Element type of a typed array; Node's Buffer counts as uint8.
 *
 * @throws {@link OptionError} if MPI does not carry this kind of array for us.
 */
export function elementTypeOf(data: CommArray): ElementType {
  const type = ELEMENT_TYPES[(data as { [Symbol.toStringTag]?: string } | undefined)?.[Symbol.toStringTag] ?? ''];
  if (!type) {
    const got = Object.prototype.toString.call(data);
    throw new OptionError('mpi', 'data', got, 'a Float32, Float64, Int32, Uint32, Uint16 or Uint8 array');
  }
  return type;
}

const ELEMENT_TYPES: Readonly<Record<string, ElementType>> = {
  Float32Array: 'float32',
  Float64Array: 'float64',
  Int32Array: 'int32',
  Uint32Array: 'uint32',
  Uint16Array: 'uint16',
  Uint8Array: 'uint8',
};
