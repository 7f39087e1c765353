/** Spans of compute, communication and I/O of one rank. */

/** What a span's time was spent on. */
export type SpanCategory = 'compute' | 'comm' | 'io' | 'wait' | 'other';

/** A rank's recorder. Disabled, every call is a no-op. */
export interface Trace {
  readonly isEnabled: boolean;
  /** Opens a span and returns its token; spans nest. */
  begin(name: string, category: SpanCategory): number;
  /** Closes the span; `bytes` is what it moved. */
  end(token: number, bytes?: number): void;
  /** Runs `body` inside a span. */
  span<T>(name: string, category: SpanCategory, body: () => T): T;
}
