import { Rng, type TrafficRow } from '@strata-ml/core';
import { describe, expect, it } from 'vitest';
import { launchers, type Outcome, ranksOf, runRanks } from './mpirun.js';

interface Job {
  readonly cluster?: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly options?: Readonly<Record<string, unknown>>;
}

describe.skipIf(launchers.length === 0).each(launchers)(
  'launch over MPI, $name (skipped without mpirun)',
  (launcher) => {
    // The launchers end jobs alike; on the second library only what depends on it is repeated.
    const isFirst = launcher === launchers[0];
    const run = (job: Job, more: { onStart?: (pid: number) => void; deadlineMs?: number } = {}) =>
      runRanks(launcher, 'launch.mjs', { ranks: 4, args: [JSON.stringify({ cluster: '2x2', ...job })], ...more });

    it('gathers results, traffic, events and spans on rank 0, launch after launch', async () => {
      const outcome = await run({ payload: { mode: 'sum', twice: true }, options: { trace: true, seed: 5 } });
      expect(outcome.code, outcome.stderr).toBe(0);
      const report = JSON.parse(outcome.stdout);
      const sum = [0, 1, 2, 3].reduce((total, r) => total + new Rng(5).uniformAt(r), 0);
      for (const [rank, result] of report.results.entries()) {
        expect(result).toMatchObject({ rank, server: rank >> 1, localRank: rank & 1, big: rank });
        expect(result.sum).toBeCloseTo(sum, 14);
      }
      expect(report.results).toHaveLength(4);
      expect(report.events.sort()).toEqual([0, 1, 2, 3].map((rank) => [rank, { hello: rank }]));
      // One float64 over 4 ranks: rank 0 owns it, gets 3 parts and sends 3 copies.
      const bytes = (rows: TrafficRow[], c: string) =>
        rows.filter((r) => r.class === c).reduce((n, r) => n + r.bytes, 0);
      expect([bytes(report.traffic, 'intra'), bytes(report.traffic, 'inter')]).toEqual([2 * 8, 4 * 8]);
      expect(report.trafficByRank).toHaveLength(4);
      expect(report.recordings).toHaveLength(4);
      expect(report).toMatchObject({ isRoot: true, aborted: false, peakBytes: [0, 0, 0, 0] });
    });

    it.each(isFirst ? ['throw', 'throwInAwait'] : ['throw'])(
      'tells once which rank threw, and ends all ranks (%s)',
      async (mode) => {
        for (const rank of mode === 'throw' && isFirst ? [0, 3] : [3]) {
          const outcome = await run({ payload: { mode, rank } });
          const told = failureOf(outcome, 1);
          expect(told).toMatchObject({
            name: 'RankFailedError',
            code: 'ERR_STRATA_RANK_FAILED',
            details: { rank, server: rank >> 1, device: rank & 1 },
            cause: 'RangeError',
          });
          expect(told.message).toContain('the rank is sad');
        }
      },
    );

    it('names the rank that hangs, within the time-out', async () => {
      const outcome = await run({ payload: { mode: 'hang', rank: 2 }, options: { timeoutMs: 1500 } });
      const told = failureOf(outcome, 1);
      expect(told.cause).toBe('CommTimeoutError');
      expect(told.causeDetails).toMatchObject({ operation: 'barrier (end)', timeoutMs: 1500, missing: [2] });
    });

    it.runIf(isFirst)('ends with an exit code when a rank exits', async () => {
      for (const mode of ['kill', 'exit']) {
        const outcome = await run({ payload: { mode, rank: 1 } });
        expect(outcome.code, outcome.stderr).not.toBe(0);
        expectOver(outcome);
      }
    });

    it.runIf(isFirst)('names the rank whose call differs', async () => {
      const outcome = await run({ payload: { mode: 'mismatch', rank: 2 }, options: { checkComm: true } });
      const told = failureOf(outcome, 1);
      expect(told.cause).toBe('CommMismatchError');
      expect(told.causeDetails).toMatchObject({ ranks: [2] });
    });

    it.runIf(isFirst)('refuses a cluster of another size than the job, told once', async () => {
      const outcome = await run({ cluster: '2x3', payload: { mode: 'sum' } });
      const told = failureOf(outcome, 2);
      expect(told.message).toContain('start mpirun -n 6');
    });

    it.runIf(isFirst)('stops when asked to by a signal', async () => {
      let timer: NodeJS.Timeout | undefined;
      const outcome = await run(
        { payload: { mode: 'loop' } },
        {
          onStart: (pid) => {
            const interrupt = () => {
              // Give the ranks time to reach their loop; they install their handlers before it.
              if (ranksOf(pid).size < 4) return;
              clearInterval(timer);
              timer = setTimeout(() => process.kill(pid, 'SIGINT'), 1500);
            };
            timer = setInterval(interrupt, 100);
          },
        },
      );
      clearTimeout(timer);
      expect(outcome.code).not.toBe(0);
      expectOver(outcome);
    });

    it('survives the death of a rank killed from outside', async () => {
      let timer: NodeJS.Timeout | undefined;
      let killedAt = 0;
      const outcome = await run(
        { payload: { mode: 'loop' } },
        {
          onStart: (pid) => {
            timer = setInterval(() => {
              const ranks = ranksOf(pid);
              if (ranks.size < 4) return;
              clearInterval(timer);
              timer = setTimeout(() => {
                killedAt = performance.now();
                process.kill(ranks.get(3)!, 'SIGKILL');
              }, 1000);
            }, 100);
          },
        },
      );
      clearTimeout(timer);
      expect(outcome.code, outcome.stderr).not.toBe(0);
      expect(killedAt).toBeGreaterThan(0);
      expect(performance.now() - killedAt).toBeLessThan(10_000);
      expectOver(outcome);
    });
  },
);

/** What rank 0 told, after checking that nobody else told anything, that the exit code is right and nothing runs on. */
function failureOf(outcome: Outcome, code: number): Record<string, string> & { message: string } {
  const told = outcome.stderr.split('\n').filter((line) => line.startsWith('TOLD '));
  expect(told, outcome.stderr).toHaveLength(1);
  expect(outcome.code).toBe(code);
  expectOver(outcome);
  return JSON.parse(told[0]!.slice(5));
}

function expectOver({ strays, timedOut }: Outcome): void {
  expect(timedOut).toBe(false);
  expect(strays).toEqual([]);
}
