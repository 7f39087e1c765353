/** Error classes of the core, and how errors cross threads and ranks: as plain data, rebuilt to the same class. */
import { NonFiniteError, OptionError, OutOfDeviceMemoryError, ShapeError, StrataError } from '@strata-ml/kernels';

export { NonFiniteError, OptionError, OutOfDeviceMemoryError, ShapeError, StrataError };

/** Input data (a file, an array) breaks its own format or contradicts other input. Exit code 2 on the command line. */
export class DataError extends StrataError {
  /** @param message - `<where>: <what> must be <requirement>, got <value>[; <what to do>]` */
  constructor(message: string, details: Readonly<Record<string, unknown>> = {}, options?: ErrorOptions) {
    super('ERR_STRATA_DATA', message, details, options);
  }
}

/** The run was stopped by its `AbortSignal` or by Ctrl-C. Exit code 130 on the command line. */
export class AbortedError extends StrataError {
  constructor(message = 'run: aborted', details: Readonly<Record<string, unknown>> = {}) {
    super('ERR_STRATA_ABORTED', message, details);
  }
}

/** One rank threw, exited or stopped answering; all others were stopped. `cause` is the rank's own error. */
export class RankFailedError extends StrataError {
  declare readonly details: Readonly<{ rank: number; server: number; device: number; phase: string }>;
  constructor(
    message: string,
    details: Readonly<{ rank: number; server: number; device: number; phase: string }>,
    options?: ErrorOptions,
  ) {
    super('ERR_STRATA_RANK_FAILED', message, details, options);
  }
}

/** A collective or receive waited longer than its time-out; `missing` names the world ranks that did not come. */
export class CommTimeoutError extends StrataError {
  constructor(operation: string, timeoutMs: number, missing: readonly number[]) {
    super(
      'ERR_STRATA_COMM_TIMEOUT',
      `${operation}: waited ${timeoutMs} ms for rank ${missing.join(', ')}; it is dead, stuck or took another path`,
      { operation, timeoutMs, missing: [...missing] },
    );
  }
}

/** Ranks of one group called different operations, or the same one with different lengths or types. */
export class CommMismatchError extends StrataError {
  constructor(message: string, details: Readonly<Record<string, unknown>> = {}) {
    super('ERR_STRATA_COMM_MISMATCH', message, details);
  }
}

/** What an error looks like while it travels between threads or ranks. */
export interface SerializedError {
  readonly name: string;
  readonly code?: string;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly stack?: string;
  readonly cause?: SerializedError;
}

/** Turns any thrown value into plain data that can cross a thread or process boundary. */
export function serializeError(thrown: unknown): SerializedError {
  if (!(thrown instanceof Error)) return { name: 'Error', message: String(thrown) };
  const e = thrown as Error & { code?: unknown; details?: unknown };
  return {
    name: e.name,
    message: e.message,
    ...(typeof e.code === 'string' ? { code: e.code } : {}),
    ...(typeof e.details === 'object' && e.details !== null ? { details: plain(e.details) } : {}),
    ...(e.stack ? { stack: e.stack } : {}),
    ...(e.cause !== undefined ? { cause: serializeError(e.cause) } : {}),
  };
}

/** A copy that can be posted; functions and the like, which cannot, cost the details but never the error itself. */
function plain(details: object): Record<string, unknown> {
  try {
    return structuredClone(details) as Record<string, unknown>;
  } catch {
    return { unserializable: Object.keys(details) };
  }
}

/** Classes that {@link deserializeError} rebuilds by name; packages add theirs with {@link registerErrorClass}. */
const classes = new Map<string, { readonly prototype: object }>();

/** Lets {@link deserializeError} rebuild errors of this class, so that `instanceof` holds across ranks. */
export function registerErrorClass(errorClass: { readonly name: string; readonly prototype: object }): void {
  classes.set(errorClass.name, errorClass);
}

for (const c of [
  StrataError,
  OptionError,
  ShapeError,
  NonFiniteError,
  OutOfDeviceMemoryError,
  DataError,
  AbortedError,
  RankFailedError,
  CommTimeoutError,
  CommMismatchError,
]) {
  registerErrorClass(c);
}

/** Rebuilds an error from {@link serializeError}: same class where it is known, same code, details and stack. */
export function deserializeError(data: SerializedError): Error {
  const known = classes.get(data.name);
  const error: Error = known
    ? (Object.create(known.prototype) as Error)
    : data.code !== undefined
      ? (Object.create(StrataError.prototype) as Error)
      : new Error(data.message);
  const set = (key: string, value: unknown) =>
    Object.defineProperty(error, key, { value, enumerable: false, configurable: true, writable: true });
  set('name', data.name);
  set('message', data.message);
  if (data.code !== undefined) set('code', data.code);
  if (data.code !== undefined) set('details', data.details ?? {});
  if (data.stack !== undefined) set('stack', data.stack);
  if (data.cause !== undefined) set('cause', deserializeError(data.cause));
  return error;
}
