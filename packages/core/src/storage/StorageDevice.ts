/**
 * A drive with its own I/O threads: transfers run while the caller computes, are counted by purpose, and can be slowed
 * down to the bandwidth and latency of another drive.
 */
import { closeSync, constants, ftruncateSync, mkdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { OptionError, ShapeError } from '../errors.js';
import { alignedBytes, DIRECT_ALIGNMENT } from './alignedBytes.js';
import { IoRequest } from './IoRequest.js';
import { type OpenedFile, openStorageFile, type StorageMode } from './openStorageFile.js';
import {
  close,
  createQueueMemory,
  FIELD,
  fieldAt,
  OPERATION,
  PURPOSES,
  type QueueMemory,
  SLOTS,
  STATE,
  submit,
} from './queue.js';
import { StorageError } from './StorageError.js';
import { type StorageStats, storageStats } from './stats.js';

/** Options of {@link StorageDevice.open}. */
export interface StorageDeviceOptions {
  /** `auto`: direct where the file system allows it. @defaultValue `'auto'` */
  readonly mode?: StorageMode | 'auto';
  /** I/O threads: transfers that run at once. @defaultValue `4` */
  readonly workers?: number;
  /** Transfers are cut into pieces of this size; a multiple of 4096. @defaultValue `1 MiB` */
  readonly chunkBytes?: number;
  /** Emulated drive: all transfers together get no more than this. In bytes/s. @defaultValue as fast as it is */
  readonly bandwidth?: number;
  /** Emulated drive: added to each piece, in seconds. @defaultValue `0` */
  readonly latency?: number;
}

/** A file on a {@link StorageDevice}. */
export interface StorageFile {
  readonly path: string;
  readonly fd: number;
}

/** One folder of one drive. One thread owns it; its requests run on its workers. */
export class StorageDevice {
  readonly folder: string;
  /** How files of this folder are read and written. */
  readonly mode: StorageMode;
  /** Why not `direct`, if it was preferred. */
  readonly reason: string | undefined;
  readonly chunkBytes: number;
  /** True if bandwidth or latency are held down to those of another drive. */
  readonly isEmulated: boolean;
  readonly #queue: QueueMemory;
  readonly #workers: readonly Worker[];
  readonly #ports: readonly MessagePort[];
  readonly #memories = new Map<ArrayBufferLike, number>();
  readonly #purposes = new Map<string, number>();
  readonly #free: number[] = Array.from({ length: SLOTS }, (_, i) => SLOTS - 1 - i);
  readonly #open = new Set<number>();

  /**
   * Starts the I/O threads of a folder; makes the folder if it is missing.
   *
   * @throws {@link OptionError} for an option out of range, or if `mode: 'direct'` is not to be had here;
   * {@link StorageError} if the folder cannot be written to.
   */
  static async open(folder: string, options: StorageDeviceOptions = {}): Promise<StorageDevice> {
    const { mode = 'auto', workers = 4, chunkBytes = 2 ** 20, bandwidth, latency = 0 } = options;
    const where = 'StorageDevice';
    if (!Number.isSafeInteger(workers) || workers < 1 || workers > 64) {
      throw new OptionError(where, 'workers', workers, 'between 1 and 64');
    }
    if (!Number.isSafeInteger(chunkBytes) || chunkBytes < DIRECT_ALIGNMENT || chunkBytes % DIRECT_ALIGNMENT !== 0) {
      throw new OptionError(where, 'chunkBytes', chunkBytes, 'a multiple of 4096');
    }
    if (bandwidth !== undefined && !(bandwidth > 0))
      throw new OptionError(where, 'bandwidth', bandwidth, '> 0 bytes/s');
    if (!(latency >= 0)) throw new OptionError(where, 'latency', latency, '≥ 0 seconds');
    try {
      mkdirSync(folder, { recursive: true });
    } catch (error) {
      const { code = 'unknown', message } = error as NodeJS.ErrnoException;
      throw new StorageError('StorageDevice', { path: folder, offset: 0, reason: code }, message, { cause: error });
    }
    const probe = probeFolder(folder, mode);
    const queue = createQueueMemory();
    const nsPerByte = bandwidth === undefined ? 0 : 1e9 / bandwidth;
    const channels = Array.from({ length: workers }, () => new MessageChannel());
    const threads = channels.map(
      ({ port2 }) =>
        new Worker(new URL('./ioWorkerEntry.js', import.meta.url), {
          workerData: { queue, memories: port2, nsPerByte, latencyMs: latency * 1000 },
          transferList: [port2],
        }),
    );
    // Once ready the threads may block: what they are sent later waits in shared memory and in their ports.
    await Promise.all(
      threads.map(
        (thread) =>
          new Promise<void>((resolve, reject) => void thread.once('message', () => resolve()).once('error', reject)),
      ),
    );
    for (const thread of threads) thread.unref();
    const isEmulated = nsPerByte > 0 || latency > 0;
    return new StorageDevice(
      folder,
      probe,
      queue,
      threads,
      channels.map(({ port1 }) => port1),
      chunkBytes,
      isEmulated,
    );
  }

  private constructor(
    folder: string,
    { mode, reason }: Pick<OpenedFile, 'mode' | 'reason'>,
    queue: QueueMemory,
    workers: readonly Worker[],
    ports: readonly MessagePort[],
    chunkBytes: number,
    isEmulated: boolean,
  ) {
    this.folder = folder;
    this.mode = mode;
    this.reason = reason;
    this.#queue = queue;
    this.#workers = workers;
    this.#ports = ports;
    this.chunkBytes = chunkBytes;
    this.isEmulated = isEmulated;
    for (const port of ports) port.unref();
  }

  /** Bytes free on the drive for this user. */
  freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.folder);
    return bavail * bsize;
  }

  /**
   * Creates or empties a file and reserves nothing: see {@link StorageDevice.resize}.
   *
   * @param name - relative to the folder
   */
  create(name: string): StorageFile {
    return this.#openFile(name, constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC);
  }

  /** Opens an existing file for reading and writing. */
  openFile(name: string): StorageFile {
    return this.#openFile(name, constants.O_RDWR);
  }

  /** Sets the length of a file. */
  resize({ fd, path }: StorageFile, bytes: number): void {
    try {
      ftruncateSync(fd, bytes);
    } catch (error) {
      const { code = 'unknown', message } = error as NodeJS.ErrnoException;
      throw new StorageError('resize', { path, offset: bytes, reason: code }, message, { cause: error });
    }
  }

  /** Closes a file; its requests must be done. */
  closeFile({ fd }: StorageFile): void {
    if (this.#open.delete(fd)) closeSync(fd);
  }

  /**
   * Starts a read into shared memory; in mode `direct` position, address and length must be multiples of 4096.
   *
   * @param into - of {@link alignedBytes}, or any shared memory in mode `buffered`
   * @param purpose - what the bytes are counted under
   */
  read(file: StorageFile, position: number, into: Uint8Array, purpose = 'other', checksum = false): IoRequest {
    return this.#start('read', file, position, into, purpose, checksum);
  }

  /** Starts a write; `from` must not change until it is done. As {@link StorageDevice.read} otherwise. */
  write(file: StorageFile, position: number, from: Uint8Array, purpose = 'other', checksum = false): IoRequest {
    return this.#start('write', file, position, from, purpose, checksum);
  }

  /** Starts flushing a file to the drive. Writes must be done before. */
  sync(file: StorageFile): IoRequest {
    const slot = this.#slot();
    this.#fill(slot, OPERATION.sync, file.fd, 0, 0, 0, 0, 0, false);
    submit(this.#queue, slot);
    return new IoRequest(this.#queue, this.#free, 'sync', file.path, [{ slot, position: 0 }]);
  }

  /** Bytes, operations and latencies since the device was opened. */
  stats(): StorageStats {
    return storageStats(this.#queue, [...this.#purposes.keys()]);
  }

  /** Waits for what is queued, ends the threads and closes all files. */
  async close(): Promise<void> {
    close(this.#queue);
    await Promise.all(
      this.#workers.map((worker) => new Promise<void>((resolve) => void worker.once('exit', () => resolve()).ref())),
    );
    for (const port of this.#ports) port.close();
    for (const fd of this.#open) closeSync(fd);
    this.#open.clear();
  }

  #openFile(name: string, flags: number): StorageFile {
    const path = join(this.folder, name);
    const { fd } = openStorageFile(path, flags, this.mode);
    this.#open.add(fd);
    return { path, fd };
  }

  #start(
    operation: 'read' | 'write',
    file: StorageFile,
    position: number,
    bytes: Uint8Array,
    purpose: string,
    checksum: boolean,
  ): IoRequest {
    if (this.mode === 'direct' && (position | bytes.byteOffset | bytes.length) % DIRECT_ALIGNMENT !== 0) {
      // `|` keeps the low bits, which is all that alignment asks about.
      throw new OptionError(operation, 'position, address and length', position, 'multiples of 4096 for direct I/O');
    }
    const memory = this.#register(bytes);
    const code = this.#purpose(purpose);
    const parts: { slot: number; position: number }[] = [];
    for (let at = 0; at < bytes.length; at += this.chunkBytes) {
      const slot = this.#slot(parts.length);
      const length = Math.min(this.chunkBytes, bytes.length - at);
      const address = bytes.byteOffset + at;
      this.#fill(slot, OPERATION[operation], file.fd, memory, address, length, position + at, code, checksum);
      submit(this.#queue, slot);
      parts.push({ slot, position: position + at });
    }
    return new IoRequest(this.#queue, this.#free, operation, file.path, parts);
  }

  #fill(
    slot: number,
    operation: number,
    fd: number,
    memory: number,
    address: number,
    bytes: number,
    position: number,
    purpose: number,
    checksum: boolean,
  ): void {
    const { requests, states } = this.#queue;
    requests[fieldAt(slot, FIELD.operation)] = operation;
    requests[fieldAt(slot, FIELD.fd)] = fd;
    requests[fieldAt(slot, FIELD.memory)] = memory;
    requests[fieldAt(slot, FIELD.address)] = address;
    requests[fieldAt(slot, FIELD.bytes)] = bytes;
    requests[fieldAt(slot, FIELD.position)] = position;
    requests[fieldAt(slot, FIELD.purpose)] = purpose;
    requests[fieldAt(slot, FIELD.checksum)] = checksum ? 1 : 0;
    Atomics.store(states, slot, STATE.pending);
  }

  #slot(taken = 0): number {
    const slot = this.#free.pop();
    if (slot !== undefined) return slot;
    throw new OptionError(
      'storage',
      'pieces under way',
      SLOTS + taken,
      `at most ${SLOTS}`,
      'wait for earlier requests',
    );
  }

  #register({ buffer, byteLength }: Uint8Array): number {
    let index = this.#memories.get(buffer);
    if (index === undefined) {
      if (!(buffer instanceof SharedArrayBuffer)) {
        throw new ShapeError('storage', 'memory', [byteLength], 'shared: use alignedBytes');
      }
      index = this.#memories.size;
      this.#memories.set(buffer, index);
      for (const port of this.#ports) port.postMessage(buffer);
    }
    return index;
  }

  #purpose(name: string): number {
    let code = this.#purposes.get(name);
    if (code === undefined) {
      code = this.#purposes.size;
      if (code >= PURPOSES) throw new OptionError('storage', 'purpose', name, `one of ${PURPOSES} at most`);
      this.#purposes.set(name, code);
    }
    return code;
  }
}

/** Learns the mode from a file that is removed again. */
function probeFolder(folder: string, mode: StorageMode | 'auto'): Pick<OpenedFile, 'mode' | 'reason'> {
  const path = join(folder, `.strata-probe-${process.pid}`);
  const opened = openStorageFile(path, constants.O_RDWR | constants.O_CREAT, mode);
  closeSync(opened.fd);
  rmSync(path, { force: true });
  return opened;
}
