/** What the block memory did. */

/** Counts since it was made; exact. Bytes are those of whole blocks, padding to 4096 included. */
export interface ResidencyCounters {
  /** Accesses whose content was in memory. */
  hits: number;
  /** Accesses whose content came from the drive. */
  misses: number;
  evictions: number;
  bytesRead: number;
  bytesWritten: number;
  /** Of the bytes read: gradient sums that had been put aside. */
  spillRead: number;
  /** Of the bytes written: gradient sums put aside before they were complete. */
  spillWritten: number;
}

/** All zeros. */
export function createCounters(): ResidencyCounters {
  return { hits: 0, misses: 0, evictions: 0, bytesRead: 0, bytesWritten: 0, spillRead: 0, spillWritten: 0 };
}

/** What happened between two states of the counters. */
export function counterDifference(after: ResidencyCounters, before: ResidencyCounters): ResidencyCounters {
  const difference = createCounters();
  for (const key of Object.keys(difference) as (keyof ResidencyCounters)[]) difference[key] = after[key] - before[key];
  return difference;
}
