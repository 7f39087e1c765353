/**
 * Finds out who is missing when a wait runs late. Each process counts, per group, the collectives it has started; a
 * waiting rank asks the others for their count. Whoever waits somewhere answers from inside its wait; whoever does not
 * answer computes, hangs or is dead; whoever answers with a lower count has not come yet or took another path.
 */
import { type Mailbox, TAGS } from './mailbox.js';

interface Notice {
  readonly group: string;
  readonly started: number;
}

/** Collective counts of this process and what it knows about those of the others. */
export class Liveness {
  readonly #mailbox: Mailbox;
  readonly #started = new Map<string, number>();
  /** group → MPI world rank → collectives started there, as last heard. */
  readonly #heard = new Map<string, Map<number, number>>();

  constructor(mailbox: Mailbox) {
    this.#mailbox = mailbox;
    mailbox.on(TAGS.question, (source, message) => {
      const { group } = message as Notice;
      this.#hear(source, message as Notice);
      mailbox.post(source, TAGS.answer, { group, started: this.#started.get(group) ?? 0 } satisfies Notice);
    });
    mailbox.on(TAGS.answer, (source, message) => this.#hear(source, message as Notice));
  }

  /** Counts one more collective of `group`; returns its number, from 1. */
  start(group: string): number {
    const number = (this.#started.get(group) ?? 0) + 1;
    this.#started.set(group, number);
    return number;
  }

  /** Asks `others` how far they are in `group`; the answers come in with the following pumps. */
  ask(group: string, others: readonly number[]): void {
    const started = this.#started.get(group) ?? 0;
    for (const rank of others) this.#mailbox.post(rank, TAGS.question, { group, started } satisfies Notice);
  }

  /** Those of `others` that are not known to have started collective `number` of `group`. */
  missing(group: string, number: number, others: readonly number[]): number[] {
    const heard = this.#heard.get(group);
    return others.filter((rank) => (heard?.get(rank) ?? 0) < number);
  }

  #hear(source: number, { group, started }: Notice): void {
    let heard = this.#heard.get(group);
    if (!heard) {
      heard = new Map();
      this.#heard.set(group, heard);
    }
    heard.set(source, Math.max(started, heard.get(source) ?? 0));
  }
}
