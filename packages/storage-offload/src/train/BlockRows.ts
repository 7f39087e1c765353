/** Rows on their way between blocks and the device, and what they are: every byte that crosses is counted here. */
import type { Trace } from '@strata-ml/core';
import { readTensor, unfilledTensor } from '@strata-ml/kernels';
import type * as tf from '@tensorflow/tfjs-core';
import { gatheredVertices } from '../gather/gatheredVertices.js';
import { addAll, addRows, gatherRows } from '../gather/rows.js';
import { type DeviceMatrix, deviceMatrix } from '../layers/deviceMatrix.js';
import type { TileRows } from '../layers/TileSums.js';
import type { ColumnRange } from '../layers/tiles.js';
import type { BlockNumbers } from '../residency/BlockNumbers.js';
import type { HostMemory } from '../residency/HostMemory.js';
import type { HeldBlock, Residency } from '../residency/Residency.js';
import type { BipartiteCsr } from '../store/BipartiteCsr.js';
import type { GraphStore } from '../store/GraphStore.js';
import type { TrainedStage } from './ModelStages.js';
import { sourcesOf } from './schedule.js';
import type { DeviceTraffic } from './TrafficCounters.js';

/** What {@link BlockRows} work with. */
export interface BlockRowsOptions {
  readonly store: GraphStore;
  readonly stages: readonly TrainedStage[];
  /** Columns that enter each stage, then those that leave the last. */
  readonly widths: readonly number[];
  readonly numbers: BlockNumbers;
  readonly memory: HostMemory;
  readonly residency: Residency;
  readonly snapshots: boolean;
  readonly trace: Trace;
}

/** Edges of a partition while its step runs. */
export interface HeldEdges {
  readonly held: HeldBlock;
  readonly csr: BipartiteCsr;
}

/** Moves rows; takes and gives back blocks in the order of the plan. */
export class BlockRows {
  readonly traffic: DeviceTraffic = { uploadBytes: 0, downloadBytes: 0 };
  /** Milliseconds spent copying rows, waiting for the drive included. */
  gatherMs = 0;
  readonly residency: Residency;
  readonly #options: BlockRowsOptions;

  constructor(options: BlockRowsOptions) {
    this.#options = options;
    this.residency = options.residency;
  }

  /** The edges of a partition, held until the step is done; none for dense stages. */
  edges(l: number, p: number): HeldEdges | undefined {
    const { stages, store, memory, numbers } = this.#options;
    if (!stages[l]!.gathers) return undefined;
    const held = this.residency.acquire();
    return { held, csr: store.viewTopology(p, memory.padded(held.offset, numbers.bytes[held.block]!)) };
  }

  /** True if the rows of other partitions come one after another, inside the layer. */
  isTiled(l: number): boolean {
    return this.#options.stages[l]!.isTiled && !this.#options.snapshots;
  }

  /** Moves rows between a partition and the blocks of others while its layer runs. */
  tileRows(l: number, p: number): TileRows {
    const { store, widths, trace } = this.#options;
    const width = widths[l]!;
    const timed = (name: string, bytes: number, move: () => void) => {
      const begin = performance.now();
      const span = trace.begin(name, 'other');
      move();
      trace.end(span, bytes);
      this.gatherMs += performance.now() - begin;
    };
    return {
      read: (owner, out) => {
        timed('gather', out.byteLength, () => {
          const held = this.residency.acquire();
          gatherRows(this.floats(held), width, store.boundary(p, owner), out);
          this.residency.release(held);
        });
        this.traffic.uploadBytes += out.byteLength;
      },
      add: (owner, gradient) => {
        timed('scatter', gradient.byteLength, () => {
          const held = this.residency.acquire();
          const block = this.floats(held);
          if (held.isFresh) block.fill(0);
          addRows(block, width, store.boundary(p, owner), gradient);
          this.residency.release(held);
        });
        this.traffic.downloadBytes += gradient.byteLength;
      },
    };
  }

  /** Rows that a partition reads, all at once: its own, then those of others by owner. */
  gather(l: number, p: number): tf.Tensor2D {
    const { store, stages, widths, trace } = this.#options;
    const width = widths[l]!;
    const begin = performance.now();
    const span = trace.begin('gather', 'other');
    const { gathers } = stages[l]!;
    const sources = sourcesOf(store.dependencies(p), p, gathers);
    const count = gathers ? store.expandedRows(p) : store.rows(p);
    const gathered = unfilledTensor<tf.Rank.R2>([count, width], (out) => {
      let at = 0;
      for (const q of sources) {
        const held = this.residency.acquire();
        const block = this.floats(held);
        if (q === p) {
          out.set(block);
          at += block.length;
        } else {
          const rows = store.boundary(p, q);
          gatherRows(block, width, rows, out.subarray(at, at + rows.length * width));
          at += rows.length * width;
        }
        this.residency.release(held);
      }
    });
    this.gatherMs += performance.now() - begin;
    trace.end(span, 4 * count * width);
    this.traffic.uploadBytes += 4 * count * width;
    return gathered as tf.Tensor2D;
  }

