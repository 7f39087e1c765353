/** Tells whether the edges of a file come in random order: a partitioner that streams needs it. */
import { open } from 'node:fs/promises';
import type { Rng } from '@strata-ml/core';
import { EDGE_BYTES } from './edgeFile.js';

/** Edges looked at in one place; as many are drawn from all over the file to compare. */
const WINDOW = 4096;
/** Neighbouring edges of a sorted file share vertices: they touch fewer different ones than edges from everywhere. */
const LEAST_SPREAD = 0.9;

/**
 * True unless consecutive edges touch clearly fewer different vertices than edges from all over the file do.
 *
 * Catches files sorted by source, by community, by time of arrival, and those that list both directions in a row.
 * Reads about 16 windows and 4,096 single edges.
 */
export async function isRandomOrder(path: string, edges: number, rng: Rng): Promise<boolean> {
  if (edges < 4 * WINDOW) return false;
  const file = await open(path, 'r');
  try {
    const pairs = new Int32Array(2 * WINDOW);
    const bytes = new Uint8Array(pairs.buffer);
    for (let i = 0; i < WINDOW; i++) {
      const at = Math.floor(rng.uniformAt(i) * edges);
      await file.read(bytes, EDGE_BYTES * i, EDGE_BYTES, EDGE_BYTES * Math.min(at, edges - 1));
    }
    const everywhere = new Set(pairs).size;
    for (let w = 0; w < 16; w++) {
      const at = Math.floor((w * (edges - WINDOW)) / 15);
      await file.read(bytes, 0, bytes.length, EDGE_BYTES * at);
      if (new Set(pairs).size < LEAST_SPREAD * everywhere) return false;
    }
    return true;
  } finally {
    await file.close();
  }
}
