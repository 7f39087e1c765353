/** What every transport of core does when ranks fail, get out of step or are asked to stop. */
import {
  AbortedError,
  CommMismatchError,
  CommTimeoutError,
  type LaunchOptions,
  launch,
  parseCluster,
  RankFailedError,
  StrataError,
} from '@strata-ml/core';
import { describe, expect, it } from 'vitest';

export const entryOf = (name: string) => new URL(`../entries/${name}.mjs`, import.meta.url);
export const quick: LaunchOptions<unknown> = { engine: 'none', timeoutMs: 20_000 };

/** Launches an entry of the tests on a transport. */
export function runnerOf(transport: string) {
  return (shape: string, payload: unknown, options: LaunchOptions<unknown> = {}, file = 'comm') =>
    launch<unknown, unknown>(parseCluster(shape), entryOf(file), payload, { ...quick, transport, ...options });
}

/** The RankFailedError that the run ends with. */
export async function failureOf(launched: Promise<unknown>): Promise<RankFailedError> {
  const error = await launched.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(RankFailedError);
  return error as RankFailedError;
}

/** Ranks that throw, exit, hang or break down: the one that is the first device of the second server. */
export function describeFaults(transport: string, shape: '2x1' | '2x2'): void {
  const rank = shape === '2x2' ? 2 : 1;
  const run = runnerOf(transport);

  describe(`a rank that fails on ${transport}`, () => {
    const fail = (name: string, options: LaunchOptions<unknown> = {}) =>
      failureOf(run(shape, { name, rank }, options, 'faults'));

    it('by throwing ends the run with its rank, place, phase, own error and stack', async () => {
      const failure = await fail('throws');
      expect(failure.details).toEqual({ rank, server: 1, device: 0, phase: 'run' });
      expect(failure.message).toBe(`launch: rank ${rank} (server 1, device 0) failed in run: row 7 is lost`);
      const cause = failure.cause as StrataError;
      expect(cause).toBeInstanceOf(StrataError);
      expect([cause.code, cause.details]).toEqual(['ERR_TEST_LOST_ROW', { row: 7 }]);
      expect(cause.stack).toContain('faults.mjs');
    });

    it.each([
      ['throwsText', 'just text'],
      ['rejects', 'too far'],
      ['throwsLater', 'in a callback'],
      ['rejectsUnhandled', 'nobody listens'],
      ['exits', 'exited with code 3'],
      ['exitsZero', 'ended without returning'],
      ['neverSettles', 'ended without returning'],
      ['returnsFunction', 'result must be plain data'],
      ['reportsFunction', 'event must be plain data'],
    ])('%s: "%s"', async (name, message) => {
      const failure = await fail(name);
      expect(failure.details.rank).toBe(rank);
      expect(failure.message).toContain(message);
    });

    it('after a named phase says so', async () => {
      expect((await fail('throwsInsideNamedPhase')).details.phase).toBe('barrier (warm-up)');
    });

    it('by showing no sign of life is found by its heartbeat', async () => {
      const failure = await fail('spinsForever', { heartbeatMs: 1500 });
      expect(failure.details.rank).toBe(rank);
      expect(failure.message).toContain('no sign of life for 1500 ms');
    });

    it('by exhausting its heap says so', async () => {
      const failure = await fail('exhaustsHeap', { heapMb: 24 });
      expect(failure.details.rank).toBe(rank);
      expect(failure.message).toContain('ran out of JavaScript heap');
    });

    it('because its module cannot be loaded names the module', async () => {
      expect((await failureOf(run('1x2', {}, {}, 'missing'))).message).toContain('missing.mjs');
      const noEntry = failureOf(
        launch(parseCluster('1x1'), new URL('data:text/javascript,export const x = 1'), {}, { ...quick, transport }),
      );
      expect((await noEntry).message).toContain('default export');
    });

    it("ends the run with the caller's own error if it came from onEvent", async () => {
      const onEvent = () => {
        throw new TypeError('of the caller');
      };
      await expect(run('1x2', { name: 'stopsTogether' }, { onEvent })).rejects.toThrow('of the caller');
    });
  });
}

