/** Everybody gets every payload, decodes all of them in the order of ranks, and averages. */
import { type Codec, isFixedSize, type Payload } from '../codecs/Codec.js';
import { divide, type Part } from '../codecs/linear.js';
import type { Wire } from './Wire.js';

/** Averages parts by gathering payloads: (P − 1) times the payload leaves each rank. Gives the payload's bytes. */
export function averageByGather(codec: Codec, parts: readonly Part[], wire: Wire): number {
  const payloads = parts.map(({ key, shape, y, sent }) => {
    const payload = codec.encode(y, shape, key, rankRng(codec, wire, key));
    if (sent) codec.decode(payload, sent);
    return payload;
  });
  const mine = joined(payloads);
  // Where sizes differ from rank to rank they travel first, one number for each tensor.
  const sizes = isFixedSize(codec)
    ? parts.map((_, i) => new Array<number>(wire.size).fill(payloads[i]!.bytes.length))
    : payloads.map((p) => wire.gatherCounts(p.bytes.length));
  const counts = Array.from({ length: wire.size }, (_, r) => sizes.reduce((sum, s) => sum + s[r]!, 0));
  const all = wire.gather(mine, counts);
  for (const { mean } of parts) mean.fill(0);
  let at = 0;
  for (let r = 0; r < wire.size; r++) {
    parts.forEach(({ mean, shape }, i) => {
      const bytes = all.subarray(at, at + sizes[i]![r]!);
      at += bytes.length;
      const { draw } = payloads[i]!;
      const one = new Float32Array(mean.length);
      codec.decode({ codec: codec.id, shape, bytes, ...(draw ? { draw } : {}) }, one);
      for (let j = 0; j < one.length; j++) mean[j]! += one[j]!;
    });
  }
  for (const { mean } of parts) divide(mean, wire.size);
  return mine.length;
}

/** Ranks must round independently of each other, but draw the same positions and first factors. */
export function rankRng(codec: Codec, wire: Wire, key: string) {
  const shared = wire.rng(key);
  return codec.aggregation === 'linear' ? shared : shared.split('rank', wire.rank);
}

/** Payloads one after the other. */
export function joined(payloads: readonly Payload[]): Uint8Array {
  const [only] = payloads;
  if (only && payloads.length === 1) return only.bytes;
  const all = new Uint8Array(payloads.reduce((n, p) => n + p.bytes.length, 0));
  let at = 0;
  for (const { bytes } of payloads) {
    all.set(bytes, at);
    at += bytes.length;
  }
  return all;
}
