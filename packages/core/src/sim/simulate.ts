/**
 * Discrete-event simulation of a task graph on resources. It predicts; it does not measure: whatever comes out is
 * labelled `simulated`.
 */
import { OptionError } from '../errors.js';
import type { SpanCategory } from '../trace/category.js';
import type { TraceRecording } from '../trace/TraceBuffer.js';
import { EventQueue } from './EventQueue.js';
import { type ActiveResource, activate, type Job, type SimResource } from './Resource.js';

/** One piece of work. */
export interface SimTask {
  readonly id: string;
  /** Resource it runs on; without one the task is a pure delay of `amount` seconds, 0 for a join. */
  readonly resource?: string;
  /** Work in the resource's units, ≥ 0. */
  readonly amount: number;
  /** Tasks that must be complete before. @defaultValue none */
  readonly after?: readonly string[];
  /** Among waiting tasks the highest runs first, then the earliest. @defaultValue `0` */
  readonly priority?: number;
  /** Rank whose row it shows on. @defaultValue `0` */
  readonly rank?: number;
  /** @defaultValue `'other'` */
  readonly category?: SpanCategory;
  /** Bytes it moves, for the picture. @defaultValue `0` */
  readonly bytes?: number;
}

/** When a task ran. */
export interface SimSpan {
  readonly id: string;
  /** All dependencies were complete. */
  readonly readyS: number;
  /** Its work began. */
  readonly beginS: number;
  /** It was complete, latency included. */
  readonly endS: number;
}

/** What {@link simulate} predicts. */
export interface SimResult {
  readonly kind: 'simulated';
  /** Completion of the last task. */
  readonly makespanS: number;
  /** In the order of the tasks. */
  readonly spans: readonly SimSpan[];
  /** Time during which each resource had work, by its id. */
  readonly busyS: Readonly<Record<string, number>>;
}

/** What {@link simulate} takes. */
export interface SimModel {
  readonly resources: readonly SimResource[];
  readonly tasks: readonly SimTask[];
}

/**
 * Runs a task graph. Deterministic: at equal times, tasks proceed in the order in which they are listed.
 *
 * A task waits for its dependencies, then for its resource, then works amount / rate seconds (longer on a shared one),
 * and is complete `latencyS` later. Cost O(n log n) in tasks and dependencies.
 *
 * @throws {@link OptionError} if an id is unknown or given twice, a rate or amount is out of range, or tasks wait for
 *   each other in a circle.
 * @example
 * simulate({
 *   resources: [{ id: 'link', rate: 1e9, latencyS: 1e-3 }],
 *   tasks: [{ id: 'a', resource: 'link', amount: 1e6 }, { id: 'b', resource: 'link', amount: 1e6 }],
 * }).makespanS; // => 0.003
 */
