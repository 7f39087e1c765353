/** A drive or file system refused a read or write. */
import { registerErrorClass, StrataError } from '../errors.js';

/** What to do about the errors that people meet. */
const remedies: Readonly<Record<string, string>> = {
  ENOSPC: 'the drive is full; free some space or choose another folder',
  EDQUOT: 'the quota is used up; free some space or choose another folder',
  EFBIG: 'the file is larger than the file system or the process may write',
  EIO: 'the drive reports a hardware fault; do not trust this file',
  EROFS: 'the file system is read-only; choose another folder',
};

/** Facts about a {@link StorageError}. */
export interface StorageErrorDetails extends Readonly<Record<string, unknown>> {
  readonly path: string;
  /** Byte in the file where the operation began. */
  readonly offset: number;
  /** `ENOSPC`, `EIO`, …; `SHORT` for a file that ends too early, `CHECKSUM` for bytes that changed on the drive. */
  readonly reason: string;
}

/** A read or write failed; the message names file, offset and cause. Nothing of the failed transfer may be used. */
export class StorageError extends StrataError {
  declare readonly details: StorageErrorDetails;

  constructor(operation: string, details: StorageErrorDetails, what: string, options?: ErrorOptions) {
    const remedy = remedies[details.reason];
    super(
      'ERR_STRATA_STORAGE',
      `${operation}: ${details.path} at byte ${details.offset}: ${what}${remedy ? `; ${remedy}` : ''}`,
      details,
      options,
    );
  }
}

registerErrorClass(StorageError);
