/** The benchmarks, which live in the repository and are not published. */
import { OptionError } from '@strata-ml/core';

/** @throws {@link OptionError} outside the repository. */
export async function loadBench(): Promise<typeof import('@strata-ml/bench')> {
  try {
    return await import('@strata-ml/bench');
  } catch (cause) {
    const { code } = cause as { code?: string };
    if (code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new OptionError('strata bench', 'working copy', 'none', 'a clone of the repository', 'run it there');
  }
}
