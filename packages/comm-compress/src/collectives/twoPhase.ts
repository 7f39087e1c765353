/**
 * Each rank averages one share of the tensor, compresses the mean again and sends it to all.
 *
 * The compressed all-reduce of 1-bit Adam (Tang et al., arXiv:2102.02888), for any codec of fixed size.
 */
import type { Codec } from '../codecs/Codec.js';
import { divide, type Part } from '../codecs/linear.js';
import type { ErrorFeedback } from '../feedback/ErrorFeedback.js';
import { joined, rankRng } from './gather.js';
import type { Wire } from './Wire.js';

/** Elements of each rank's share: whole bytes of signs, the rest on the last. */
function shares(n: number, size: number): number[] {
  const each = Math.ceil(Math.ceil(n / size) / 8) * 8;
  return Array.from({ length: size }, (_, r) => Math.max(0, Math.min(each, n - r * each)));
}

/**
 * Averages parts in two phases; 2 (P − 1)/P times the payload leaves a rank, and a scale more for each share. `memory` keeps
 * what this rank lost when it compressed means, under `<key>/server`.
 */
export function averageByShares(
  codec: Codec,
  parts: readonly Part[],
  wire: Wire,
  memory: ErrorFeedback | undefined,
): number {
  let bytes = 0;
  for (const part of parts) bytes += averageOne(codec, part, wire, memory);
  return bytes;
}

function averageOne(codec: Codec, part: Part, wire: Wire, memory: ErrorFeedback | undefined): number {
  const { key, y, mean, sent } = part;
  const { size, rank } = wire;
  const counts = shares(y.length, size);
  const rng = rankRng(codec, wire, key);
  let begin = 0;
  const payloads = counts.map((count, r) => {
    const share = y.subarray(begin, begin + count);
    const payload = codec.encode(share, [count], `${key}/${r}`, rng.split('worker', r));
    if (sent) codec.decode(payload, sent.subarray(begin, begin + count));
    begin += count;
    return payload;
  });
  const byteCounts = payloads.map((p) => p.bytes.length);
  const mine = joined(payloads);
  const own = byteCounts[rank]!;
  const received = wire.exchange(mine, byteCounts, new Array<number>(size).fill(own));
  const share = new Float32Array(counts[rank]!);
  const one = new Float32Array(share.length);
  for (let r = 0; r < size; r++) {
    codec.decode({ codec: codec.id, shape: [share.length], bytes: received.subarray(own * r, own * (r + 1)) }, one);
    for (let i = 0; i < share.length; i++) share[i]! += one[i]!;
  }
  divide(share, size);
  const z = memory ? memory.compensate(`${key}/server`, share) : share;
  const answer = codec.encode(z, [z.length], `${key}/server`, rng.split('server'));
  if (memory) {
    codec.decode(answer, one);
    memory.update(`${key}/server`, z, one);
  }
  const all = wire.gather(answer.bytes, byteCounts);
  let at = 0;
  let from = 0;
  counts.forEach((count, r) => {
    const bytes = all.subarray(at, at + byteCounts[r]!);
    at += bytes.length;
    codec.decode({ codec: codec.id, shape: [count], bytes }, mean.subarray(from, from + count));
    from += count;
  });
  return mine.length;
}
