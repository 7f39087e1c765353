/**
 * A side channel between all ranks on a communicator of its own: small structured messages that travel beside the
 * collectives. It carries events, results and failures to rank 0, and the questions that find out who is missing.
 */
import { deserialize, serialize } from 'node:v8';
import type { Handle, HandleCell } from './library/handles.js';
import type { Mpi } from './library/Mpi.js';

/** Handles one message; `source` is the sender's rank in the world as MPI numbers it. */
export type MessageHandler = (source: number, message: unknown) => void;

/** Tags of the side channel. */
export const TAGS = { event: 1, result: 2, failure: 3, question: 4, answer: 5, goodbye: 6 } as const;

/** The side channel of one process. */
export class Mailbox {
  readonly #mpi: Mpi;
  readonly #comm: Handle;
  readonly #handlers = new Map<number, MessageHandler>();
  /** Sends in flight, with their bytes: MPI reads them until the request is complete. */
  #pending: { request: HandleCell; bytes: Uint8Array }[] = [];

  constructor(mpi: Mpi, comm: Handle) {
    this.#mpi = mpi;
    this.#comm = comm;
  }

  /** Calls `handler` for each message with `tag`, inside {@link Mailbox.pump}. Replaces the previous handler. */
  on(tag: number, handler: MessageHandler | undefined): void {
    if (handler) this.#handlers.set(tag, handler);
    else this.#handlers.delete(tag);
  }

  /** Sends without waiting. Messages between two ranks arrive in the order sent. */
  post(to: number, tag: number, message: unknown): void {
    const bytes = new Uint8Array(serialize(message));
    const request = this.#mpi.cell();
    const type = this.#mpi.typeOf('uint8');
    this.#mpi.call('MPI_Isend', this.#mpi.pointer(bytes), bytes.length, type, to, tag, this.#comm, request);
    this.#pending.push({ request, bytes });
  }

  /** True once every message has left. */
  flushed(): boolean {
    this.#pending = this.#pending.filter(({ request }) => !this.#mpi.test(request));
    return this.#pending.length === 0;
  }

  /** Takes in what has arrived and hands it to the handlers, whose errors pass through. Does not block. */
  pump(): void {
    if (this.#pending.length > 0) this.flushed();
    for (;;) {
      const found = this.#mpi.probe(this.#comm);
      if (!found) return;
      const bytes = this.#mpi.receiveProbed(this.#comm, found.source, found.tag, found.bytes);
      this.#handlers.get(found.tag)?.(found.source, deserialize(bytes));
    }
  }
}
