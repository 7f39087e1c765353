/** What a span's time was spent on. */
export type SpanCategory = 'compute' | 'comm' | 'io' | 'wait' | 'other';

/** All categories; a category's code in the trace's memory is its index here. */
export const SPAN_CATEGORIES: readonly SpanCategory[] = ['compute', 'comm', 'io', 'wait', 'other'];