/** Ranks that call different things. The groups find it, so it is the same on every transport of core. */
export function describeOutOfStep(transport: string): void {
  const run = runnerOf(transport);

  describe(`ranks out of step on ${transport}`, () => {
    it.each(['hangsInCollective'])('%s: the time-out names who is missing', async (name) => {
      const failure = await failureOf(run('2x2', { name, rank: 3 }, { timeoutMs: 300 }));
      expect(failure.cause).toBeInstanceOf(CommTimeoutError);
      expect((failure.cause as CommTimeoutError).details).toEqual({
        operation: 'allReduce (gradient)',
        timeoutMs: 300,
        missing: [3],
      });
      expect(failure.details.phase).toBe('allReduce (gradient)');
    });

    it.each(['neverSends', 'neverAwaited'])('%s: a receive times out, blocking or not', async (name) => {
      const failure = await failureOf(run('1x2', { name }));
      expect(failure.cause).toBeInstanceOf(CommTimeoutError);
      expect((failure.cause as CommTimeoutError).details).toMatchObject({ timeoutMs: 200, missing: [1] });
    });

    it.each([
      ['differsInOperation', 'allReduce f32[3] sum, got barrier from rank 1', false],
      ['differsInLength', 'allReduce f32[3] sum, got allReduce f32[4] sum from rank 1', false],
      ['differsInType', 'allReduce f32[3] sum, got allReduce i32[3] sum from rank 1', false],
      ['differsInReduction', 'allReduce f32[3] sum, got allReduce f32[3] max from rank 1', false],
      ['differsInRoot', 'broadcast f32[3] root 0, got broadcast f32[3] root 1 from rank 1', true],
      ['differsInCounts', 'allGather', false],
    ])('%s: the error names the rank that differs', async (name, message, checkComm) => {
      const failure = await failureOf(run('2x2', { name, rank: 1 }, { checkComm }));
      expect(failure.cause).toBeInstanceOf(CommMismatchError);
      expect(failure.message).toContain(message);
      expect((failure.cause as CommMismatchError).details.ranks).toEqual([1]);
    });

    it.each([
      ['sendsTooMuch', 'must be f32[4], got f32[5]'],
      ['sendsOtherType', 'must be f32[4], got i32[4]'],
    ])('%s: the receiver says what it got', async (name, message) => {
      const failure = await failureOf(run('1x2', { name }));
      expect(failure.cause).toBeInstanceOf(CommMismatchError);
      expect(failure.message).toContain(message);
    });
  });
}

/** The caller's signal. */
export function describeAborts(transport: string): void {
  const run = runnerOf(transport);

  describe(`an abort on ${transport}`, () => {
    const abortOnFirstEvent = () => {
      const controller = new AbortController();
      return { signal: controller.signal, onEvent: () => controller.abort() };
    };

    it('lets ranks agree, stop together and return', async () => {
      const { results, aborted } = await run('2x2', { name: 'stopsTogether' }, abortOnFirstEvent());
      expect(aborted).toBe(true);
      expect(new Set(results).size).toBe(1);
    });

    it('ends the run at once if a rank throws AbortedError', async () => {
      const launched = run('2x2', { name: 'stopsAlone' }, { ...abortOnFirstEvent(), abortGraceMs: 30_000 });
      await expect(launched).rejects.toBeInstanceOf(AbortedError);
    });

    it('ends waits and busy ranks after the grace period', async () => {
      const launched = run('2x2', { name: 'ignoresAbort' }, { ...abortOnFirstEvent(), abortGraceMs: 200 });
      await expect(launched).rejects.toBeInstanceOf(AbortedError);
    });

    it('before the start starts nothing', async () => {
      const launched = run('1x2', { name: 'describes' }, { signal: AbortSignal.abort() });
      await expect(launched).rejects.toBeInstanceOf(AbortedError);
    });
  });
}
