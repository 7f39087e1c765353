/** Ranks as child processes: the law of groups, failures as on threads, and that nothing is left behind. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  AbortedError,
  type CommTimeoutError,
  launch,
  OptionError,
  parseCluster,
  sharedInt32,
  sumTraffic,
} from '@strata-ml/core';
import { conformanceCases } from '@strata-ml/testing';
import { describe, expect, it } from 'vitest';
import { describeAborts, describeFaults, entryOf, failureOf, quick, runnerOf } from './failures.js';

const canRun = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch);
const run = runnerOf('processes');
const emulated = { bandwidth: '2GB/s', latency: '20us' };

/** Child processes of this one that run ranks. */
function rankProcesses(parent = process.pid): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const [state, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return (
          state !== 'Z' && Number(ppid) === parent && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('rank')
        );
      } catch {
        return false; // gone meanwhile
      }
    });
}

describe.skipIf(!canRun)('process groups on processes', () => {
  it.each([
    ['2×2', parseCluster('2x2'), false],
    ['[2, 1]', parseCluster({ devicesPerServer: [2, 1] }), true],
    [
      '2×2, links emulated',
      parseCluster({ servers: 2, devicesPerServer: 2, intraLink: emulated, interLink: emulated }),
      false,
    ],
  ] as const)('keep every law on %s', async (_name, cluster, checkComm) => {
    const options = { ...quick, transport: 'processes', timeoutMs: 30_000, checkComm };
    const { results } = await launch(cluster, entryOf('conformance'), {}, options);
    expect(results).toEqual(results.map(() => Object.keys(conformanceCases).length));
  });
});

describe.skipIf(!canRun)('launch on processes', () => {
  it('tells each rank where it is, and gives each a copy of the payload', async () => {
    const shared = sharedInt32(1);
    const cluster = parseCluster({ devicesPerServer: [1, 2] });
    const options = { ...quick, transport: 'processes', seed: 9 };
    const { results, transport } = await launch(cluster, entryOf('comm'), { name: 'describes', shared }, options);
    const u = (results[0] as { u: number }).u;
    expect(results).toEqual([
      { rank: 0, worldSize: 3, server: 0, localRank: 0, transport: 'processes', servers: 2, u },
      { rank: 1, worldSize: 3, server: 1, localRank: 0, transport: 'processes', servers: 2, u },
      { rank: 2, worldSize: 3, server: 1, localRank: 1, transport: 'processes', servers: 2, u },
    ]);
    expect(shared[0]).toBe(0);
    expect(transport).toBe('processes');
  });

  it('counts the same bytes as threads, by class and phase', async () => {
    const payload = { n: 30_000, bucketBytes: 32_768, name: 'buckets', algorithm: 'hierarchical' };
    const [processes, threads] = await Promise.all([run('2x2', payload), runnerOf('threads')('2x2', payload)]);
    expect(processes.trafficByRank).toEqual(threads.trafficByRank);
    expect(processes.results).toEqual(threads.results);
    expect(processes.traffic).toEqual(sumTraffic(processes.trafficByRank));
    expect(processes.traffic[0]?.bytes).toBeGreaterThan(0);
  });

  it('streams more than an arena holds', async () => {
    const { results } = await run('1x2', { name: 'flushes' });
    expect(results[1]).toBe(100);
  });

  it('records a trace of all ranks, and starts the engine that was asked for', async () => {
    const { recordings, trace } = await run('2x1', { name: 'traces' }, { trace: true });
    expect(recordings?.map((r) => [r.rank, r.spans[0]?.name])).toEqual([
      [0, 'work'],
      [1, 'work'],
    ]);
    expect(trace?.traceEvents.length).toBeGreaterThan(4);
    const { results, engine, peakBytes } = await run('1x2', { name: 'usesDevice' }, { engine: 'cpu' });
    expect([results, engine?.name, peakBytes]).toEqual([['cpu', 'cpu'], 'cpu', [0, 0]]);
  });

  it('rejects what cannot be sent to a process', async () => {
    await expect(run('1x2', { name: () => {} })).rejects.toBeInstanceOf(OptionError);
  });

  it('is the default for several ranks on tensorflow only', async () => {
    const before = process.env.STRATA_ENGINE;
    process.env.STRATA_ENGINE = 'tensorflow';
    try {
      const transportOf = async (shape: string, engine: 'none' | 'auto') => {
        const options = { timeoutMs: 20_000, engine };
        const launched = launch(parseCluster(shape), entryOf('comm'), { name: 'describes' }, options);
        return (await launched.catch((error: unknown) => ({ transport: String(error) }))).transport;
      };
      expect(await transportOf('1x2', 'none')).toBe('threads');
      process.env.STRATA_TFJS_NODE = fileURLToPath(new URL('.', import.meta.url));
      // The engine is not there; that it was looked for in a process shows in who failed.
      expect(await transportOf('1x2', 'auto')).toMatch(/tensorflow cannot run here/);
    } finally {
      if (before === undefined) delete process.env.STRATA_ENGINE;
      else process.env.STRATA_ENGINE = before;
    }
  });
});

describe.skipIf(!canRun)('processes that fail', () => {
  describeFaults('processes', '2x1');
  describeAborts('processes');

  it('to come to a collective are named by the time-out', async () => {
    const failure = await failureOf(run('1x2', { name: 'hangsInCollective', rank: 1 }, { timeoutMs: 300 }));
    expect((failure.cause as CommTimeoutError).details).toMatchObject({ timeoutMs: 300, missing: [1] });
  });

  it('by a signal are named with it', async () => {
    const onEvent = () => {
      for (const pid of rankProcesses()) process.kill(pid, 'SIGSEGV');
    };
    const killed = run('1x2', { name: 'stopsTogether' }, { onEvent });
    expect((await failureOf(killed)).message).toContain('was ended by SIGSEGV');
  });
});

describe.skipIf(!canRun)('after a run on processes', () => {
  const handles = () => process.getActiveResourcesInfo().filter((r) => r !== 'Timeout' && r !== 'Immediate');

  it('nothing is left running, whether it succeeded, failed or was aborted', async () => {
    const before = { files: readdirSync('/proc/self/fd').length, handles: handles() };
    await run('2x2', { name: 'describes' });
    await failureOf(run('2x2', { name: 'throws', rank: 0 }, {}, 'faults'));
    await failureOf(run('2x2', { name: 'hangsInCollective', rank: 0 }, { timeoutMs: 50 }));
    const controller = new AbortController();
    const options = { signal: controller.signal, onEvent: () => controller.abort(), abortGraceMs: 10 };
    await expect(run('2x2', { name: 'ignoresAbort' }, options)).rejects.toBeInstanceOf(AbortedError);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(rankProcesses()).toEqual([]);
    expect(handles()).not.toContain('ProcessWrap');
    expect(handles().length).toBeLessThanOrEqual(before.handles.length);
    expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before.files);
  });

  it('ranks die with a parent that is killed', async () => {
    const program = fileURLToPath(new URL('../entries/launchesProcesses.mjs', import.meta.url));
    const parent = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => parent.stdout.once('data', resolve));
    const ranks = rankProcesses(parent.pid);
    expect(ranks).toHaveLength(2);
    parent.kill('SIGKILL');
    await new Promise((resolve) => parent.once('close', resolve));
    const until = performance.now() + 5000;
    const isAlive = (pid: number) => {
      try {
        return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
      } catch {
        return false;
      }
    };
    while (ranks.some(isAlive) && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(ranks.filter(isAlive)).toEqual([]);
  });
});
