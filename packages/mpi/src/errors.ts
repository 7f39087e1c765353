/** What can go wrong below the communicator: no library, or a library call that fails. */
import { registerErrorClass, StrataError } from '@strata-ml/core';

/** An MPI call returned an error code. `details` holds the call, the code, its class and the library's own text. */
export class MpiError extends StrataError {
  declare readonly details: Readonly<{ call: string; mpiCode: number; mpiClass: number; text: string }>;
  /**
   * @param call - MPI function, e.g. `MPI_Allreduce`
   * @param mpiCode - what it returned
   * @param mpiClass - its error class (MPI_Error_class)
   * @param text - the library's words (MPI_Error_string)
   */
  constructor(call: string, mpiCode: number, mpiClass: number, text: string) {
    super('ERR_STRATA_MPI', `${call}: must return MPI_SUCCESS, got ${mpiCode} (${text})`, {
      call,
      mpiCode,
      mpiClass,
      text,
    });
  }
}

/** No MPI library can be used here: none was found, it does not load, or it is not the one this job was started with. */
export class MpiUnavailableError extends StrataError {
  /** @param reason - why, and what to do about it */
  constructor(reason: string, details: Readonly<Record<string, unknown>> = {}, options?: ErrorOptions) {
    super('ERR_STRATA_MPI_UNAVAILABLE', `mpi: ${reason}`, details, options);
  }
}

registerErrorClass(MpiError);
registerErrorClass(MpiUnavailableError);
