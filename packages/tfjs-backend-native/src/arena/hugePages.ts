/** Asks the system for large pages under a device's memory: fewer page faults, fewer misses of address translation. */

/** The part of koffi that is used here. */
type Koffi = typeof import('koffi');

const MADV_HUGEPAGE = 14;

/**
 * Gives a function that asks for huge pages under a buffer, or does nothing where the system has no such advice.
 *
 * Linux serves processes that ask (numpy does) and leaves others with pages of 4 KiB. It is advice: without free huge
 * pages nothing changes.
 */
export function hugePageAdvice(koffi: Koffi): (buffer: ArrayBuffer) => void {
  if (process.platform !== 'linux') return () => {};
  try {
    const advise = koffi.load(null).func('int madvise(void *address, size_t bytes, int advice)');
    return (buffer) => {
      advise(new Uint8Array(buffer), buffer.byteLength, MADV_HUGEPAGE);
    };
  } catch {
    return () => {};
  }
}
