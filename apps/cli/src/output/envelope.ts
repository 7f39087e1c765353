/** The result envelope, schema version 1: what `--json` writes. */
import { availableParallelism } from 'node:os';
import { version } from '../version.js';

/** Where figures come from. Measured, emulated and simulated figures never share a column unlabelled. */
export type FigureKind = 'measured' | 'emulated' | 'simulated';

/** Kind of each group of figures in a result. */
export interface ResultLabels {
  readonly compute: FigureKind;
  readonly links: FigureKind;
  readonly storage: FigureKind;
}

/** What a result was obtained on. */
export interface RunEnvironment {
  readonly node: string;
  /** `none` for commands that compute without a tensor engine. */
  readonly engine: string;
  readonly kernels: string;
  readonly cores: number;
  readonly platform: string;
  readonly version: string;
}

/** The object that `--json` writes. */
export interface ResultEnvelope {
  readonly schema: 1;
  readonly command: string;
  readonly status: 'ok' | 'failed' | 'aborted';
  readonly labels: ResultLabels;
  readonly environment: RunEnvironment;
  readonly config: object;
  readonly metrics: object;
  readonly timeline: object;
  /** Only if `status` is `failed`. */
  readonly error?: { readonly code: string; readonly message: string };
}

/** What a command computed, before it is wrapped. */
export interface CommandResult {
  /** Everything needed to run it again, defaults filled in. */
  readonly config: object;
  readonly metrics: object;
  readonly timeline?: object;
  readonly labels?: Partial<ResultLabels>;
  readonly environment?: { readonly engine: string; readonly kernels: string };
  /** @defaultValue `'ok'` */
  readonly status?: 'ok' | 'aborted';
}

/** Wraps a result. */
export function envelope(command: string, result: CommandResult): ResultEnvelope {
  return {
    schema: 1,
    command,
    status: result.status ?? 'ok',
    labels: { compute: 'measured', links: 'measured', storage: 'measured', ...result.labels },
    environment: {
      node: process.version,
      engine: result.environment?.engine ?? 'none',
      kernels: result.environment?.kernels ?? 'stock',
      cores: availableParallelism(),
      platform: `${process.platform}-${process.arch}`,
      version,
    },
    config: result.config,
    metrics: result.metrics,
    timeline: result.timeline ?? {},
  };
}

/** Wraps a failure: nothing was computed, the error says why. */
export function failure(command: string, config: object, error: unknown, status: 'failed' | 'aborted'): ResultEnvelope {
  const code = (error as { code?: unknown }).code;
  return {
    ...envelope(command, { config, metrics: {} }),
    status,
    error: {
      code: typeof code === 'string' ? code : 'ERR_STRATA_UNKNOWN',
      message: error instanceof Error ? error.message : String(error),
    },
  };
}

/** JSON text of a result. Numbers that JSON cannot hold become words, typed arrays plain lists. */
export function toJson(value: object): string {
  return `${JSON.stringify(
    value,
    (_key, v: unknown) => {
      if (typeof v === 'number' && !Number.isFinite(v))
        return Number.isNaN(v) ? null : v > 0 ? 'unlimited' : '-unlimited';
      if (ArrayBuffer.isView(v) && !(v instanceof DataView)) return Array.from(v as unknown as ArrayLike<number>);
      return v;
    },
    2,
  )}\n`;
}
