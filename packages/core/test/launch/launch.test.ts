import { readdirSync } from 'node:fs';
import {
  AbortedError,
  CommMismatchError,
  CommTimeoutError,
  type LaunchOptions,
  launch,
  OptionError,
  parseCluster,
  RankFailedError,
  registerTransport,
  StrataError,
  sharedInt32,
  sumTraffic,
} from '@strata-ml/core';
import { describe, expect, it } from 'vitest';

const entryOf = (name: string) => new URL(`../entries/${name}.mjs`, import.meta.url);
const quick: LaunchOptions<unknown> = { engine: 'none', timeoutMs: 20_000 };
const run = (shape: string, payload: unknown, options: LaunchOptions<unknown> = {}, file = 'comm') =>
  launch<unknown, unknown>(parseCluster(shape), entryOf(file), payload, { ...quick, ...options });

/** The RankFailedError that the run ends with. */
async function failureOf(launched: Promise<unknown>): Promise<RankFailedError> {
  const error = await launched.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(RankFailedError);
  return error as RankFailedError;
}

describe('launch', () => {
  it('tells each rank where it is, shares memory, gives every rank one seed', async () => {
    const shared = sharedInt32(1);
    const cluster = parseCluster({ devicesPerServer: [1, 2] });
    const payload = { name: 'describes', shared };
    const { results, aborted, peakBytes } = await launch(cluster, entryOf('comm'), payload, { ...quick, seed: 9 });
    const u = (results[0] as { u: number }).u;
    expect(results).toEqual([
      { rank: 0, worldSize: 3, server: 0, localRank: 0, transport: 'threads', servers: 2, u },
      { rank: 1, worldSize: 3, server: 1, localRank: 0, transport: 'threads', servers: 2, u },
      { rank: 2, worldSize: 3, server: 1, localRank: 1, transport: 'threads', servers: 2, u },
    ]);
    expect(shared[0]).toBe(6);
    expect(aborted).toBe(false);
    expect(peakBytes).toEqual([0, 0, 0]);
  });

  it('starts the engine that was asked for, and says so when there is none', async () => {
    const { results, engine } = await run('1x2', { name: 'usesDevice' }, { engine: 'cpu' });
    expect(results).toEqual(['cpu', 'cpu']);
    expect(engine?.name).toBe('cpu');
    const failure = await failureOf(run('1x1', { name: 'usesDevice' }));
    expect(failure.message).toContain("got engine 'none'");
  });

  it('streams events of each rank and sums traffic over ranks', async () => {
    const events: unknown[] = [];
    const { trafficByRank, traffic } = await run(
      '1x2',
      { name: 'stopsTogether' },
      {
        onEvent: (event, rank) => {
          events.push([event, rank]);
          controller.abort();
        },
        signal: (() => controller.signal)(),
      },
    );
    expect(events.map(String).sort()).toEqual(['begun,0', 'begun,1']);
    expect(traffic).toEqual(sumTraffic(trafficByRank));
    expect(traffic[0]?.bytes).toBeGreaterThan(0);
  });
  const controller = new AbortController();

  it('records a trace of all ranks when asked', async () => {
    const { results, trace, recordings } = await run('2x1', { name: 'traces' }, { trace: true });
    expect(results).toEqual([true, true]);
    expect(recordings?.map((r) => r.spans.map((s) => s.name))).toEqual([
      ['work', 'allReduce (gradient)'],
      ['work', 'allReduce (gradient)'],
    ]);
    expect(trace?.traceEvents.length).toBeGreaterThan(4);
    expect((await run('1x1', { name: 'traces' })).results).toEqual([false]);
  });

  it('runs two launches at once without mixing them', async () => {
    const [a, b] = await Promise.all([
      run('1x2', { n: 1 }, {}, 'conformanceQuick'),
      run('1x3', { n: 2 }, {}, 'conformanceQuick'),
    ]);
    expect(a.results).toEqual([3, 3]);
    expect(b.results).toEqual([12, 12, 12]);
  });

  it('hands a request to the transport registered under the name', async () => {
    registerTransport('nowhere', async ({ options }) => {
      throw new StrataError('ERR_TEST', `seed ${options.seed}`);
    });
    await expect(run('1x1', {}, { transport: 'nowhere', seed: 5 })).rejects.toThrow('seed 5');
    await expect(run('1x1', {}, { transport: 'pigeon' })).rejects.toThrow('one of threads, nowhere');
  });

  it.each([
    ['timeoutMs', 0],
    ['heartbeatMs', -1],
    ['abortGraceMs', Number.NaN],
    ['seed', 0.5],
    ['heapMb', 0],
  ])('rejects %s = %s', async (name, value) => {
    await expect(run('1x1', { name: 'describes' }, { [name]: value })).rejects.toBeInstanceOf(OptionError);
  });

  it('rejects what cannot be posted to a thread', async () => {
    await expect(run('1x2', { name: () => {} })).rejects.toBeInstanceOf(OptionError);
  });
});

describe('a rank that fails', () => {
  const fail = (name: string, options: LaunchOptions<unknown> = {}) =>
    failureOf(run('2x2', { name, rank: 2 }, options, 'faults'));

  it('by throwing ends the run with its rank, place, phase, own error and stack', async () => {
    const failure = await fail('throws');
    expect(failure.details).toEqual({ rank: 2, server: 1, device: 0, phase: 'run' });
    expect(failure.message).toBe('launch: rank 2 (server 1, device 0) failed in run: row 7 is lost');
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
    expect(failure.details.rank).toBe(2);
    expect(failure.message).toContain(message);
  });

  it('after a named phase says so', async () => {
    expect((await fail('throwsInsideNamedPhase')).details.phase).toBe('barrier (warm-up)');
  });

  it('by showing no sign of life is found by its heartbeat', async () => {
    const failure = await fail('spinsForever', { heartbeatMs: 1500 });
    expect(failure.details.rank).toBe(2);
    expect(failure.message).toContain('no sign of life for 1500 ms');
  });

  it('by exhausting its heap says so', async () => {
    const failure = await fail('exhaustsHeap', { heapMb: 24 });
    expect(failure.details.rank).toBe(2);
    expect(failure.message).toContain('ran out of JavaScript heap');
  });

  it('because its module cannot be loaded names the module', async () => {
    expect((await failureOf(run('1x2', {}, {}, 'missing'))).message).toContain('missing.mjs');
    const noEntry = failureOf(
      launch(parseCluster('1x1'), new URL('data:text/javascript,export const x = 1'), {}, quick),
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

describe('ranks out of step', () => {
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

describe('an abort', () => {
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

describe('after a run', () => {
  const threads = () => (process.platform === 'linux' ? readdirSync('/proc/self/task').length : 0);
  const handles = () => process.getActiveResourcesInfo().filter((r) => r !== 'Timeout' && r !== 'Immediate');

  it('nothing is left running, whether it succeeded, failed or was aborted', async () => {
    await run('1x2', { name: 'describes' });
    const before = { threads: threads(), handles: handles() };
    await run('2x2', { name: 'describes' });
    await failureOf(run('2x2', { name: 'throws', rank: 0 }, {}, 'faults'));
    await failureOf(run('2x2', { name: 'hangsInCollective', rank: 0 }, { timeoutMs: 50 }));
    const controller = new AbortController();
    const options = { signal: controller.signal, onEvent: () => controller.abort(), abortGraceMs: 10 };
    await expect(run('2x2', { name: 'ignoresAbort' }, options)).rejects.toBeInstanceOf(AbortedError);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(threads()).toBeLessThanOrEqual(before.threads);
    expect(handles()).toEqual(before.handles);
  });
});
