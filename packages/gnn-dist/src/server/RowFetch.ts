/**
 * Copies of remote rows: which vertices this rank copies from which owners, how to fetch rows of features or of hidden
 * layers for them, and how to return gradients.
 */
import type { ProcessGroup } from '@strata-ml/core';
import { type Csr, readTensor, tensorFrom } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';
import type { Features } from '../data.js';
import { HaloExchange } from '../exchange/haloExchange.js';
import type { PhaseTimes } from '../exchange/PhaseTimes.js';
import type { FeatureRows } from '../input/featureRows.js';
import { SparseRows } from '../input/sparseRows.js';
import { exchangeSendPlan } from '../plan/sendPlan.js';
import type { HaloBytes } from '../plan/traffic.js';
import type { StageCall } from '../stages/LayerStage.js';

/** Bytes of one piece of a fetch: bounds the dense copy of sparse rows. */
const PIECE_BYTES = 4 * 1024 * 1024;

/** Fetches rows of `wanted` vertices from their owners; making one is collective over `world`. */
export class RowFetch {
  readonly #exchange: HaloExchange;
  readonly #numOwned: number;
  readonly #wanted: Int32Array;
  /** Region position of each wanted row. */
  readonly #position: Int32Array;
  readonly #offsets: Int32Array;
  readonly #owned: Int32Array;

  /**
   * @param owned - the vertices whose rows others may fetch from me, in the order of my rows
   * @param wanted - the vertices whose rows I copy, in the order I want them
   * @param ownerOf - world rank that owns each vertex, int32 `[n]`
   */
  constructor(
    world: ProcessGroup,
    owned: Int32Array,
    wanted: Int32Array,
    ownerOf: Int32Array,
    times: PhaseTimes,
    phase = 'setup',
  ) {
    const order = Int32Array.from(wanted.keys()).sort(
      (a, b) => ownerOf[wanted[a]!]! - ownerOf[wanted[b]!]! || wanted[a]! - wanted[b]!,
    );
    const haloOffsets = new Int32Array(world.size + 1);
    for (const v of wanted) haloOffsets[ownerOf[v]! + 1]!++;
    haloOffsets[0] = owned.length;
    for (let q = 0; q < world.size; q++) haloOffsets[q + 1]! += haloOffsets[q]!;
    const globalIds = new Int32Array(owned.length + wanted.length);
    globalIds.set(owned);
    order.forEach((i, at) => {
      globalIds[owned.length + at] = wanted[i]!;
    });
    const layout = { numOwned: owned.length, numSources: globalIds.length, haloOffsets, globalIds };
    this.#exchange = new HaloExchange(world, layout, exchangeSendPlan(world, layout, phase), times);
    this.#numOwned = owned.length;
    this.#wanted = wanted;
    this.#owned = owned;
    this.#offsets = haloOffsets;
    this.#position = new Int32Array(wanted.length);
    order.forEach((i, at) => {
      this.#position[i] = at;
    });
  }

  /** Rows from owner q are `offsets[q] … offsets[q + 1] − 1`. int32 `[worldSize + 1]`. */
  get offsets(): Int32Array {
    return this.#offsets;
  }

