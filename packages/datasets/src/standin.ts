// TEMPORARY stand-in for the readers of @strata-ml/graph.
import type { CsrGraph } from '@strata-ml/graph';
export async function readGraph(path: string): Promise<CsrGraph> {
  throw new Error(`graph package not there yet: ${path}`);
}
