import { readdirSync } from 'node:fs';
import {
  AbortedError,
  launch,
  OptionError,
  parseCluster,
  registerTransport,
  StrataError,
  sharedInt32,
  sumTraffic,
} from '@strata-ml/core';
import { describe, expect, it } from 'vitest';
import { describeAborts, describeFaults, describeOutOfStep, entryOf, failureOf, quick, runnerOf } from './failures.js';

const run = runnerOf('threads');

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
    await expect(run('1x1', {}, { transport: 'pigeon' })).rejects.toThrow('one of threads, processes, nowhere');
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

describeFaults('threads', '2x2');
describeOutOfStep('threads');
describeAborts('threads');

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