  /** Rows fetched, by class of link, times `bytesPerRow`. */
  bytes(serverOf: readonly number[], rank: number, bytesPerRow: number): HaloBytes {
    let intraBytes = 0;
    let interBytes = 0;
    for (let q = 0; q < serverOf.length; q++) {
      const bytes = (this.#offsets[q + 1]! - this.#offsets[q]!) * bytesPerRow;
      if (serverOf[q] === serverOf[rank]) intraBytes += bytes;
      else interBytes += bytes;
    }
    return { intraBytes, interBytes };
  }

  /**
   * Features of `vertices`, in that order: mine from the data, wanted ones from their owners. Collective.
   *
   * @param vertices - each one mine or wanted
   */
  rows(features: Features, width: number, vertices: Int32Array, phase: string): FeatureRows {
    return this.startRows(features, width, vertices, phase)();
  }

  /**
   * Likewise, but returns at once what finishes it. Dense rows travel meanwhile; sparse ones, which are wide, in pieces while
   * it is finished.
   */
  startRows(features: Features, width: number, vertices: Int32Array, phase: string): () => FeatureRows {
    return features.kind === 'csr'
      ? () => this.#sparseRows(features.csr, width, vertices, phase)
      : this.#startDense(features.values, width, vertices, phase);
  }

  #startDense(values: Float32Array, width: number, vertices: Int32Array, phase: string): () => FeatureRows {
    const region = new Float32Array(this.#wanted.length * width);
    const pack = (rows: Int32Array, out: Float32Array) => {
      rows.forEach((row, i) => {
        const id = this.#owned[row]!;
        out.set(values.subarray(id * width, (id + 1) * width), i * width);
      });
    };
    const pending = this.#exchange.startRows(pack, width, region, { phase, layer: 1 });
    return () => {
      pending.finish();
      const regionOf = this.#regionOf();
      return tf.keep(
        tensorFrom([vertices.length, width], (out) => {
          vertices.forEach((id, row) => {
            const position = regionOf.get(id);
            const [from, at] = position === undefined ? [values, id * width] : [region, position * width];
            out.set(from.subarray(at, at + width), row * width);
          });
        }) as tf.Tensor2D,
      );
    };
  }

  #regionOf(): Map<number, number> {
    return new Map(Array.from(this.#wanted, (v, i) => [v, this.#position[i]!]));
  }

  #sparseRows(csr: Csr, width: number, vertices: Int32Array, phase: string): FeatureRows {
    const regionOf = this.#regionOf();
    const { indptr, indices, values } = csr;
    const received = new SparseRows.Builder(this.#wanted.length, width);
    this.#pieces(
      width,
      phase,
      (id, out, at) => {
        for (let e = indptr[id]!; e < indptr[id + 1]!; e++) out[at + indices[e]!] = values ? values[e]! : 1;
      },
      (position, data) => received.setRows(position, data),
    );
    const mine = vertices.filter((v) => !regionOf.has(v));
    let next = 0;
    const order = vertices.map((v) => {
      const position = regionOf.get(v);
      return position === undefined ? next++ : mine.length + position;
    });
    return SparseRows.join(SparseRows.select(csr, mine), received.build(), order).operator();
  }

  /** [h ‖ rows of the wanted vertices], h float32 `[numOwned, F]`; gradients of copies return to their owners. */
  extend(h: tf.Tensor2D, { layer, phase, trace }: StageCall): tf.Tensor2D {
    const width = h.shape[1];
    const count = this.#wanted.length;
    const owned = this.#numOwned;
    const exchange = this.#exchange;
    const op = tf.customGrad((x) => ({
      value: trace.span(`copies ${layer}`, 'comm', () =>
        tensorFrom([owned + count, width], (out) => {
          const rows = readTensor(x as tf.Tensor);
          const region = new Float32Array(count * width);
          const pending = exchange.startForward(rows, width, region, phase, layer);
          out.set(rows.subarray(0, owned * width));
          pending.finish();
          this.#spread(region, width, out.subarray(owned * width));
        }),
      ),
      gradFunc: (dy: tf.Tensor) =>
        trace.span(`copies ${layer} backward`, 'comm', () =>
          tensorFrom([owned, width], (gx) => {
            const gradient = readTensor(dy);
            const region = new Float32Array(count * width);
            for (let i = 0; i < count; i++) {
              const from = (owned + i) * width;
              region.set(gradient.subarray(from, from + width), this.#position[i]! * width);
            }
            gx.set(gradient.subarray(0, owned * width));
            exchange.startBackward(region, width, gx, 'backward', layer).finish();
          }),
        ),
    }));
    return op(h) as tf.Tensor2D;
  }

  #pieces(
    width: number,
    phase: string,
    write: (id: number, out: Float32Array, at: number) => void,
    read: (position: number, data: Float32Array) => void,
  ): void {
    const rowsPerPiece = Math.max(1, Math.floor(PIECE_BYTES / (4 * width)));
    const pack = (rows: Int32Array, out: Float32Array) => {
      out.fill(0);
      for (let i = 0; i < rows.length; i++) write(this.#owned[rows[i]!]!, out, i * width);
    };
    this.#exchange.exchangeInPieces(width, rowsPerPiece, { phase, layer: 1 }, pack, read);
  }

  /** Region order to wanted order. */
  #spread(region: Float32Array, width: number, out: Float32Array): void {
    for (let i = 0; i < this.#position.length; i++) {
      const from = this.#position[i]! * width;
      out.set(region.subarray(from, from + width), i * width);
    }
  }
}
