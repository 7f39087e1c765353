/** Where a sampler takes neighbours from: storage, snapshots, or a cache of whole lists. */

/** Counts since the sampler was made. */
export interface DrawCounts {
  /** Lists drawn from. */
  lists: number;
  /** Lists that needed no storage. */
  hits: number;
  /** Neighbours drawn. */
  drawn: number;
  /** Neighbours drawn from an incomplete snapshot that an earlier call made. */
  stale: number;
}

/** What one layer of one call draws. */
export interface DrawRequest {
  /** Calls before this one. */
  readonly call: number;
  /** From 0, the input layer. */
  readonly layer: number;
  /** None twice. int32 `[n]`. */
  readonly vertices: Int32Array;
  /** Places for the neighbours of each vertex in `out`, min(fan-out, degree) each. int32 `[n + 1]`. */
  readonly indptr: Int32Array;
  readonly out: Int32Array;
}

/** Draws neighbours. */
export interface NeighbourPolicy {
  /** Bytes that lists are kept in. */
  readonly cacheBytes: number;
  /** Bytes read by other threads on its behalf. */
  readonly backgroundBytes: number;
  /** Called before the first layer of each call. */
  beginCall(call: number): void;
  /** Fills all of `out`; the order within a list is free. */
  draw(request: DrawRequest): void;
  dispose(): void;
}
