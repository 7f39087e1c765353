import { describe, expect, it } from 'vitest';
import {
  AbortedError,
  CommMismatchError,
  CommTimeoutError,
  DataError,
  deserializeError,
  NonFiniteError,
  OptionError,
  OutOfDeviceMemoryError,
  RankFailedError,
  registerErrorClass,
  ShapeError,
  StrataError,
  serializeError,
} from '../src/errors.js';

const memory = { op: 'Add', askedBytes: 8, freeBytes: 4, largestFreeBytes: 4, budgetBytes: 64 };
const ERRORS: readonly StrataError[] = [
  new StrataError('ERR_STRATA_X', 'x', { a: [1] }),
  new OptionError('f', 'n', -1, 'at least 0', 'give more'),
  new ShapeError('f', 'x', [1, 2], '[2, 1]'),
  new NonFiniteError('f', 3, Number.NaN),
  new DataError('f: x must be y, got z', { line: 4 }),
  new AbortedError(),
  new RankFailedError('rank 1 threw', { rank: 1, server: 0, device: 1, phase: 'epoch' }),
  new CommTimeoutError('allReduce', 100, [2, 3]),
  new CommMismatchError('ranks differ'),
  new OutOfDeviceMemoryError(memory),
];

describe('errors', () => {
  it.each(ERRORS.map((e) => [e.name, e] as const))(
    '%s is the same class with the same facts on the other side',
    (_, e) => {
      const back = deserializeError(structuredClone(serializeError(e))) as StrataError;
      expect(back).toBeInstanceOf(e.constructor);
      expect(back).toBeInstanceOf(StrataError);
      expect(back).toBeInstanceOf(Error);
      expect(back.constructor).toBe(e.constructor);
      expect({ ...pick(back) }).toEqual({ ...pick(e) });
      expect(String(back)).toBe(String(e));
    },
  );

  it('carries the chain of causes', () => {
    const e = new DataError(
      'outer',
      {},
      { cause: new RangeError('middle', { cause: new OptionError('f', 'n', 0, 'one') }) },
    );
    const back = deserializeError(structuredClone(serializeError(e)));
    expect(back.cause).toBeInstanceOf(Error);
    expect((back.cause as Error).name).toBe('RangeError');
    expect((back.cause as Error).message).toBe('middle');
    expect((back.cause as Error).cause).toBeInstanceOf(OptionError);
  });

  it('takes anything that can be thrown', () => {
    for (const thrown of ['text', 7, null, undefined, { a: 1 }]) {
      expect(deserializeError(serializeError(thrown)).message).toBe(String(thrown));
    }
    const plain = deserializeError(serializeError(new TypeError('bad')));
    expect(plain.name).toBe('TypeError');
    expect(plain).not.toBeInstanceOf(StrataError);
  });

  it('rebuilds classes of other packages once they are registered, StrataError before', () => {
    class QuotaError extends StrataError {}
    const data = serializeError(new QuotaError('ERR_STRATA_QUOTA', 'full', { bytes: 3 }));
    expect(deserializeError(data)).not.toBeInstanceOf(QuotaError);
    expect(deserializeError(data)).toBeInstanceOf(StrataError);
    registerErrorClass(QuotaError);
    expect(deserializeError(data)).toBeInstanceOf(QuotaError);
    expect((deserializeError(data) as StrataError).details).toEqual({ bytes: 3 });
  });

  it('keeps details that JSON would lose, and survives those that cannot be posted', () => {
    const send = (details: Record<string, unknown>) =>
      deserializeError(structuredClone(serializeError(new StrataError('ERR_STRATA_X', 'x', details)))) as StrataError;
    expect(send({ a: Number.NaN, b: Infinity, c: 3n }).details).toEqual({ a: Number.NaN, b: Infinity, c: 3n });
    expect(send({ f: () => 1 }).code).toBe('ERR_STRATA_X');
  });
});

function pick(e: StrataError) {
  return { name: e.name, code: e.code, message: e.message, details: e.details, stack: e.stack };
}
