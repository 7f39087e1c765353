import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { OptionError } from '../../src/errors.js';
import type { SpanCategory } from '../../src/trace/category.js';
import { type ChromeEvent, toChromeTrace, writeChromeTrace } from '../../src/trace/chrome.js';
import { summariseTrace } from '../../src/trace/summary.js';
import { NO_TRACE, openTrace } from '../../src/trace/Trace.js';
import { createTraceBuffer, readTrace, type Span, type TraceRecording } from '../../src/trace/TraceBuffer.js';

/** The built package, as a worker finds it. */
const core = pathToFileURL(createRequire(import.meta.url).resolve('@strata-ml/core')).href;

const span = (name: string, category: SpanCategory, beginMs: number, endMs: number, bytes = 0): Span => ({
  name,
  category,
  beginMs,
  endMs,
  bytes,
  isOpen: false,
});
const recording = (rank: number, spans: Span[], server = 0): TraceRecording => ({
  rank,
  server,
  localRank: rank,
  spans,
  dropped: 0,
});

describe('Trace', () => {
  it('records name, category, bytes, nesting and order', () => {
    const buffer = createTraceBuffer({ rank: 3, server: 1, localRank: 0 });
    const trace = openTrace(buffer);
    const outer = trace.begin('epoch', 'other');
    const inner = trace.begin('matMul', 'compute');
    trace.end(inner);
    expect(trace.span('héllo ✓', 'comm', () => 42)).toBe(42);
    trace.end(outer, 1e12);
    const { spans, ...who } = readTrace(buffer);
    expect(who).toEqual({ rank: 3, server: 1, localRank: 0, dropped: 0 });
    expect(spans.map((s) => [s.name, s.category, s.bytes, s.isOpen])).toEqual([
      ['epoch', 'other', 1e12, false],
      ['matMul', 'compute', 0, false],
      ['héllo ✓', 'comm', 0, false],
    ]);
    const [epoch, matMul, hello] = spans as [Span, Span, Span];
    expect(matMul.beginMs).toBeGreaterThanOrEqual(epoch.beginMs);
    expect(hello.beginMs).toBeGreaterThanOrEqual(matMul.endMs);
    expect(epoch.endMs).toBeGreaterThanOrEqual(hello.endMs);
  });

  it('closes the span of a body that throws, and of a promise when it settles', async () => {
    const buffer = createTraceBuffer();
    const trace = openTrace(buffer);
    expect(() =>
      trace.span('bad', 'io', () => {
        throw new RangeError('x');
      }),
    ).toThrow(RangeError);
    const later = trace.span('later', 'io', () => Promise.resolve(1));
    expect(readTrace(buffer).spans.map((s) => s.isOpen)).toEqual([false, true]);
    await later;
    await expect(trace.span('fails', 'io', () => Promise.reject(new Error('y')))).rejects.toThrow('y');
    expect(readTrace(buffer).spans.map((s) => s.isOpen)).toEqual([false, false, false]);
  });

  it('drops the oldest spans when full and says how many', () => {
    const buffer = createTraceBuffer({ capacity: 5 });
    const trace = openTrace(buffer);
    for (let i = 0; i < 12; i++) trace.end(trace.begin(`s${i}`, 'compute'), i);
    const { spans, dropped } = readTrace(buffer);
    expect(spans.map((s) => s.bytes)).toEqual([7, 8, 9, 10, 11]);
    expect(spans.map((s) => s.name)).toEqual(['s7', 's8', 's9', 's10', 's11']);
    expect(dropped).toBe(7);
  });

  it('survives a flood of open spans and of names, and counts what it lost', () => {
    const buffer = createTraceBuffer({ capacity: 10_000 });
    const trace = openTrace(buffer);
    const tokens = Array.from({ length: 300 }, () => trace.begin('open', 'wait'));
    expect(readTrace(buffer).dropped).toBe(44);
    for (const token of tokens) trace.end(token);
    trace.end(tokens[0]!); // twice: ignored
    expect(readTrace(buffer).spans.length).toBe(256);
    for (let i = 0; i < 1000; i++) trace.end(trace.begin(`${'n'.repeat(150)}${i}`, 'io'));
    const { spans } = readTrace(buffer);
    expect(spans.length).toBe(1256);
    expect(spans.at(-1)?.name).toBe('(other)');
  });

  it('can be read after the thread that wrote it was killed, its open span included', async () => {
    const buffer = createTraceBuffer({ rank: 1 });
    const code = `
      const { workerData, parentPort } = require('node:worker_threads');
      import(${JSON.stringify(core)}).then(({ openTrace }) => {
        const trace = openTrace(workerData);
        trace.span('done', 'compute', () => {});
        trace.begin('stuck', 'comm');
        parentPort.postMessage(0);
        for (;;) {}
      });`;
    const before = Number(process.hrtime.bigint()) / 1e6;
    const worker = new Worker(code, { eval: true, workerData: buffer });
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    await worker.terminate();
    const after = Number(process.hrtime.bigint()) / 1e6;
    const { spans } = readTrace(buffer);
    expect(spans.map((s) => [s.name, s.isOpen])).toEqual([
      ['done', false],
      ['stuck', true],
    ]);
    // One clock for all threads.
    for (const s of spans) {
      expect(s.beginMs).toBeGreaterThan(before);
      expect(s.endMs).toBeLessThan(after);
    }
  });

  it('does nothing when disabled', () => {
    expect(NO_TRACE.isEnabled).toBe(false);
    NO_TRACE.end(NO_TRACE.begin('x', 'io'));
    expect(NO_TRACE.span('x', 'io', () => 3)).toBe(3);
  });

  it.each([0, -1, 1.5, 2 ** 25])('refuses a capacity of %s', (capacity) => {
    expect(() => createTraceBuffer({ capacity })).toThrow(OptionError);
  });
});

