/** Files that appear whole or not at all. */
import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { OptionError } from './errors.js';

/**
 * Writes a file under a temporary name beside `path`, flushes it to disk and renames it into place. On failure nothing
 * is left behind and an older file at `path` is untouched.
 *
 * @param chunks - the text or bytes, or several pieces of them, written in order
 * @throws {@link OptionError} if the folder does not exist or cannot be written to.
 */
export async function atomicWrite(
  path: string,
  chunks: string | Uint8Array | Iterable<string | Uint8Array>,
): Promise<void> {
  const temporary = `${path}.${randomUUID().slice(0, 8)}.tmp`;
  try {
    const file = await open(temporary, 'wx');
    try {
      for (const chunk of typeof chunks === 'string' || chunks instanceof Uint8Array ? [chunks] : chunks) {
        await file.appendFile(chunk);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    const code = (cause as NodeJS.ErrnoException).code;
    if (code !== undefined && ['ENOENT', 'EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EISDIR'].includes(code)) {
      throw new OptionError(
        'write',
        'path',
        path,
        `in a folder that can be written to (${code})`,
        'choose another path',
      );
    }
    throw cause;
  }
}
