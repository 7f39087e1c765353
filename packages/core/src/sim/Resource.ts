/** What tasks of a simulation run on: processors and links. */
import { EventQueue } from './EventQueue.js';

/** A processor or link. */
export interface SimResource {
  readonly id: string;
  /** Units of work per second: bytes/s of a link, FLOP/s of a device, 1 if amounts are seconds. */
  readonly rate: number;
  /** Time from the end of a task's work to its completion, in which the resource is free again. @defaultValue `0` */
  readonly latencyS?: number;
  /** `fifo`: one task at a time. `shared`: all at once, each at an equal share of the rate. @defaultValue `'fifo'` */
  readonly discipline?: 'fifo' | 'shared';
}

/** A task as a resource sees it. */
export interface Job {
  readonly index: number;
  readonly amount: number;
  readonly priority: number;
}

/** A resource at work. Times are absolute, in seconds; calls come in order of time. */
export interface ActiveResource {
  /** Time at which the next job's work ends; Infinity if none is at work. */
  readonly nextEndS: number;
  /** Takes in a job; `onBegin` is called now or later, when its work begins. */
  submit(job: Job, nowS: number): void;
  /** Ends the job whose work ends at `nextEndS` and returns it. */
  finish(): Job;
}

/** Starts a resource; `onBegin` hears when a job's work begins. */
export function activate(resource: SimResource, onBegin: (job: Job, timeS: number) => void): ActiveResource {
  return resource.discipline === 'shared' ? new Shared(resource.rate, onBegin) : new Fifo(resource.rate, onBegin);
}

/** One job at a time: higher priority first, then earlier arrival. Work is not interrupted. */
class Fifo implements ActiveResource {
  nextEndS = Number.POSITIVE_INFINITY;
  readonly #rate: number;
  readonly #onBegin: (job: Job, timeS: number) => void;
  readonly #queue = new EventQueue<Job>();
  #current: Job | undefined;
  #arrivals = 0;

  constructor(rate: number, onBegin: (job: Job, timeS: number) => void) {
    this.#rate = rate;
    this.#onBegin = onBegin;
  }

  submit(job: Job, nowS: number): void {
    // The queue's key is the priority; arrivals break ties.
    this.#queue.push(-job.priority, this.#arrivals++, job);
    if (!this.#current) this.#next(nowS);
  }

  finish(): Job {
    const job = this.#current!;
    this.#next(this.nextEndS);
    return job;
  }

  #next(nowS: number): void {
    this.#current = this.#queue.pop();
    this.nextEndS = this.#current ? nowS + this.#current.amount / this.#rate : Number.POSITIVE_INFINITY;
    if (this.#current) this.#onBegin(this.#current, nowS);
  }
}

/**
 * All jobs at once, each at rate/n: egalitarian processor sharing. The clock `work` counts what each job present has
 * received, so a job ends when the clock reaches its arrival value plus its amount; no job needs updating on its own.
 */
class Shared implements ActiveResource {
  readonly #rate: number;
  readonly #onBegin: (job: Job, timeS: number) => void;
  readonly #jobs = new EventQueue<Job>();
  #work = 0;
  #timeS = 0;

  constructor(rate: number, onBegin: (job: Job, timeS: number) => void) {
    this.#rate = rate;
    this.#onBegin = onBegin;
  }

  get nextEndS(): number {
    if (this.#jobs.size === 0) return Number.POSITIVE_INFINITY;
    return this.#timeS + (Math.max(0, this.#jobs.nextS - this.#work) * this.#jobs.size) / this.#rate;
  }

  submit(job: Job, nowS: number): void {
    if (this.#jobs.size > 0) this.#work += ((nowS - this.#timeS) * this.#rate) / this.#jobs.size;
    this.#timeS = nowS;
    this.#jobs.push(this.#work + job.amount, job.index, job);
    this.#onBegin(job, nowS);
  }

  finish(): Job {
    const endS = this.nextEndS;
    this.#work = Math.max(this.#work, this.#jobs.nextS);
    this.#timeS = endS;
    return this.#jobs.pop()!;
  }
}
