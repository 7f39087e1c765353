/** A storage device's own I/O thread: blocking transfers, so that libuv's four shared threads neither limit nor fake them. */
import { performance } from 'node:perf_hooks';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { crc32 } from 'node:zlib';
import {
  ERRORS,
  FIELD,
  fieldAt,
  finish,
  LATENCY_CLASSES,
  OPERATION,
  PURPOSES,
  type QueueMemory,
  STATE,
  take,
} from './queue.js';
import { flush, readFully, writeFully } from './transfer.js';

/** What a worker starts with. */
export interface IoWorkerData {
  readonly queue: QueueMemory;
  /** Brings memories to transfer from and to, in the order of their numbers. */
  readonly memories: MessagePort;
  /** Emulated drive; 0 = as fast as it is. */
  readonly nsPerByte: number;
  readonly latencyMs: number;
}

const { queue, memories: port, nsPerByte, latencyMs } = workerData as IoWorkerData;
const memories: SharedArrayBuffer[] = [];
const never = new Int32Array(new SharedArrayBuffer(4));

function memory(index: number): SharedArrayBuffer {
  while (memories.length <= index) {
    const message = receiveMessageOnPort(port) as { message: SharedArrayBuffer } | undefined;
    if (message) memories.push(message.message);
  }
  return memories[index]!;
}

/** Waits until the emulated drive would have moved the bytes; chunks of all workers share its bandwidth. */
function throttle(bytes: number): void {
  if (nsPerByte === 0 && latencyMs === 0) return;
  const duration = BigInt(Math.round(bytes * nsPerByte));
  for (;;) {
    const now = process.hrtime.bigint();
    const tail = Atomics.load(queue.bucket, 0);
    let next = now + duration;
    if (tail > now) next = tail + duration;
    if (Atomics.compareExchange(queue.bucket, 0, tail, next) !== tail) continue;
    const waitMs = Number(next - now) / 1e6 + latencyMs;
    if (waitMs > 0) Atomics.wait(never, 0, 0, waitMs);
    return;
  }
}

function serve(slot: number): void {
  const field = (name: number) => queue.requests[fieldAt(slot, name)]!;
  const [operation, fd, position] = [field(FIELD.operation), field(FIELD.fd), field(FIELD.position)];
  if (operation === OPERATION.sync) {
    flush(fd);
    return;
  }
  const bytes = new Uint8Array(memory(field(FIELD.memory)), field(FIELD.address), field(FIELD.bytes));
  const isWrite = operation === OPERATION.write;
  const hasChecksum = field(FIELD.checksum) === 1;
  if (isWrite && hasChecksum) queue.checksums[slot] = crc32(bytes);
  const start = performance.now();
  throttle(bytes.length);
  if (isWrite) writeFully(fd, bytes, position);
  else readFully(fd, bytes, position);
  const microseconds = Math.max(1, (performance.now() - start) * 1000);
  const latencyClass = Math.min(LATENCY_CLASSES - 1, Math.floor(Math.log2(microseconds)));
  Atomics.add(queue.latencies, (isWrite ? LATENCY_CLASSES : 0) + latencyClass, 1);
  const purpose = field(FIELD.purpose);
  Atomics.add(queue.counts, (isWrite ? PURPOSES : 0) + purpose, BigInt(bytes.length));
  Atomics.add(queue.counts, (isWrite ? 3 : 2) * PURPOSES + purpose, 1n);
  if (!isWrite && hasChecksum) queue.checksums[slot] = crc32(bytes);
}

parentPort?.postMessage('ready');
for (let slot = take(queue); slot >= 0; slot = take(queue)) {
  try {
    serve(slot);
    finish(queue, slot, STATE.done);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code as (typeof ERRORS)[number];
    const known = ERRORS.indexOf(code);
    queue.failures[slot] = known < 0 ? ERRORS.length - 1 : known;
    finish(queue, slot, STATE.failed);
  }
}
