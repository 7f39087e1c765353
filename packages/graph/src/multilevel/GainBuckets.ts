/**
 * A priority queue of vertices by gain: an array of doubly linked lists, last in first out among equals.
 *
 * Fiduccia, Mattheyses: "A Linear-Time Heuristic for Improving Network Partitions", DAC 1982.
 */

/** Most buckets on each side of zero; larger gains share buckets. */
const MOST_BUCKETS = 1 << 13;

export class GainBuckets {
  readonly #head: Int32Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** Bucket of each vertex, −1 if it is not queued. */
  readonly #bucketOf: Int32Array;
  readonly #zero: number;
  readonly #shift: number;
  #top = -1;
  size = 0;

  /** @param largest - bound of |gain| */
  constructor(n: number, largest: number) {
    let shift = 0;
    while (largest / 2 ** shift > MOST_BUCKETS) shift++;
    this.#shift = shift;
    this.#zero = Math.ceil(largest / 2 ** shift) + 1;
    this.#head = new Int32Array(2 * this.#zero + 1).fill(-1);
    this.#next = new Int32Array(n);
    this.#previous = new Int32Array(n);
    this.#bucketOf = new Int32Array(n).fill(-1);
  }

  has(v: number): boolean {
    return this.#bucketOf[v] !== -1;
  }

  /** Queues v, or moves it to its new gain. */
  set(v: number, gain: number): void {
    const bucket = this.#zero + (gain >> this.#shift);
    const old = this.#bucketOf[v]!;
    if (old === bucket) return;
    if (old !== -1) this.#unlink(v, old);
    else this.size++;
    const head = this.#head[bucket]!;
    this.#next[v] = head;
    this.#previous[v] = -1;
    if (head !== -1) this.#previous[head] = v;
    this.#head[bucket] = v;
    this.#bucketOf[v] = bucket;
    if (bucket > this.#top) this.#top = bucket;
  }

  remove(v: number): void {
    const bucket = this.#bucketOf[v]!;
    if (bucket === -1) return;
    this.#unlink(v, bucket);
    this.#bucketOf[v] = -1;
    this.size--;
  }

  /** Takes out a vertex of the highest bucket; −1 if there is none. */
  pop(): number {
    if (this.size === 0) {
      this.#top = -1;
      return -1;
    }
    while (this.#head[this.#top] === -1) this.#top--;
    const v = this.#head[this.#top]!;
    this.remove(v);
    return v;
  }

  clear(): void {
    while (this.pop() !== -1);
  }

  #unlink(v: number, bucket: number): void {
    const next = this.#next[v]!;
    const previous = this.#previous[v]!;
    if (previous === -1) this.#head[bucket] = next;
    else this.#next[previous] = next;
    if (next !== -1) this.#previous[next] = previous;
  }
}
