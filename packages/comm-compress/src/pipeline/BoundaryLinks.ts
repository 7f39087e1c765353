/**
 * Messages between neighbouring stages over a process group: a header, then the payload a codec makes of the tensor.
 *
 * With scatter-gather each tensor rank sends its share of the rows, and receivers gather them inside their tensor group:
 * the copies that tensor ranks hold cross the boundary once. Narayanan et al., SC 2021, arXiv:2104.04473, section 4.1.
 */
import { evenCounts, NonFiniteError, offsetsOf, type ProcessGroup, type Trace, type Work } from '@strata-ml/core';
import { sumOfSquares } from '@strata-ml/kernels';
import { type ScheduleOp, type TransferOp, transfersOf } from '../schedule/ops.js';
import type { BoundaryMessage, Direction, WireCodec } from '../train/hooks.js';
import { checkHeader, encodeHeader, HEADER_WORDS } from './messageHeader.js';
import type { StageLinks } from './runSchedule.js';

/** Options of {@link BoundaryLinks}. */
export interface BoundaryLinksOptions {
  /** Ranks of all stages, in order. */
  readonly pipeline: ProcessGroup;
  /** Ranks that share this stage's matrices. */
  readonly tensor: ProcessGroup;
  /** The matrix a boundary carries per micro-batch. */
  readonly shapeOf: (transfer: TransferOp) => { readonly rows: number; readonly width: number };
  readonly codec: WireCodec;
  readonly scatterGather: boolean;
  /**
   * Messages that may wait on one directed link before its sender does; 0: a send begins when its receive is posted and
   * ends when the data have arrived.
   */
  readonly queue: number;
  /** False where loss scaling looks for overflow later. */
  readonly checksBackward: boolean;
  readonly trace: Trace;
}

/** Messages of a stream, by tag: see {@link tag}. */
const [HEADER, PAYLOAD, READY, DONE] = [0, 1, 2, 3];
/** Answers of a directed link that make room in its queue, whatever stream they answer. */
const ROOM_TAG = 0;

/** The boundaries of one rank. */
export class BoundaryLinks implements StageLinks {
  readonly #options: BoundaryLinksOptions;
  /** Sends whose bytes may still be read. */
  #works: Work[] = [];
  /** By peer, in this step: messages so far, and how many will have been received at its end. */
  readonly #counts = new Map<number, { sent: number; received: number; receives: number }>();

  constructor(options: BoundaryLinksOptions) {
    this.#options = options;
  }

  /** Starts a step: how many messages each link will carry tells which of them need no answer. */
  begin(ops: readonly ScheduleOp[]): void {
    this.#counts.clear();
    for (const { kind, peer } of ops.flatMap(transfersOf)) if (kind === 'recv') this.#link(peer).receives++;
  }

