/**
 * Point-to-point messages of one rank.
 *
 * A send copies its data into the sender's arena and leaves a descriptor in the ring of the directed pair, so it is
 * complete at once and needs nothing more from the sender. Messages too large for the arena, or sent while it is full,
 * stream through it in pieces whenever sender and receiver wait for anything. A receiver that has not asked for a
 * message takes its pieces into private memory when a sender runs out of space: nobody waits in a circle.
 *
 * Messages match by (group, tag) in the order sent. Arrival times on emulated links are fixed when data are handed over.
 */
import { CommMismatchError } from '../../errors.js';
import { ELEMENT_TYPES } from '../dtype.js';
import type { Pending } from '../Pending.js';
import type { Endpoint, Progressor } from './Endpoint.js';
import { RING, ringAddress } from './fabric.js';
import { type Address, Incoming, type Message, Outgoing, type Piece } from './message.js';

/** Bytes of a message piece that streams. */
const PIECE_BYTES = 2 ** 20;
/** The same where links are emulated: all but the last piece is copied while the link is busy with others. */
const LINK_PIECE_BYTES = 2 ** 18;
/** Bytes before each piece's data in the arena: the receiver's "taken" mark, on a cache line of its own. */
const MARK_BYTES = 64;
/** This user of the arena, see {@link Endpoint.starve}. */
const STARVED = 1;
/** int32 cells of a descriptor; from byte 24 float64 cells. */
const D = { context: 0, tag: 1, type: 2, isFirst: 3, offset: 4, bytes: 5, total: 3, arrival: 4 } as const;

/** Sends and receives of one rank. */
export class Mailbox implements Progressor {
  readonly #end: Endpoint;
  readonly #outgoing: Outgoing[][];
  readonly #posted: Incoming[][];
  readonly #unexpected: Message[][];
  /** The message whose pieces are arriving, by source. */
  readonly #open: (Message | undefined)[];
  /** Arena offsets of pieces that peers may not have taken yet. */
  #handedOver: number[] = [];
  #numOutgoing = 0;
  #numPosted = 0;
  readonly #eagerBytes: number;