export function simulate({ resources, tasks }: SimModel): SimResult {
  const indexOf = check(resources, tasks);
  const n = tasks.length;
  const waiting = Int32Array.from(tasks, (t) => t.after?.length ?? 0);
  const followers: number[][] = tasks.map(() => []);
  for (const [i, t] of tasks.entries()) for (const id of t.after ?? []) followers[indexOf.get(id)!]!.push(i);
  const readyS = new Float64Array(n).fill(Number.NaN);
  const beginS = new Float64Array(n).fill(Number.NaN);
  const endS = new Float64Array(n).fill(Number.NaN);
  const busyS = new Float64Array(resources.length);
  const busySince = new Float64Array(resources.length);
  const present = new Int32Array(resources.length);
  const active: ActiveResource[] = resources.map((r) => activate(r, (job, timeS) => (beginS[job.index] = timeS)));
  const resourceOf = new Map(resources.map((r, i) => [r.id, i]));
  const completions = new EventQueue<number>();

  const makeReady = (i: number, nowS: number): void => {
    const task = tasks[i]!;
    readyS[i] = nowS;
    if (task.resource === undefined) {
      beginS[i] = nowS;
      completions.push(nowS + task.amount, i, i);
      return;
    }
    const r = resourceOf.get(task.resource)!;
    if (present[r]! === 0) busySince[r] = nowS;
    present[r]!++;
    active[r]!.submit({ index: i, amount: task.amount, priority: task.priority ?? 0 } satisfies Job, nowS);
  };
  for (let i = 0; i < n; i++) if (waiting[i] === 0) makeReady(i, 0);

  let done = 0;
  let makespanS = 0;
  for (;;) {
    // Ends of work come before completions of the same moment, so that their latency starts in time.
    let r = -1;
    let nextS = completions.nextS;
    for (let k = 0; k < active.length; k++) {
      const endAt = active[k]!.nextEndS;
      if (endAt < nextS || (endAt === nextS && r < 0 && endAt < Number.POSITIVE_INFINITY)) {
        nextS = endAt;
        r = k;
      }
    }
    if (nextS === Number.POSITIVE_INFINITY) break;
    if (r >= 0) {
      const job = active[r]!.finish();
      present[r]!--;
      if (present[r]! === 0) busyS[r]! += nextS - busySince[r]!;
      completions.push(nextS + (resources[r]!.latencyS ?? 0), job.index, job.index);
      continue;
    }
    const i = completions.pop()!;
    endS[i] = nextS;
    makespanS = Math.max(makespanS, nextS);
    done++;
    for (const f of followers[i]!) {
      waiting[f]!--;
      if (waiting[f] === 0) makeReady(f, nextS);
    }
  }
  if (done < n) {
    const stuck = tasks.find((_, i) => Number.isNaN(endS[i]!))!;
    throw new OptionError('simulate', 'tasks', stuck.id, 'free of circles', 'it waits for a task that waits for it');
  }
  return {
    kind: 'simulated',
    makespanS,
    spans: tasks.map(({ id }, i) => ({ id, readyS: readyS[i]!, beginS: beginS[i]!, endS: endS[i]! })),
    busyS: Object.fromEntries(resources.map(({ id }, r) => [id, busyS[r]!])),
  };
}

/** The simulated run as recordings: pass them to `toChromeTrace(…, { kind: 'simulated' })` or `summariseTrace`. */
export function simulatedRecordings(
  model: SimModel,
  result: SimResult,
  serverOf: (rank: number) => number,
): TraceRecording[] {
  const ranks = [...new Set(model.tasks.map((t) => t.rank ?? 0))].sort((a, b) => a - b);
  return ranks.map((rank) => ({
    rank,
    server: serverOf(rank),
    localRank: rank,
    dropped: 0,
    spans: model.tasks
      .flatMap((task, i) => {
        const { beginS, endS } = result.spans[i]!;
        return (task.rank ?? 0) !== rank || task.resource === undefined
          ? []
          : [
              {
                name: task.id,
                category: task.category ?? 'other',
                beginMs: beginS * 1e3,
                endMs: endS * 1e3,
                bytes: task.bytes ?? 0,
                isOpen: false,
              },
            ];
      })
      .sort((a, b) => a.beginMs - b.beginMs || b.endMs - a.endMs),
  }));
}

function check(resources: readonly SimResource[], tasks: readonly SimTask[]): Map<string, number> {
  const names = new Set<string>();
  for (const { id, rate, latencyS = 0 } of resources) {
    if (names.has(id)) throw new OptionError('simulate', 'resource id', id, 'unique');
    names.add(id);
    if (!(rate > 0)) throw new OptionError('simulate', `rate of ${id}`, rate, 'greater than 0');
    if (!(latencyS >= 0 && latencyS < Number.POSITIVE_INFINITY)) {
      throw new OptionError('simulate', `latencyS of ${id}`, latencyS, 'at least 0 and finite');
    }
  }
  const indexOf = new Map<string, number>();
  for (const [i, { id, amount, resource }] of tasks.entries()) {
    if (indexOf.has(id)) throw new OptionError('simulate', 'task id', id, 'unique');
    indexOf.set(id, i);
    if (!(amount >= 0 && amount < Number.POSITIVE_INFINITY)) {
      throw new OptionError('simulate', `amount of ${id}`, amount, 'at least 0 and finite');
    }
    if (resource !== undefined && !names.has(resource)) {
      throw new OptionError('simulate', `resource of ${id}`, resource, `one of ${[...names].join(', ')}`);
    }
  }
  for (const { id, after = [] } of tasks) {
    for (const other of after) {
      if (!indexOf.has(other)) throw new OptionError('simulate', `after of ${id}`, other, 'the id of a task');
    }
  }
  return indexOf;
}