  /** Waits until all that was sent has left. */
  end(): void {
    for (const work of this.#works) work.wait();
    this.#works = [];
  }

  exchange(
    transfers: readonly TransferOp[],
    out: (transfer: TransferOp) => Float32Array,
    iteration: number,
  ): Map<TransferOp, Float32Array> {
    const sends = transfers.filter(({ kind }) => kind === 'send');
    const receives = transfers.filter(({ kind }) => kind === 'recv');
    const { queue } = this.#options;
    const isSynchronous = queue === 0;
    if (isSynchronous) for (const t of receives) this.#signal(t.peer, tag(t, READY));
    for (const t of sends) {
      if (isSynchronous) this.#await(t.peer, tag(t, READY));
      else if (this.#link(t.peer).sent >= queue) this.#await(t.peer, ROOM_TAG);
      this.#send(t, out(t), iteration);
    }
    const received = new Map<TransferOp, Float32Array>();
    for (const t of receives) received.set(t, this.#receive(t, iteration));
    if (isSynchronous) for (const t of sends) this.#await(t.peer, tag(t, DONE));
    return received;
  }

  #send(t: TransferOp, data: Float32Array, iteration: number): void {
    const { pipeline, codec, trace } = this.#options;
    const { message, begin, end } = this.#message(t, iteration);
    const { phase, layer } = traffic(t);
    const part = data.length === end - begin ? data : data.subarray(begin, end);
    const encoded = codec.encode(part, message);
    // The codec may use its memory again; the caller's tensor is not touched any more.
    const isOwn = encoded.buffer === part.buffer;
    const payload = isOwn ? encoded : encoded.slice();
    const token = trace.begin(`send ${t.direction} ${t.microBatch}`, 'comm');
    const header = encodeHeader(message, payload.byteLength);
    this.#works.push(
      pipeline.isend(header, t.peer, { tag: tag(t, HEADER), phase: 'pipeline-header', layer }),
      pipeline.isend(payload, t.peer, { tag: tag(t, PAYLOAD), phase, layer }),
    );
    trace.end(token, payload.byteLength);
    this.#link(t.peer).sent++;
  }

  #receive(t: TransferOp, iteration: number): Float32Array {
    const { pipeline, tensor, codec, trace, checksBackward, queue } = this.#options;
    const { message, counts } = this.#message(t, iteration);
    const { layer } = traffic(t);
    const token = trace.begin(`wait ${t.direction} ${t.microBatch}`, 'wait');
    const header = new Int32Array(HEADER_WORDS);
    pipeline.recv(header, t.peer, { tag: tag(t, HEADER) });
    const payload = new Uint8Array(checkHeader(header, message, t.peer));
    pipeline.recv(payload, t.peer, { tag: tag(t, PAYLOAD) });
    const link = this.#link(t.peer);
    if (queue === 0) this.#signal(t.peer, tag(t, DONE));
    else if (link.received + queue < link.receives) this.#signal(t.peer, ROOM_TAG);
    link.received++;
    trace.end(token, payload.byteLength);
    const part = new Float32Array(message.rows * message.width);
    codec.decode(payload, message, part);
    if (t.direction === 'forward' || checksBackward) checkFinite(part, t, pipeline.rank);
    if (counts.length === 1) return part;
    const { rows, width } = this.#options.shapeOf(t);
    const whole = new Float32Array(rows * width);
    const sizes = counts.map((n) => n * width);
    tensor.allGatherV(part, whole, sizes, { phase: 'scatter-gather', layer });
    return whole;
  }

  #await(peer: number, tag: number): void {
    this.#options.pipeline.recv(new Uint8Array(1), peer, { tag });
  }

  #signal(peer: number, tag: number): void {
    this.#works.push(this.#options.pipeline.isend(new Uint8Array(1), peer, { tag, phase: 'pipeline-control' }));
  }

  #message(t: TransferOp, iteration: number) {
    const { tensor, scatterGather, shapeOf } = this.#options;
    const { rows, width } = shapeOf(t);
    const counts = scatterGather ? evenCounts(rows, tensor.size) : [rows];
    const offsets = offsetsOf(counts);
    const at = scatterGather ? tensor.rank : 0;
    const { direction, boundary, microBatch, isDrain } = t;
    const message: BoundaryMessage = {
      direction,
      boundary,
      microBatch,
      iteration,
      rows: counts[at]!,
      width,
      isDrain,
    };
    return { message, counts, begin: offsets[at]! * width, end: offsets[at + 1]! * width };
  }

  #link(peer: number) {
    let counts = this.#counts.get(peer);
    if (!counts) {
      counts = { sent: 0, received: 0, receives: 0 };
      this.#counts.set(peer, counts);
    }
    return counts;
  }
}

/** One stream per boundary and direction, after the tag of answers. */
function tag({ boundary, direction }: TransferOp, kind: number): number {
  return 1 + 4 * (2 * boundary + (direction === 'forward' ? 0 : 1)) + kind;
}

function traffic({ direction, boundary }: TransferOp): { phase: string; layer: number } {
  return { phase: `pipeline-${direction}`, layer: boundary };
}

/** @throws {@link NonFiniteError} that says where the value came from. */
function checkFinite(x: Float32Array, { microBatch, direction }: TransferOp, stage: number): void {
  if (Number.isFinite(sumOfSquares(x))) return;
  const index = x.findIndex((value) => !Number.isFinite(value));
  const what: Record<Direction, string> = { forward: 'activation', backward: 'gradient' };
  throw new NonFiniteError(
    `pipeline: ${what[direction]} received by stage ${stage}, micro-batch ${microBatch}, ${direction}`,
    index,
    x[index]!,
    'lower the learning rate, or look at the stage before',
  );
}
