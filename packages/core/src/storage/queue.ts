/** The request queue between one thread that asks and the I/O workers that serve it, in shared memory. */

/** Requests that may be under way at once. */
export const SLOTS = 1024;

/** What a request is. */
export const OPERATION = { read: 0, write: 1, sync: 2 } as const;

/** A request's state; `failed` has its cause in `failures`. */
export const STATE = { pending: 0, done: 1, failed: 2 } as const;

/** Fields of a request, float64 because offsets pass 2³². */
export const FIELD = {
  operation: 0,
  fd: 1,
  memory: 2,
  address: 3,
  bytes: 4,
  position: 5,
  purpose: 6,
  checksum: 7,
} as const;
const FIELDS = 8;

/** Failures that cross the queue as numbers; anything else arrives as the last one. */
export const ERRORS = ['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO', 'EROFS', 'EBADF', 'EINVAL', 'SHORT', 'UNKNOWN'] as const;

/** Purposes that traffic is counted by. */
export const PURPOSES = 16;
/** Latency classes: class i counts transfers of [2^i, 2^(i+1)) µs. */
export const LATENCY_CLASSES = 32;

/** Cells of the control block, int32. */
const CONTROL = { head: 0, tail: 1, closing: 2, depth: 3, peakDepth: 4 } as const;

/** The shared part of a queue; plain data that can be sent to a worker. */
export interface QueueMemory {
  readonly control: Int32Array;
  /** Slot numbers in order of submission, int32 `[SLOTS]`. */
  readonly ring: Int32Array;
  /** int32 `[SLOTS]`. */
  readonly states: Int32Array;
  /** Index into {@link ERRORS}, int32 `[SLOTS]`. */
  readonly failures: Int32Array;
  /** CRC-32 of the bytes of a finished transfer, uint32 `[SLOTS]`. */
  readonly checksums: Uint32Array;
  /** float64 `[SLOTS, 8]`. */
  readonly requests: Float64Array;
  /** Bytes read and written by purpose, then operations, int64 `[4, PURPOSES]`. */
  readonly counts: BigInt64Array;
  /** Reads, then writes, int32 `[2, LATENCY_CLASSES]`. */
  readonly latencies: Int32Array;
  /** Time in ns at which all bytes let through so far have passed, int64 `[1]`. */
  readonly bucket: BigInt64Array;
}

/** Makes an empty queue. */
export function createQueueMemory(): QueueMemory {
  const shared = (bytes: number) => new SharedArrayBuffer(bytes);
  return {
    control: new Int32Array(shared(4 * 8)),
    ring: new Int32Array(shared(4 * SLOTS)),
    states: new Int32Array(shared(4 * SLOTS)),
    failures: new Int32Array(shared(4 * SLOTS)),
    checksums: new Uint32Array(shared(4 * SLOTS)),
    requests: new Float64Array(shared(8 * SLOTS * FIELDS)),
    counts: new BigInt64Array(shared(8 * 4 * PURPOSES)),
    latencies: new Int32Array(shared(4 * 2 * LATENCY_CLASSES)),
    bucket: new BigInt64Array(shared(8)),
  };
}

/** Place of a field of a slot in `requests`. */
export const fieldAt = (slot: number, field: number): number => slot * FIELDS + field;

/** Hands a filled slot to the workers. Only one thread may call this. */
export function submit({ control, ring }: QueueMemory, slot: number): void {
  const tail = Atomics.load(control, CONTROL.tail);
  ring[(tail >>> 0) % SLOTS] = slot;
  const depth = Atomics.add(control, CONTROL.depth, 1) + 1;
  if (depth > Atomics.load(control, CONTROL.peakDepth)) Atomics.store(control, CONTROL.peakDepth, depth);
  Atomics.store(control, CONTROL.tail, (tail + 1) | 0);
  Atomics.notify(control, CONTROL.tail, 1);
}

/** The next request of any worker; blocks until there is one. −1 once the queue is closed and empty. */
export function take({ control, ring }: QueueMemory): number {
  for (;;) {
    const head = Atomics.load(control, CONTROL.head);
    const tail = Atomics.load(control, CONTROL.tail);
    if (head === tail) {
      if (Atomics.load(control, CONTROL.closing) === 1) return -1;
      // With a limit, or a worker that looked just before the queue was closed would sleep for good.
      Atomics.wait(control, CONTROL.tail, tail, 100);
      continue;
    }
    const slot = ring[(head >>> 0) % SLOTS]!;
    if (Atomics.compareExchange(control, CONTROL.head, head, (head + 1) | 0) === head) return slot;
  }
}

/** Ends a request. */
export function finish({ control, states }: QueueMemory, slot: number, state: number): void {
  Atomics.sub(control, CONTROL.depth, 1);
  Atomics.store(states, slot, state);
  Atomics.notify(states, slot);
}

/** Tells the workers to end when the queue is empty. */
export function close({ control }: QueueMemory): void {
  Atomics.store(control, CONTROL.closing, 1);
  Atomics.notify(control, CONTROL.tail);
}

/** Most requests that were under way at once. */
export const peakDepth = ({ control }: QueueMemory): number => Atomics.load(control, CONTROL.peakDepth);
