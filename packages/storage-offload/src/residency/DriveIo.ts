/** Block memory on a drive: one file per kind and stage, made when it is first written to. */
import { BlockFile, type BlockRequest, type Trace } from '@strata-ml/core';
import type { GraphStore } from '../store/GraphStore.js';
import type { BlockIo, TransferPurpose } from './BlockIo.js';
import type { BlockNumbers } from './BlockNumbers.js';
import type { HostMemory } from './HostMemory.js';

/** Reads the store's files and a run's own, `work-….blocks`, which are removed when it closes. */
export class DriveIo implements BlockIo {
  /** Milliseconds that the computing thread slept for transfers. */
  waitedMs = 0;
  readonly #store: GraphStore;
  readonly #numbers: BlockNumbers;
  readonly #memory: HostMemory;
  readonly #trace: Trace;
  readonly #files = new Map<string, BlockFile>();
  readonly #running = new Map<number, { readonly request: BlockRequest; readonly span: number }>();

  constructor(store: GraphStore, numbers: BlockNumbers, memory: HostMemory, trace: Trace) {
    this.#store = store;
    this.#numbers = numbers;
    this.#memory = memory;
    this.#trace = trace;
  }

  read(block: number, offset: number, purpose: TransferPurpose): void {
    const { kind, partition } = this.#numbers.name(block);
    const into = this.#memory.padded(offset, this.#numbers.bytes[block]!);
    if (into.length === 0) return;
    const span = this.#trace.begin(`load ${kind}`, 'io');
    let request: BlockRequest;
    if (kind === 'topology') request = this.#store.readTopology(partition, into);
    else if (kind === 'features') request = this.#store.features.read(partition, into, 'features');
    else request = this.#file(block).read(partition, into, purpose === 'spill' ? 'spill' : kind);
    this.#running.set(block, { request, span });
  }

  write(block: number, offset: number, purpose: TransferPurpose): void {
    const { kind, partition } = this.#numbers.name(block);
    const from = this.#memory.padded(offset, this.#numbers.bytes[block]!);
    if (from.length === 0) return;
    const span = this.#trace.begin(`store ${kind}`, 'io');
    const request = this.#file(block).write(partition, from, purpose === 'spill' ? 'spill' : kind);
    this.#running.set(block, { request, span });
  }

  settle(block: number): void {
    const running = this.#running.get(block);
    if (!running) return;
    this.#running.delete(block);
    const begin = performance.now();
    running.request.wait();
    this.waitedMs += performance.now() - begin;
    this.#trace.end(running.span, this.#numbers.bytes[block]!);
  }

  /** Ends the spans of transfers that are done: they are noticed between steps, so spans may look longer than they were. */
  poll(): void {
    for (const [block, running] of this.#running) if (running.request.isDone) this.settle(block);
  }

  /** Waits for everything under way, whether it succeeds or not: after a failure, nobody asks for it any more. */
  quiesce(): void {
    for (const block of [...this.#running.keys()]) {
      try {
        this.settle(block);
      } catch {
        // The first failure was reported; this is what it left behind.
      }
    }
  }

  /** Waits for everything under way and removes the run's files. */
  close(): void {
    this.quiesce();
    for (const file of this.#files.values()) file.close();
    this.#files.clear();
  }

  #file(block: number): BlockFile {
    const { kind, stage } = this.#numbers.name(block);
    const name = `work-${kind}-${stage}.blocks`;
    let file = this.#files.get(name);
    if (!file) {
      const first = block - (block % this.#numbers.parts);
      file = BlockFile.create(
        this.#store.device,
        name,
        this.#numbers.bytes.subarray(first, first + this.#numbers.parts),
      );
      this.#files.set(name, file);
    }
    return file;
  }
}
