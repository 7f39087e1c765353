/** Majority of signs: each rank counts the votes of its share and tells all others. */
import { evenCounts } from '@strata-ml/core';
import type { Codec } from '../codecs/Codec.js';
import type { Part } from '../codecs/linear.js';
import { joined } from './gather.js';
import type { Wire } from './Wire.js';

/** Makes `mean` +1 where at least half of the ranks have a sign ≥ 0, else −1. 2 (P − 1)/P · n/8 bytes leave a rank. */
export function averageByVote(codec: Codec, parts: readonly Part[], wire: Wire): number {
  const payloads = parts.map(({ key, shape, y }) => codec.encode(y, shape, key, wire.rng(key)));
  const mine = joined(payloads);
  const counts = evenCounts(mine.length, wire.size);
  const own = counts[wire.rank]!;
  const received = wire.exchange(mine, counts, new Array<number>(wire.size).fill(own));
  const all = wire.gather(majority(received, own, wire.size), counts);
  let at = 0;
  parts.forEach(({ shape, mean }, i) => {
    const bytes = all.subarray(at, at + payloads[i]!.bytes.length);
    at += bytes.length;
    codec.decode({ codec: codec.id, shape, bytes }, mean);
  });
  return mine.length;
}

/** Bit by bit over `voters` blocks of `length` bytes; a tie counts as 1. */
function majority(votes: Uint8Array, length: number, voters: number): Uint8Array {
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    let byte = 0;
    for (let bit = 0; bit < 8; bit++) {
      let ones = 0;
      for (let r = 0; r < voters; r++) ones += (votes[r * length + i]! >> bit) & 1;
      if (2 * ones >= voters) byte |= 1 << bit;
    }
    out[i] = byte;
  }
  return out;
}
