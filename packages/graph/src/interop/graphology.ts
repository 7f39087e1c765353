/** Graphs of the `graphology` library, in and out. */
import { DataError, OptionError, ShapeError } from '@strata-ml/core';
import { DirectedGraph, UndirectedGraph } from 'graphology';
import { type CsrGraph, hasStrictRows } from '../csr/CsrGraph.js';
import { csrFromEdges, type DuplicateWeight, type SelfLoops } from '../csr/csrFromEdges.js';
import { isSymmetric, markSymmetric } from '../csr/symmetry.js';
import { transposeGraph } from '../csr/transform.js';

/** The part of a graphology graph that is read. */
export interface GraphologyLike {
  readonly order: number;
  forEachNode(callback: (node: string) => void): void;
  forEachEdge(
    callback: (
      edge: string,
      attributes: Readonly<Record<string, unknown>>,
      source: string,
      target: string,
      sourceAttributes: object,
      targetAttributes: object,
      undirected: boolean,
    ) => void,
  ): void;
}

/** Options of {@link fromGraphology}. */
export interface FromGraphologyOptions {
  /** Edge attribute to take as weight; edges without it weigh 1. @defaultValue none: a graph without weights */
  readonly weight?: string;
  /** Store equal edges of a multigraph once. @defaultValue `true` */
  readonly dedupe?: boolean;
  /** @defaultValue `'first'` */
  readonly duplicateWeight?: DuplicateWeight;
  /** @defaultValue `'keep'` */
  readonly selfLoops?: SelfLoops;
}

/**
 * Converts a graphology graph, directed, undirected or mixed, simple or multi.
 *
 * Vertex i is the i-th node in insertion order, `nodeIds[i]` its key; undirected edges are stored in both directions.
 * Node attributes stay with the caller: `nodeIds` tells which row is whose.
 *
 * @throws {@link DataError} if a weight is not a finite number.
 *
 * @example
 * import { UndirectedGraph } from 'graphology';
 * const g = new UndirectedGraph();
 * g.mergeEdge('a', 'b');
 * fromGraphology(g).nodeIds; // => ['a', 'b']
 */
export function fromGraphology(
  graph: GraphologyLike,
  options: FromGraphologyOptions = {},
): { graph: CsrGraph; nodeIds: string[] } {
  const { weight, ...build } = options;
  const nodeIds: string[] = [];
  const numberOf = new Map<string, number>();
  graph.forEachNode((node) => {
    numberOf.set(node, nodeIds.length);
    nodeIds.push(node);
  });
  const sources: number[] = [];
  const destinations: number[] = [];
  const weights: number[] = [];
  let directed = 0;
  graph.forEachEdge((edge, attributes, source, target, _s, _t, undirected) => {
    const u = numberOf.get(source)!;
    const v = numberOf.get(target)!;
    const value = weight === undefined ? 1 : (attributes[weight] ?? 1);
    if (typeof value !== 'number' || !Number.isFinite(value)) {
      throw new DataError(
        `fromGraphology: attribute ${JSON.stringify(weight)} of edge ${source} – ${target} must be a finite number, ` +
          `got ${JSON.stringify(value)}; set it or choose another attribute`,
        { edge },
      );
    }
    if (!undirected) directed++;
    const both = undirected && u !== v;
    sources.push(u);
    destinations.push(v);
    weights.push(value);
    if (!both) return;
    sources.push(v);
    destinations.push(u);
    weights.push(value);
  });
  const csr = csrFromEdges({
    numVertices: graph.order,
    sources: Int32Array.from(sources),
    destinations: Int32Array.from(destinations),
    ...(weight === undefined ? {} : { weights: Float32Array.from(weights) }),
    ...build,
  });
  if (directed === 0) markSymmetric(csr);
  return { graph: csr, nodeIds };
}

/** Options of {@link toGraphology}. */
export interface ToGraphologyOptions {
  /** Keys of the nodes, one per vertex. @defaultValue `'0'`, `'1'`, … */
  readonly nodeIds?: readonly string[];
  /** Attribute that gets the edge weight. @defaultValue `'weight'`, on graphs that have weights */
  readonly weight?: string;
  /** @defaultValue `'auto'`: undirected if structure and weights are symmetric */
  readonly type?: 'auto' | 'directed' | 'undirected';
}

/**
 * Makes a graphology graph: an object per node and edge, so for graphs of up to some 100,000 edges.
 *
 * {@link fromGraphology} of the result, with the same weight attribute, gives the same graph again.
 *
 * @throws {@link ShapeError} if `nodeIds` is not one per vertex.
 * @throws {@link OptionError} if node ids repeat, edges repeat, or `type` is `'undirected'` for a graph that is not symmetric.
 */
export function toGraphology(g: CsrGraph, options: ToGraphologyOptions = {}): DirectedGraph | UndirectedGraph {
  const where = 'toGraphology';
  const { type = 'auto', weight = 'weight' } = options;
  const { numVertices: n, indptr, indices, weights } = g;
  const nodeIds = options.nodeIds ?? Array.from({ length: n }, (_, v) => String(v));
  if (nodeIds.length !== n) throw new ShapeError(where, 'nodeIds', [nodeIds.length], `[${n}], one per vertex`);
  if (new Set(nodeIds).size !== n) throw new OptionError(where, 'nodeIds', 'repeated ids', 'unique');
  if (!['auto', 'directed', 'undirected'].includes(type)) {
    throw new OptionError(where, 'type', type, "'auto', 'directed' or 'undirected'");
  }
  if (!hasStrictRows(g))
    throw new OptionError(where, 'graph', 'repeated edges', 'without duplicates', 'dedupe it first');
  const isUndirected = type !== 'directed' && hasSymmetricWeights(g);
  if (type === 'undirected' && !isUndirected) {
    throw new OptionError(where, 'type', type, "'directed' for a graph that is not symmetric");
  }
  const out = isUndirected ? new UndirectedGraph() : new DirectedGraph();
  for (const id of nodeIds) out.addNode(id);
  for (let v = 0; v < n; v++) {
    for (let e = indptr[v]!; e < indptr[v + 1]!; e++) {
      const u = indices[e]!;
      if (isUndirected && u > v) break;
      out.addEdge(nodeIds[u]!, nodeIds[v]!, weights ? { [weight]: weights[e]! } : {});
    }
  }
  return out;
}

function hasSymmetricWeights(g: CsrGraph): boolean {
  if (!isSymmetric(g)) return false;
  const { weights } = g;
  if (!weights) return true;
  const turned = transposeGraph(g).weights!;
  return weights.every((w, e) => w === turned[e]);
}
