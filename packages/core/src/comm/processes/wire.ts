/**
 * Values between processes, by structured clone as between threads. Shared memory does not cross: what lies in it is
 * copied, once however many views there are, and is shared memory again on the other side.
 */
import { DefaultDeserializer, DefaultSerializer } from 'node:v8';

/** The pieces of an encoded value, in order. */
export type Parts = readonly Uint8Array[];

/** Fills `target` with the next bytes of an encoded value. */
export type ReadBytes = (target: Uint8Array) => void;

type Shared = new (buffer: SharedArrayBuffer, byteOffset: number, length: number) => ArrayBufferView;

/** Views of shared memory that can be sent. */
const VIEWS: readonly Shared[] = [
  Float32Array,
  Float64Array,
  Int32Array,
  Uint32Array,
  Int16Array,
  Uint16Array,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  BigInt64Array,
  BigUint64Array,
];
/** What begins a host object: a view of shared memory, or anything that Node writes itself. */
const HOST = { shared: 1, other: 0 } as const;
/** Largest copy out of shared memory in one go, for interfaces that do not take views of it. */
const CHUNK_BYTES = 2 ** 24;

/** Node's serializer hands every typed array to `_writeHostObject`. */
class Encoder extends DefaultSerializer {
  readonly shared: SharedArrayBuffer[] = [];

  _writeHostObject(view: ArrayBufferView): void {
    const { buffer, byteOffset } = view;
    const type = VIEWS.indexOf(view.constructor as Shared);
    if (!(buffer instanceof SharedArrayBuffer) || type < 0) {
      this.writeUint32(HOST.other);
      (DefaultSerializer.prototype as unknown as Encoder)._writeHostObject.call(this, view);
      return;
    }
    let id = this.shared.indexOf(buffer);
    if (id < 0) id = this.shared.push(buffer) - 1;
    this.writeUint32(HOST.shared);
    this.writeUint32(type);
    this.writeUint32(id);
    this.writeDouble(byteOffset);
    this.writeDouble((view as Uint8Array).length);
  }
}

class Decoder extends DefaultDeserializer {
  readonly #shared: readonly SharedArrayBuffer[];

  constructor(bytes: Uint8Array, shared: readonly SharedArrayBuffer[]) {
    super(bytes);
    this.#shared = shared;
  }

  _readHostObject(): unknown {
    if (this.readUint32() === HOST.other) {
      return (DefaultDeserializer.prototype as unknown as Decoder)._readHostObject.call(this);
    }
    const [type, id] = [this.readUint32(), this.readUint32()];
    const [byteOffset, length] = [this.readDouble(), this.readDouble()];
    return new VIEWS[type]!(this.#shared[id]!, byteOffset, length);
  }
}

/** @throws a `DataCloneError` for functions, symbols and the like. */
export function encode(value: unknown): Parts {
  const encoder = new Encoder();
  encoder.writeHeader();
  try {
    encoder.writeValue(value);
  } catch (error) {
    // As structuredClone has it, so that callers see one kind of error.
    const { message } = error as Error;
    throw message.endsWith('could not be cloned.') ? new DOMException(message, 'DataCloneError') : error;
  }
  const body = encoder.releaseBuffer();
  const sizes = [body.length, ...encoder.shared.map((buffer) => buffer.byteLength)];
  const head = Float64Array.from([sizes.length, ...sizes]);
  return [new Uint8Array(head.buffer), body, ...encoder.shared.map((buffer) => new Uint8Array(buffer))];
}

/** Rebuilds a value from the bytes of {@link encode}. */
export function decode(read: ReadBytes): unknown {
  const numbers = (count: number): Float64Array => {
    const values = new Float64Array(count);
    read(new Uint8Array(values.buffer));
    return values;
  };
  const [count = 0] = numbers(1);
  const [bodyBytes = 0, ...sharedBytes] = numbers(count);
  const body = new Uint8Array(bodyBytes);
  read(body);
  const shared = sharedBytes.map((bytes) => {
    const buffer = new SharedArrayBuffer(bytes);
    const view = new Uint8Array(buffer);
    for (let at = 0; at < bytes; at += CHUNK_BYTES) {
      const chunk = new Uint8Array(Math.min(CHUNK_BYTES, bytes - at));
      read(chunk);
      view.set(chunk, at);
    }
    return buffer;
  });
  const decoder = new Decoder(body, shared);
  decoder.readHeader();
  return decoder.readValue();
}

/** One array with all parts. */
export function joinParts(parts: Parts): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Reads from an array in memory. */
export function readerOf(bytes: Uint8Array): ReadBytes {
  let at = 0;
  return (target) => {
    target.set(bytes.subarray(at, at + target.length));
    at += target.length;
  };
}

/** Cuts parts into chunks outside shared memory, which file functions take. */
export function* unsharedChunks(parts: Parts): Generator<Uint8Array> {
  for (const part of parts) {
    for (let at = 0; at < part.length; at += CHUNK_BYTES) {
      const chunk = part.subarray(at, at + CHUNK_BYTES);
      yield chunk.buffer instanceof SharedArrayBuffer ? new Uint8Array(chunk) : chunk;
    }
  }
}