  /** Adds the gradient of gathered rows to the blocks of their owners, in that order; of a tiled stage only the own rows. */
  scatter(l: number, p: number, rows: Float32Array | undefined): void {
    const { store, stages, widths, trace } = this.#options;
    const width = widths[l]!;
    const begin = performance.now();
    const span = trace.begin('scatter', 'other');
    let at = 0;
    for (const q of sourcesOf(store.dependencies(p), p, stages[l]!.gathers && !this.isTiled(l))) {
      const held = this.residency.acquire();
      const block = this.floats(held);
      if (held.isFresh) block.fill(0);
      const boundary = q === p ? undefined : store.boundary(p, q);
      const length = boundary ? boundary.length * width : block.length;
      const part = rows?.subarray(at, at + length);
      if (part && boundary) addRows(block, width, boundary, part);
      else if (part) addAll(block, part);
      at += length;
      this.residency.release(held);
    }
    this.gatherMs += performance.now() - begin;
    trace.end(span, 4 * at);
    this.traffic.downloadBytes += 4 * at;
  }

  /** The next block as a matrix: a gradient, class scores, or with a stage its snapshot. */
  upload(snapshotOf?: number): tf.Tensor2D {
    const { numbers, widths } = this.#options;
    const held = this.residency.acquire();
    const { stage } = numbers.name(held.block);
    const tensor = this.tensor(this.floats(held), widths[snapshotOf ?? stage]!);
    this.traffic.uploadBytes += 4 * tensor.size;
    this.residency.release(held);
    return tensor;
  }

  /** Writes a matrix into the next block. */
  keep(x: tf.Tensor2D): void {
    const held = this.residency.acquire();
    this.floats(held).set(readTensor(x));
    this.traffic.downloadBytes += 4 * x.size;
    this.residency.release(held);
  }

  /** Values as a matrix on the device. */
  tensor(values: Float32Array, width: number): tf.Tensor2D {
    return unfilledTensor<tf.Rank.R2>([values.length / width, width], (out) => out.set(values)) as tf.Tensor2D;
  }

  /** Values as a matrix on the device that may be overwritten. */
  matrix(width: number, values: Float32Array): DeviceMatrix {
    const matrix = deviceMatrix(values.length / width, width);
    matrix.values().set(values);
    return matrix;
  }

  /** The rows of a block, without padding. */
  floats({ block, offset }: HeldBlock): Float32Array {
    const { numbers, store, stages, widths, memory } = this.#options;
    const { kind, stage, partition } = numbers.name(block);
    const isExpanded = kind === 'snapshots' && stages[stage]!.gathers;
    const rows = isExpanded ? store.expandedRows(partition) : store.rows(partition);
    return memory.floats(offset, rows * widths[stage]!);
  }

  /** Columns of a partition's edges by owner. */
  ranges(p: number): ColumnRange[] {
    const { store } = this.#options;
    let at = 0;
    return sourcesOf(store.dependencies(p), p, true).map((owner) => {
      const begin = at;
      at += owner === p ? store.rows(p) : store.boundary(p, owner).length;
      return { owner, begin, end: at };
    });
  }

  /** The user's number of each gathered row. */
  vertices(p: number, gathers: boolean): Int32Array {
    const { store } = this.#options;
    const { offsets } = store.meta;
    return gathers ? gatheredVertices(store, p) : store.order.slice(offsets[p]!, offsets[p + 1]!);
  }

  /** Labels of a partition. */
  labels(p: number): Int32Array {
    const { labels, meta } = this.#options.store;
    return labels.subarray(meta.offsets[p]!, meta.offsets[p + 1]!);
  }

  /** Training rows of a partition. */
  trainRows(p: number): Int32Array {
    return this.rowsOf(this.#options.store.trainMask, p);
  }

  /** Rows of a partition that a mask marks. */
  rowsOf(mask: Uint8Array, p: number): Int32Array {
    const { offsets } = this.#options.store.meta;
    const rows: number[] = [];
    for (let v = offsets[p]!; v < offsets[p + 1]!; v++) if (mask[v] === 1) rows.push(v - offsets[p]!);
    return Int32Array.from(rows);
  }
}
