/** Opening files past the page cache where the file system allows it. */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { OptionError } from '../errors.js';
import { alignedBytes, DIRECT_ALIGNMENT } from './alignedBytes.js';
import { StorageError } from './StorageError.js';

/** `direct`: past the page cache. `buffered`: through it, so a re-read may never reach the drive. */
export type StorageMode = 'direct' | 'buffered';

/** An open file. */
export interface OpenedFile {
  readonly fd: number;
  readonly mode: StorageMode;
  /** Why the file is buffered though direct was preferred. */
  readonly reason?: string;
}

/**
 * Opens a file; `auto` takes direct I/O if a first read of the file works that way.
 *
 * @param flags - of `node:fs`, for example `constants.O_RDWR`
 * @throws {@link StorageError} if it cannot be opened; {@link OptionError} if `direct` is demanded and not to be had.
 */
export function openStorageFile(path: string, flags: number, mode: StorageMode | 'auto'): OpenedFile {
  if (mode === 'buffered') return { fd: openPlain(path, flags), mode };
  const reason = constants.O_DIRECT === undefined ? `${process.platform} has no O_DIRECT` : undefined;
  if (reason === undefined) {
    try {
      const fd = openSync(path, flags | constants.O_DIRECT, 0o644);
      try {
        // Some file systems take the flag and refuse the transfer.
        if ((flags & constants.O_WRONLY) === 0) readSync(fd, alignedBytes(DIRECT_ALIGNMENT), 0, DIRECT_ALIGNMENT, 0);
        return { fd, mode: 'direct' };
      } catch (error) {
        closeSync(fd);
        throw error;
      }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EINVAL' && code !== 'EOPNOTSUPP') throw openError(path, error);
    }
  }
  const why = reason ?? 'the file system refuses O_DIRECT';
  if (mode === 'direct') {
    throw new OptionError('storage', 'mode', mode, `buffered here (${why})`, 'choose a folder on a local drive');
  }
  return { fd: openPlain(path, flags), mode: 'buffered', reason: why };
}

function openPlain(path: string, flags: number): number {
  try {
    return openSync(path, flags, 0o644);
  } catch (error) {
    throw openError(path, error);
  }
}

function openError(path: string, error: unknown): StorageError {
  const { code = 'unknown', message } = error as NodeJS.ErrnoException;
  return new StorageError('open', { path, offset: 0, reason: code }, message, { cause: error });
}
