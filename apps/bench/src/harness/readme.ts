/** Result tables between markers in markdown files, so that nobody types a figure. */
import type { SuiteResult } from './types.js';

/** Reads a file of `strata bench run SUITE --json FILE`: the result itself, or the CLI's envelope around it. */
export function parseResult(text: string): SuiteResult {
  const parsed = JSON.parse(text) as SuiteResult | { readonly metrics: SuiteResult };
  const result = 'metrics' in parsed ? parsed.metrics : parsed;
  if (!Array.isArray(result.rows)) throw new Error('bench: a result file must hold rows, got none');
  return result;
}

/**
 * Puts a table between every `<!-- bench:SUITE -->` and the `<!-- /bench:SUITE -->` that follows it.
 *
 * Suites without a table keep what stands between their markers.
 *
 * @param tables - markdown by suite
 */
export function fillMarkers(markdown: string, tables: ReadonlyMap<string, string>): string {
  return markdown.replace(/<!-- bench:([\w-]+) -->\n[\s\S]*?<!-- \/bench:\1 -->/g, (whole: string, suite: string) => {
    const table = tables.get(suite);
    return table === undefined ? whole : `<!-- bench:${suite} -->\n\n${table}\n\n<!-- /bench:${suite} -->`;
  });
}
