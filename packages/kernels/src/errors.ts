/** The error base of every Strata package. It lives in the lowest package so that `instanceof` holds everywhere. */

/** A failure with a stable `code` and plain-data `details`, so that callers and other ranks can act on it. */
export class StrataError extends Error {
  /** Stable identifier, `ERR_STRATA_…`. */
  readonly code: string;
  /** Plain, structured-cloneable facts about the failure. */
  readonly details: Readonly<Record<string, unknown>>;

  /**
   * @param code - stable identifier, `ERR_STRATA_…`
   * @param message - `<where>: <what> must be <requirement>, got <value>[; <what to do>]`
   * @param details - plain data: numbers, strings, small arrays
   * @param options - `cause`, the error underneath
   */
  constructor(code: string, message: string, details: Readonly<Record<string, unknown>> = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.details = details;
  }
}

/** An option, flag or argument is outside what the function accepts. The command line answers it with exit code 2. */
export class OptionError extends StrataError {
  /**
   * @param where - function or flag, as the caller knows it
   * @param option - name of the option
   * @param got - offending value
   * @param requirement - what it must be, to complete "must be …"
   * @param remedy - what to do, one sentence without a period
   */
  constructor(where: string, option: string, got: unknown, requirement: string, remedy?: string) {
    const tail = remedy ? `; ${remedy}` : '';
    super('ERR_STRATA_OPTION', `${where}: ${option} must be ${requirement}, got ${show(got)}${tail}`, {
      where,
      option,
      got: show(got),
    });
  }
}

/** A tensor or typed array has the wrong shape or length. */
export class ShapeError extends StrataError {
  /** @param requirement - expected shape, e.g. `[n, 16]` */
  constructor(where: string, what: string, got: readonly number[], requirement: string) {
    super('ERR_STRATA_SHAPE', `${where}: ${what} must have shape ${requirement}, got [${got.join(', ')}]`, {
      where,
      what,
      got: [...got],
    });
  }
}

/** A value that must be finite is NaN or infinite. */
export class NonFiniteError extends StrataError {
  /** @param index - flat position of the first bad element */
  constructor(where: string, index: number, got: number, remedy?: string) {
    super('ERR_STRATA_NON_FINITE', `${where}: element ${index} is ${got}${remedy ? `; ${remedy}` : ''}`, {
      where,
      index,
      got: String(got),
    });
  }
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'object' && value !== null) {
    const text = JSON.stringify(value);
    return text && text.length > 80 ? `${text.slice(0, 77)}…` : String(text);
  }
  return String(value);
}
