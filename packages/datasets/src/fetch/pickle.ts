/**
 * Reads the few kinds of Python pickle that the Planetoid files use (protocol 2): numbers, strings, lists, tuples,
 * dictionaries, numpy arrays and SciPy sparse matrices. It builds plain data; it never runs anything a pickle names.
 */
import { DataError } from '@strata-ml/core';

/** A numpy array as it lies in the pickle. */
export interface PickledArray {
  readonly shape: readonly number[];
  /** numpy's type letters without byte order, for example `i4`. */
  readonly dtype: string;
  readonly bytes: Buffer;
}

/** What a `REDUCE` or `NEWOBJ` of a known name makes; `BUILD` fills in its state. */
interface Built {
  readonly name: string;
  readonly args: readonly unknown[];
  state?: unknown;
}

const known = new Set([
  'numpy.core.multiarray _reconstruct',
  'numpy ndarray',
  'numpy dtype',
  'scipy.sparse.csr csr_matrix',
  'collections defaultdict',
  '__builtin__ list',
]);

const mark = Symbol('mark');

/**
 * Reads one pickle. Dictionaries come as `Map`, tuples and lists as arrays, numpy arrays as {@link PickledArray},
 * sparse matrices as a `Map` of their attributes.
 *
 * @throws {@link DataError} if it is cut off or uses anything else.
 */
export function readPickle(bytes: Buffer, where: string): unknown {
  const fail = (what: string): never => {
    throw new DataError(`${where}: ${what}; this is not one of the pickles that Strata reads`, { file: where });
  };
  const stack: unknown[] = [];
  const memo = new Map<number, unknown>();
  let at = 0;
  const skip = (count: number): number => {
    const begin = at;
    at += count;
    if (at > bytes.length) fail(`pickle ends at ${bytes.length}, inside an entry at ${begin}`);
    return begin;
  };
  const line = (): string => {
    const end = bytes.indexOf(10, at);
    if (end < 0) fail('a name does not end');
    const text = bytes.toString('latin1', at, end);
    at = end + 1;
    return text;
  };
  const popToMark = (): unknown[] => stack.splice(stack.lastIndexOf(mark)).slice(1);
  const call = (target: unknown, args: unknown): Built | Map<unknown, unknown> => {
    const { name } = target as Built;
    return name === 'collections defaultdict' ? new Map() : { name, args: args as unknown[] };
  };
  const set = (pairs: readonly unknown[]): void => {
    const map = stack.at(-1) as Map<unknown, unknown>;
    for (let i = 0; i < pairs.length; i += 2) map.set(finish(pairs[i]), pairs[i + 1]);
  };

  for (;;) {
    const code = bytes[skip(1)]!;
    switch (String.fromCharCode(code)) {
      case '\x80':
        if (bytes[skip(1)] !== 2) fail('protocol must be 2');
        break;
      case 'c': {
        const name = `${line()} ${line()}`;
        if (!known.has(name)) fail(`it names ${JSON.stringify(name)}`);
        stack.push({ name, args: [] });
        break;
      }
      case 'q':
        memo.set(bytes[skip(1)]!, stack.at(-1));
        break;
      case 'r':
        memo.set(bytes.readUInt32LE(skip(4)), stack.at(-1));
        break;
      case 'h':
        stack.push(memo.get(bytes[skip(1)]!));
        break;
      case 'j':
        stack.push(memo.get(bytes.readUInt32LE(skip(4))));
        break;
      case '(':
        stack.push(mark);
        break;
      case ')':
      case ']':
        stack.push([]);
        break;
      case '}':
        stack.push(new Map());
        break;
      case 't':
        stack.push(popToMark());
        break;
      case '\x85':
      case '\x86':
      case '\x87':
        stack.push(stack.splice(-(code - 0x84)));
        break;
      case 'N':
        stack.push(null);
        break;
      case '\x88':
      case '\x89':
        stack.push(code === 0x88);
        break;
      case 'K':
        stack.push(bytes[skip(1)]!);
        break;
      case 'M':
        stack.push(bytes.readUInt16LE(skip(2)));
        break;
      case 'J':
        stack.push(bytes.readInt32LE(skip(4)));
        break;
      case 'U': {
        const length = bytes[skip(1)]!;
        const begin = skip(length);
        stack.push(bytes.subarray(begin, begin + length));
        break;
      }
      case 'T': {
        const length = bytes.readInt32LE(skip(4));
        const begin = skip(Math.max(0, length));
        stack.push(bytes.subarray(begin, begin + length));
        break;
      }
      case 'R':
      case '\x81': {
        const args = stack.pop();
        stack.push(call(stack.pop(), args));
        break;
      }
      case 'b': {
        const state = stack.pop();
        const target = stack.at(-1);
        if (typeof target !== 'object' || target === null || !('name' in target)) fail('a state belongs to nothing');
        (target as Built).state = state;
        break;
      }
      case 'a': {
        const item = stack.pop();
        (stack.at(-1) as unknown[]).push(item);
        break;
      }
      case 'e': {
        const items = popToMark();
        (stack.at(-1) as unknown[]).push(...items);
        break;
      }
      case 's':
        set(stack.splice(-2));
        break;
      case 'u':
        set(popToMark());
        break;
      case '.':
        return finish(stack.pop());
      default:
        fail(`operation 0x${code.toString(16)} at ${at - 1}`);
    }
  }
}

/** Turns what a pickle built into plain data. */
function finish(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('latin1');
  if (typeof value !== 'object' || value === null || !('name' in value)) return value;
  const { name, state } = value as Built;
  if (name.startsWith('numpy.core')) {
    const [, shape, dtype, , bytes] = state as [number, number[], Built, boolean, Buffer];
    return { shape, dtype: String(finish(dtype.args[0])), bytes } satisfies PickledArray;
  }
  if (!name.startsWith('scipy')) return value;
  return new Map([...(state as Map<string, unknown>)].map(([key, v]) => [key, finish(v)]));
}
