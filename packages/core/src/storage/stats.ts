/** What crossed to and from a drive. */
import { LATENCY_CLASSES, PURPOSES, peakDepth, type QueueMemory } from './queue.js';

/** Bytes and transfers of one purpose. */
export interface StorageTraffic {
  readonly purpose: string;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Transfers after cutting into pieces. */
  readonly reads: number;
  readonly writes: number;
}

/** Counters of a storage device since it was opened; exact. */
export interface StorageStats {
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly byPurpose: readonly StorageTraffic[];
  /** Most transfers that were queued or running at once. */
  readonly peakDepth: number;
  /** Upper bound in seconds of the latency that so many of 100 reads stay under. NaN without reads. */
  readLatency(percent: number): number;
  /** The same for writes. */
  writeLatency(percent: number): number;
}

/** Reads the counters. */
export function storageStats(queue: QueueMemory, purposes: readonly string[]): StorageStats {
  const { counts, latencies } = queue;
  const at = (row: number, purpose: number) => Number(Atomics.load(counts, row * PURPOSES + purpose));
  const byPurpose = purposes.map((purpose, i) => ({
    purpose,
    bytesRead: at(0, i),
    bytesWritten: at(1, i),
    reads: at(2, i),
    writes: at(3, i),
  }));
  const histogram = latencies.slice();
  return {
    bytesRead: byPurpose.reduce((sum, row) => sum + row.bytesRead, 0),
    bytesWritten: byPurpose.reduce((sum, row) => sum + row.bytesWritten, 0),
    byPurpose,
    peakDepth: peakDepth(queue),
    readLatency: (percent) => quantile(histogram.subarray(0, LATENCY_CLASSES), percent),
    writeLatency: (percent) => quantile(histogram.subarray(LATENCY_CLASSES), percent),
  };
}

function quantile(classes: Int32Array, percent: number): number {
  const total = classes.reduce((a, b) => a + b, 0);
  if (total === 0) return Number.NaN;
  let seen = 0;
  const index = classes.findIndex((n) => {
    seen += n;
    return seen >= (percent / 100) * total;
  });
  return 2 ** (index + 1) / 1e6;
}