describe('toChromeTrace', () => {
  it('makes a process per server, a thread per rank, µs from the first span', () => {
    const trace = toChromeTrace([
      recording(0, [span('a', 'compute', 1000.5, 1002, 0), span('b', 'comm', 1001, 1002, 64)]),
      recording(2, [span('a', 'compute', 1001, 1003)], 1),
    ]);
    const meta = trace.traceEvents.filter((e) => e.ph === 'M' && e.name.endsWith('_name'));
    expect(meta.map((e) => [e.pid, e.tid, e.args?.name])).toEqual([
      [0, 0, 'server 0'],
      [1, 0, 'server 1'],
      [0, 0, 'rank 0'],
      [1, 2, 'rank 2'],
    ]);
    expect(trace.traceEvents.filter((e) => e.ph === 'X')).toEqual([
      { name: 'a', ph: 'X', pid: 0, tid: 0, cat: 'compute', ts: 0, dur: 1500 },
      { name: 'b', ph: 'X', pid: 0, tid: 0, cat: 'comm', ts: 500, dur: 1000, args: { bytes: 64 } },
      { name: 'a', ph: 'X', pid: 1, tid: 2, cat: 'compute', ts: 500, dur: 2000 },
    ]);
    expect(trace.otherData.kind).toBe('measured');
  });

  it('moves spans that overlap without nesting to a row of their own', () => {
    const spans = [span('a', 'compute', 0, 10), span('send', 'comm', 5, 15), span('b', 'compute', 10, 12)];
    const { traceEvents } = toChromeTrace([recording(1, spans)]);
    const tid = (name: string) => traceEvents.find((e) => e.name === name && e.ph === 'X')?.tid;
    expect(tid('a')).toBe(1);
    expect(tid('b')).toBe(1);
    expect(tid('send')).not.toBe(1);
    const rowName = traceEvents.find((e) => e.tid === tid('send') && e.name === 'thread_name');
    expect(rowName?.args?.name).toBe('rank 1 (async)');
  });

  it('is written whole, as JSON that parses back, also with thousands of spans or none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'strata-trace-'));
    try {
      for (const count of [0, 1, 1000, 2500]) {
        const spans = Array.from({ length: count }, (_, i) => span(`s"${i}`, 'io', i, i + 0.5));
        const trace = toChromeTrace([recording(0, spans)]);
        await writeChromeTrace(join(folder, 'trace.json'), trace);
        const back = JSON.parse(await readFile(join(folder, 'trace.json'), 'utf8')) as { traceEvents: ChromeEvent[] };
        expect(back).toEqual(JSON.parse(JSON.stringify(trace)));
      }
      expect(await readdir(folder)).toEqual(['trace.json']);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('summariseTrace', () => {
  it('counts nested and overlapping time once, and what hid behind compute', () => {
    const { ranks } = summariseTrace([
      recording(0, [
        span('epoch', 'other', 0, 100),
        span('a', 'compute', 0, 40),
        span('inside a', 'compute', 10, 20),
        span('b', 'compute', 60, 80),
        span('send', 'comm', 30, 70, 8),
        span('send', 'comm', 65, 70, 8),
      ]),
    ]);
    expect(ranks[0]).toMatchObject({ wallMs: 100, bytes: { comm: 16, compute: 0 }, droppedSpans: 0 });
    expect(ranks[0]?.busyShare).toEqual({ compute: 0.6, comm: 0.4, io: 0, wait: 0, other: 1 });
    expect(ranks[0]?.overlapShare).toBeCloseTo(20 / 40, 12);
  });

  it('names the critical rank of each phase and its imbalance', () => {
    const { phases } = summariseTrace([
      recording(0, [span('forward', 'compute', 0, 10), span('exchange', 'comm', 10, 12)]),
      recording(1, [span('forward', 'compute', 0, 20), span('forward', 'compute', 30, 40)]),
    ]);
    expect(phases).toEqual([
      { name: 'forward', category: 'compute', spans: 3, msByRank: [10, 30], criticalRank: 1, imbalance: 1.5 },
      { name: 'exchange', category: 'comm', spans: 1, msByRank: [2, 0], criticalRank: 0, imbalance: 2 },
    ]);
  });

  it('takes a rank that recorded nothing', () => {
    const { ranks, phases } = summariseTrace([recording(0, [])]);
    expect(ranks[0]?.wallMs).toBe(0);
    expect(phases).toEqual([]);
  });
});
