/** How fast a folder's drive is, through the same path that training uses. */
import { rmSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { AbortedError } from '../errors.js';
import { Rng } from '../rng.js';
import { alignedBytes, DIRECT_ALIGNMENT } from './alignedBytes.js';
import type { IoRequest } from './IoRequest.js';
import type { StorageDevice, StorageFile } from './StorageDevice.js';

/** Options of {@link calibrateStorage}. */
export interface CalibrationOptions {
  /** Size of the test file. @defaultValue `256 MiB` */
  readonly bytes?: number;
  /** Random 4 KiB reads, one at a time. @defaultValue `1000` */
  readonly randomReads?: number;
  readonly signal?: AbortSignal;
}

/** Measured speeds of a drive. */
export interface StorageCalibration {
  readonly mode: 'direct' | 'buffered';
  readonly readBytesPerSecond: number;
  readonly writeBytesPerSecond: number;
  /** Mean time of one 4 KiB read at a random place, one after the other. */
  readonly randomReadSeconds: number;
}

const FILE = 'strata-calibration.tmp';
/** Requests kept under way, each of several pieces. */
const WINDOW = 4;
const REQUEST = 8 * 2 ** 20;

/**
 * Writes a file in sequence, flushes it, reads it back and reads random places of it; removes it again. In mode
 * `buffered` reads may come from the page cache, and say nothing about the drive.
 *
 * @throws {@link StorageError}; {@link AbortedError}.
 */
export async function calibrateStorage(
  device: StorageDevice,
  options: CalibrationOptions = {},
): Promise<StorageCalibration> {
  const { bytes = 256 * 2 ** 20, randomReads = 1000, signal } = options;
  const requests = Math.max(WINDOW, Math.floor(bytes / REQUEST));
  const buffers = Array.from({ length: WINDOW }, (_, i) => alignedBytes(REQUEST).fill(i + 1));
  const file = device.create(FILE);
  try {
    const write = await stream(requests, signal, (i) =>
      device.write(file, i * REQUEST, buffers[i % WINDOW]!, 'calibrate'),
    );
    const flushStart = performance.now();
    await device.sync(file).done();
    const flushed = (performance.now() - flushStart) / 1000;
    const read = await stream(requests, signal, (i) =>
      device.read(file, i * REQUEST, buffers[i % WINDOW]!, 'calibrate'),
    );
    const total = requests * REQUEST;
    return {
      mode: device.mode,
      writeBytesPerSecond: total / (write + flushed),
      readBytesPerSecond: total / read,
      randomReadSeconds: readRandom(device, file, total, randomReads),
    };
  } finally {
    device.closeFile(file);
    rmSync(file.path, { force: true });
  }
}

/** Keeps a window of requests under way; seconds until all are done. */
async function stream(
  requests: number,
  signal: AbortSignal | undefined,
  start: (i: number) => IoRequest,
): Promise<number> {
  const running: IoRequest[] = [];
  const begin = performance.now();
  for (let i = 0; i < requests; i++) {
    if (i >= WINDOW) await running[i - WINDOW]!.done();
    if (signal?.aborted) {
      for (const request of running) await request.done();
      throw new AbortedError('calibrateStorage: stopped before it was done');
    }
    running.push(start(i));
  }
  for (const request of running) await request.done();
  return (performance.now() - begin) / 1000;
}

function readRandom(device: StorageDevice, file: StorageFile, total: number, reads: number): number {
  const rng = new Rng(1).split('calibrate');
  const page = alignedBytes(DIRECT_ALIGNMENT);
  const pages = Math.floor(total / DIRECT_ALIGNMENT);
  const begin = performance.now();
  for (let i = 0; i < reads; i++) device.read(file, rng.intAt(pages, i) * DIRECT_ALIGNMENT, page, 'calibrate').wait();
  return (performance.now() - begin) / 1000 / reads;
}
