/** Maps arbitrary ids to 0 … n − 1 without an object per id: a table for small ids, open addressing for the others. */

const EMPTY = -1;
/** Ids below this are looked up in a table, which grows as needed to at most 64 MiB. */
const TABLE_LIMIT = 2 ** 24;

/** Numbers ids by first appearance; {@link IdMap.sorted} gives the ascending numbering. */
export class IdMap {
  #keys = new Float64Array(1 << 16).fill(EMPTY);
  #numbers = new Int32Array(1 << 16);
  #hashed = 0;
  #size = 0;
  /** Number + 1 of small ids, 0 = not seen. */
  #table = new Int32Array(1 << 12);

  /** Distinct ids so far. */
  get size(): number {
    return this.#size;
  }

  /** Number of an id (integer in 0 … 2⁵³ − 1), given out on first sight. */
  numberOf(id: number): number {
    if (id >= TABLE_LIMIT) return this.#hashedNumberOf(id);
    if (id >= this.#table.length) this.#growTable(id);
    const number = this.#table[id]!;
    if (number > 0) return number - 1;
    this.#table[id] = ++this.#size;
    return this.#size - 1;
  }

  #hashedNumberOf(id: number): number {
    const mask = this.#keys.length - 1;
    let slot = hash(id) & mask;
    while (this.#keys[slot] !== id) {
      if (this.#keys[slot] === EMPTY) {
        // Half full at most: probe chains stay short.
        if (2 * this.#hashed >= this.#keys.length) {
          this.#grow();
          return this.#hashedNumberOf(id);
        }
        this.#keys[slot] = id;
        this.#numbers[slot] = this.#size;
        this.#hashed++;
        return this.#size++;
      }
      slot = (slot + 1) & mask;
    }
    return this.#numbers[slot]!;
  }

  /** Ids in ascending order, float64 `[size]`, and for each number given out its place there, int32 `[size]`. */
  sorted(): { ids: Float64Array; rankOf: Int32Array } {
    const ids = new Float64Array(this.#size);
    let at = 0;
    for (let id = 0; id < this.#table.length; id++) if (this.#table[id]! > 0) ids[at++] = id;
    ids.set(this.#keys.filter((key) => key !== EMPTY).sort(), at);
    const rankOf = new Int32Array(this.#size);
    for (let rank = 0; rank < ids.length; rank++) rankOf[this.numberOf(ids[rank]!)] = rank;
    return { ids, rankOf };
  }

  #growTable(id: number): void {
    const larger = new Int32Array(Math.min(TABLE_LIMIT, Math.max(2 * this.#table.length, id + 1)));
    larger.set(this.#table);
    this.#table = larger;
  }

  #grow(): void {
    const keys = this.#keys;
    const numbers = this.#numbers;
    this.#keys = new Float64Array(2 * keys.length).fill(EMPTY);
    this.#numbers = new Int32Array(2 * keys.length);
    const mask = this.#keys.length - 1;
    for (let i = 0; i < keys.length; i++) {
      const id = keys[i]!;
      if (id === EMPTY) continue;
      let slot = hash(id) & mask;
      while (this.#keys[slot] !== EMPTY) slot = (slot + 1) & mask;
      this.#keys[slot] = id;
      this.#numbers[slot] = numbers[i]!;
    }
  }
}

function hash(id: number): number {
  const high = id >= 2 ** 32 ? Math.floor(id / 2 ** 32) : 0;
  const h = Math.imul((id | 0) ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1);
  return h ^ (h >>> 15);
}