  constructor(end: Endpoint) {
    const { worldSize, arenaBytes } = end.fabric;
    this.#end = end;
    this.#outgoing = Array.from({ length: worldSize }, () => []);
    this.#posted = Array.from({ length: worldSize }, () => []);
    this.#unexpected = Array.from({ length: worldSize }, () => []);
    this.#open = new Array(worldSize).fill(undefined);
    this.#eagerBytes = Math.floor(arenaBytes / 4);
    end.active.add(this);
    end.onSpaceNeeded(() => this.#reclaim());
  }

  /** Starts a send; `data` are copied as far as there is space, usually whole. */
  send(name: string, address: Address, type: number, data: Uint8Array): Pending {
    const outgoing = new Outgoing(name, address, type, data);
    if (this.#handedOver.length >= 16) this.#reclaim();
    this.#outgoing[address.peer]!.push(outgoing);
    this.#numOutgoing++;
    this.#pump(address.peer);
    return outgoing;
  }

  /** Starts a receive into `into`. */
  receive(name: string, address: Address, type: number, into: Uint8Array): Pending {
    const incoming = new Incoming(name, address, type, into);
    const waiting = this.#unexpected[address.peer]!;
    const at = waiting.findIndex((m) => m.context === address.context && m.tag === address.tag);
    if (at >= 0) {
      const message = waiting[at]!;
      waiting.splice(at, 1);
      this.#match(incoming, message);
    }
    this.#posted[address.peer]!.push(incoming);
    this.#numPosted++;
    return incoming;
  }

  progress(): number {
    let next = Number.POSITIVE_INFINITY;
    if (this.#numOutgoing > 0) {
      for (let peer = 0; peer < this.#outgoing.length; peer++) this.#pump(peer);
    }
    const { anyStarved } = this.#end;
    if (this.#numPosted === 0 && !anyStarved) return next;
    for (let peer = 0; peer < this.#posted.length; peer++) {
      const mustPark = anyStarved && this.#end.isStarved(peer);
      if (this.#posted[peer]!.length === 0 && !mustPark) continue;
      this.#scan(peer);
      next = Math.min(next, this.#deliver(peer));
      if (mustPark) for (const message of this.#unexpected[peer]!) this.#park(message, peer);
    }
    return next;
  }

  /** True once everything sent has been handed over. */
  get isFlushed(): boolean {
    return this.#numOutgoing === 0;
  }

  /** A pending operation that is done when everything sent has been handed over. */
  flush(): Pending {
    const mailbox = this;
    return {
      name: 'send',
      error: undefined,
      advances: 0,
      get isDone() {
        return mailbox.isFlushed;
      },
      missing: () => this.#outgoing.flatMap((queue, peer) => (queue.length > 0 ? [peer] : [])),
    };
  }

  /** Hands over what fits to one peer. */
  #pump(peer: number): void {
    const queue = this.#outgoing[peer]!;
    const { i32, f64, u8, fabric, rank, ports } = this.#end;
    const ring = ringAddress(fabric, rank, peer);
    let isFull = false;
    let pushed = 0;
    while (queue.length > 0) {
      const outgoing = queue[0]!;
      const written = i32[ring >>> 2]!;
      if (((written - Atomics.load(i32, (ring + 64) >>> 2)) | 0) >= RING.slots) {
        isFull = true;
        break;
      }
      const left = outgoing.data.length - outgoing.sent;
      // On emulated links the first piece is under way while the next is copied, as a network card would have it.
      const isWhole = outgoing.sent === 0 && left <= this.#eagerBytes && !ports;
      let bytes = isWhole
        ? left
        : Math.min(left, Math.max(ports ? LINK_PIECE_BYTES : PIECE_BYTES, Math.ceil(outgoing.data.length / 32)));
      let mark = this.#end.takeSpace(MARK_BYTES + bytes);
      if (mark === 0 && bytes > PIECE_BYTES) {
        bytes = PIECE_BYTES;
        mark = this.#end.takeSpace(MARK_BYTES + bytes);
      }
      if (mark === 0) {
        isFull = true;
        break;
      }
      const offset = mark + MARK_BYTES;
      i32[mark >>> 2] = 0;
      u8.set(
        bytes === outgoing.data.length ? outgoing.data : outgoing.data.subarray(outgoing.sent, outgoing.sent + bytes),
        offset,
      );
      this.#handedOver.push(mark);
      const d = (ring + RING.header + ((written >>> 0) % RING.slots) * RING.slotBytes) >>> 2;
      i32[d + D.context] = outgoing.address.context;
      i32[d + D.tag] = outgoing.address.tag;
      i32[d + D.type] = outgoing.type;
      i32[d + D.isFirst] = outgoing.sent === 0 ? 1 : 0;
      i32[d + D.offset] = offset | 0;
      i32[d + D.bytes] = bytes;
      f64[(d >>> 1) + D.total] = outgoing.data.length;
      f64[(d >>> 1) + D.arrival] = ports ? ports.transfer(rank, peer, bytes) : 0;
      Atomics.store(i32, ring >>> 2, (written + 1) | 0);
      pushed++;
      outgoing.sent += bytes;
      outgoing.advances++;
      if (outgoing.sent === outgoing.data.length) {
        outgoing.isDone = true;
        queue.shift();
        this.#numOutgoing--;
      }
    }
    if (pushed > 0) this.#end.ring(peer);
    if (isFull) this.#end.starve(STARVED, true);
    else if (this.#numOutgoing === 0) this.#end.starve(STARVED, false);
  }

  /** Gives back arena space of pieces that peers have taken. */
  #reclaim(): void {
    const { i32, arena } = this.#end;
    this.#handedOver = this.#handedOver.filter((mark) => {
      if (Atomics.load(i32, mark >>> 2) === 0) return true;
      arena.free(mark);
      return false;
    });
  }

  /** Reads new descriptors of one source. */
  #scan(peer: number): void {
    const { i32, f64, fabric, rank } = this.#end;
    const ring = ringAddress(fabric, peer, rank);
    const written = Atomics.load(i32, ring >>> 2);
    let read = i32[(ring + 64) >>> 2]!;
    if (read === written) return;
    for (; read !== written; read = (read + 1) | 0) {
      const d = (ring + RING.header + ((read >>> 0) % RING.slots) * RING.slotBytes) >>> 2;
      const piece: Piece = {
        offset: i32[d + D.offset]! >>> 0,
        bytes: i32[d + D.bytes]!,
        arrival: f64[(d >>> 1) + D.arrival]!,
      };
      let message = this.#open[peer];
      if (i32[d + D.isFirst] === 1 || !message) {
        message = {
          context: i32[d + D.context]!,
          tag: i32[d + D.tag]!,
          type: i32[d + D.type]!,
          total: f64[(d >>> 1) + D.total]!,
          pieces: [],
          seen: 0,
          parked: undefined,
          parkedBytes: 0,
          parkedArrival: 0,
          receiver: undefined,
        };
        this.#open[peer] = message;
        const { context, tag } = message;
        const receiver = this.#posted[peer]!.find(
          (r) => !r.message && !r.isDone && r.address.context === context && r.address.tag === tag,
        );
        if (receiver) this.#match(receiver, message);
        else this.#unexpected[peer]!.push(message);
      }
      message.pieces.push(piece);
      message.seen += piece.bytes;
      if (message.receiver) message.receiver.advances++;
    }
    Atomics.store(i32, (ring + 64) >>> 2, read);
    if (this.#end.isStarved(peer)) this.#end.ring(peer);
  }

  #match(incoming: Incoming, message: Message): void {
    incoming.message = message;
    message.receiver = incoming;
    if (message.total !== incoming.into.length || message.type !== incoming.type) {
      const describe = (type: number, bytes: number) => {
        const t = ELEMENT_TYPES[type]!;
        return `${t.name}[${bytes / t.bytes}]`;
      };
      const { peer, tag } = incoming.address;
      incoming.error = new CommMismatchError(
        `${incoming.name}: the message of rank ${peer} with tag ${tag} must be ` +
          `${describe(incoming.type, incoming.into.length)}, got ${describe(message.type, message.total)}`,
        { rank: peer, tag },
      );
    }
  }

  /** Copies arrived pieces to their receivers; returns when the next arrives. */
  #deliver(peer: number): number {
    const posted = this.#posted[peer]!;
    let next = Number.POSITIVE_INFINITY;
    let now = -1;
    let finished = 0;
    for (const incoming of posted) {
      const { message } = incoming;
      if (!message) continue;
      if (incoming.error) {
        incoming.isDone = true;
        finished++;
        continue;
      }
      if (message.parked) {
        // Once parked, all of it is parked: order of pieces and one arrival time stay simple.
        this.#park(message, peer);
        if (message.parkedBytes < message.total) continue;
        if (now < 0) now = this.#end.now();
        if (message.parkedArrival > now) {
          next = Math.min(next, message.parkedArrival);
          continue;
        }
        incoming.into.set(message.parked);
        incoming.isDone = true;
        finished++;
        continue;
      }
      while (message.pieces.length > 0) {
        const piece = message.pieces[0]!;
        if (piece.arrival > 0) {
          if (now < 0 || piece.arrival > now) now = this.#end.now();
          if (piece.arrival > now) {
            next = Math.min(next, piece.arrival);
            break;
          }
        }
        message.pieces.shift();
        this.#take(piece, incoming.into, incoming.received, peer);
        incoming.received += piece.bytes;
        incoming.advances++;
      }
      if (incoming.received === message.total && message.seen === message.total && message.pieces.length === 0) {
        incoming.isDone = true;
        finished++;
      }
    }
    if (finished > 0) {
      this.#posted[peer] = posted.filter((r) => !r.isDone);
      this.#numPosted -= finished;
    }
    return next;
  }

  /** Takes the pieces of a message out of the sender's arena into private memory. */
  #park(message: Message, peer: number): void {
    message.parked ??= new Uint8Array(message.total);
    for (const piece of message.pieces) {
      this.#take(piece, message.parked, message.parkedBytes, peer);
      message.parkedBytes += piece.bytes;
      message.parkedArrival = Math.max(message.parkedArrival, piece.arrival);
      if (message.receiver) message.receiver.advances++;
    }
    message.pieces.length = 0;
  }

  #take({ offset, bytes }: Piece, into: Uint8Array, at: number, peer: number): void {
    const { u8, i32 } = this.#end;
    if (bytes > 0) into.set(u8.subarray(offset, offset + bytes), at);
    Atomics.store(i32, (offset - MARK_BYTES) >>> 2, 1);
    if (this.#end.isStarved(peer)) this.#end.ring(peer);
  }
}
