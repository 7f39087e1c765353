/** A benchmark: cases, and in each the contenders that do the same work. */

/** A program that does one case's work and prints one line of JSON, a {@link Sample}. */
export interface Contender {
  readonly name: string;
  readonly version: string;
  /** Why it cannot run here; undefined if it can. */
  readonly missing?: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A process that runs longer ends, and the contender is reported as too slow. @defaultValue `600` */
  readonly timeoutS?: number;
  /**
   * Plain data that says what to do. Programs that take an item measure many in one process: they are started with a
   * JSON array of items as last argument and print an {@link ItemLine} for each, in order. `timeoutS` holds per item.
   */
  readonly item?: Readonly<Record<string, unknown>>;
  /** Rounds after the first so many leave it out: for contenders too slow to be worth the wait. @defaultValue all */
  readonly maxRounds?: number;
}

/** What a contender prints. */
export interface Sample {
  /** The figure, after warm-up, validated. */
  readonly value: number;
  /** Facts beside it: error, bytes, accuracy. */
  readonly extra?: Readonly<Record<string, number | string>>;
}

/** What a program prints for each of its items: the sample, or why there is none. Without `item` it holds for all. */
export type ItemLine =
  | (Sample & { readonly item: number })
  | { readonly item: number; readonly missing: string }
  | { readonly missing: string };

/** What a call of the measured function does: a rate is `amount` ÷ seconds. */
export interface Work {
  readonly amount: number;
  /** Floating-point operations, or bytes read and written. */
  readonly unit: 'FLOP' | 'B';
}

/** One comparison. The first contender is the reference: ratios are value ÷ reference value. */
export interface Case {
  readonly name: string;
  readonly params: Readonly<Record<string, number | string>>;
  readonly kind: 'measured' | 'emulated' | 'simulated';
  readonly unit: 's' | 'bytes/s';
  readonly contenders: readonly Contender[];
  /** Cases of one group that follow each other share processes, if their contenders take items. */
  readonly group?: string;
  /** Turns seconds into a rate. */
  readonly work?: Work;
}

/** A group of cases with one subject. */
export interface Suite {
  readonly name: string;
  readonly description: string;
  cases(): readonly Case[];
}

/** Median and range of paired ratios. */
export interface Ratio {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** Result of one contender in one case. */
export interface ContenderResult {
  readonly name: string;
  readonly version: string;
  readonly unit: string;
  /** One per round. */
  readonly samples: readonly number[];
  /** Null if there is none. */
  readonly median: number | null;
  readonly ratio?: Ratio;
  readonly extra?: Readonly<Record<string, number | string>>;
  readonly missing?: string;
}

/** Result of one case. */
export interface CaseResult {
  readonly case: string;
  readonly params: Readonly<Record<string, number | string>>;
  readonly kind: string;
  readonly contenders: readonly ContenderResult[];
  /** The reference against itself: a difference inside this range is noise. Absent where the reference has no sample. */
  readonly aa?: Ratio;
  readonly work?: Work;
}

/** What `results/<suite>.json` holds. */
export interface SuiteResult {
  readonly schema: 1;
  readonly suite: string;
  readonly machine: string;
  readonly node: string;
  readonly commit: string;
  readonly dirty: boolean;
  readonly command: string;
  readonly rounds: number;
  readonly rows: readonly CaseResult[];
}
