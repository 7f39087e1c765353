/** Messages in flight, as sender and receiver see them. */
import type { Pending } from '../Pending.js';

/** Which messages belong together. */
export interface Address {
  /** World rank of the peer. */
  readonly peer: number;
  readonly context: number;
  readonly tag: number;
}

/** A part of a message, in the sender's arena. */
export interface Piece {
  readonly offset: number;
  readonly bytes: number;
  readonly arrival: number;
}

/** A message that has begun to arrive. */
export interface Message {
  readonly context: number;
  readonly tag: number;
  readonly type: number;
  readonly total: number;
  readonly pieces: Piece[];
  /** Bytes whose descriptors have been seen. */
  seen: number;
  /** Where unasked-for pieces went, and when the last of them arrives. */
  parked: Uint8Array | undefined;
  parkedBytes: number;
  parkedArrival: number;
  receiver: Incoming | undefined;
}

/** A send in flight. */
export class Outgoing implements Pending {
  readonly name: string;
  readonly address: Address;
  readonly type: number;
  readonly data: Uint8Array;
  isDone = false;
  readonly error = undefined;
  advances = 0;
  sent = 0;

  constructor(name: string, address: Address, type: number, data: Uint8Array) {
    this.name = name;
    this.address = address;
    this.type = type;
    this.data = data;
  }

  missing(): readonly number[] {
    return [this.address.peer];
  }
}

/** A receive in flight. */
export class Incoming implements Pending {
  readonly name: string;
  readonly address: Address;
  readonly type: number;
  readonly into: Uint8Array;
  isDone = false;
  error: Error | undefined;
  advances = 0;
  received = 0;
  message: Message | undefined;

  constructor(name: string, address: Address, type: number, into: Uint8Array) {
    this.name = name;
    this.address = address;
    this.type = type;
    this.into = into;
  }

  missing(): readonly number[] {
    // All seen: it only waits for the link.
    return this.message && this.message.seen === this.message.total ? [] : [this.address.peer];
  }
}
