/** A heap of timed events; equal times leave in the order of their tie-breaker, so that runs are deterministic. */

interface Entry<T> {
  readonly timeS: number;
  readonly tie: number;
  readonly value: T;
}

/** The earliest event first. */
export class EventQueue<T> {
  readonly #heap: Entry<T>[] = [];

  /** Events that wait. */
  get size(): number {
    return this.#heap.length;
  }

  /** Time of the first event; Infinity if none waits. */
  get nextS(): number {
    return this.#heap[0]?.timeS ?? Number.POSITIVE_INFINITY;
  }

  /** Adds an event. Cost O(log n). */
  push(timeS: number, tie: number, value: T): void {
    const heap = this.#heap;
    const entry = { timeS, tie, value };
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(heap[parent]!, entry)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  /** Takes the first event. Cost O(log n). */
  pop(): T | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first?.value;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (isBefore(last, heap[child]!)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first.value;
  }
}

function isBefore<T>(a: Entry<T>, b: Entry<T>): boolean {
  return a.timeS < b.timeS || (a.timeS === b.timeS && a.tie < b.tie);
}
