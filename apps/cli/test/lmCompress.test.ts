/** `lm bench-compress`, `lm advise`, `lm ablate` and `lm train --compress`, run as a user does. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hasMpi, mpirun } from './mpirun.js';
import { strata } from './run.js';

let folder: string;
let network: readonly string[];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'strata-compress-'));
  writeFileSync(join(folder, 'text.txt'), 'the cat sat on the mat. '.repeat(200));
  const shape = [
    '--layers',
    '2',
    '--width',
    '16',
    '--heads',
    '2',
    '--context',
    '16',
    '--batch',
    '8',
    '--micro-batch',
    '2',
  ];
  network = ['--data', join(folder, 'text.txt'), ...shape, '--pp', '2', '--eval-samples', '8', '--engine', 'cpu'];
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function result(args: readonly string[]) {
  const { code, stdout, stderr } = await strata([...args, '--json', '-']);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}

it('bench-compress measures each codec on each shape', async () => {
  const codecs = ['top-k:0.25', 'powersgd:2', 'bf16'];
  const args = ['--shapes', '16x24,64', '--codecs', codecs.join(), '--repeats', '1'];
  const { metrics, labels } = await result(['lm', 'bench-compress', ...args]);
  expect(labels.compute).toBe('measured');
  const rows = metrics.rows as { codec: string; shape: number[]; payloadBytes: number; encodeSeconds: number }[];
  expect(rows.map((r) => [r.codec, r.shape.join('x'), r.payloadBytes])).toEqual([
    ['top-k:0.25', '16x24', 4 * 96 + 48],
    ['powersgd:2', '16x24', 4 * 2 * 40],
    ['bf16', '16x24', 768],
    ['top-k:0.25', '64', 4 * 16 + 8],
    ['powersgd:2', '64', 4 * 65],
    ['bf16', '64', 128],
  ]);
  expect(rows.every((r) => r.encodeSeconds > 0)).toBe(true);
  const wrong = await strata(['lm', 'bench-compress', '--codecs', 'zip']);
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('one of fp32')]);
});

it('advise predicts every mode, and train takes what it writes', async () => {
  const file = join(folder, 'advice.json');
  const links = ['--cluster', '2x1', '--inter-bandwidth', '0.2Mbps'];
  const codec = ['--backward-codec', 'powersgd:1', '--profile-steps', '4', '--out', file];
  const { metrics } = await result(['lm', 'advise', ...network, ...links, ...codec]);
  expect(metrics.kind).toBe('simulated');
  expect(metrics.modes.map((m: { name: string }) => m.name)).toContain('backward epilogue + fused embedding');
  expect(metrics.speedup).toBeGreaterThan(1);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(metrics.advice);
  const trained = await result(['lm', 'train', ...network, '--steps', '3', '--compress', file]);
  const bytes = (phase: string) => trained.metrics.traffic.find((r: { phase: string }) => r.phase === phase).bytes;
  expect(bytes('pipeline-backward')).toBeLessThan(trained.metrics.predicted['pipeline-backward']);
});

it('ablate compares the named rows over the seeds', async () => {
  const modes = ['--modes', 'uncompressed,bf16 everywhere', '--seeds', '1,2', '--steps', '2'];
  const { metrics } = await result(['lm', 'ablate', ...network, ...modes]);
  const [plain, half] = metrics.modes;
  expect(plain.valLoss.length).toBe(2);
  expect(half.bytes['pipeline-forward'] * 2).toBe(plain.bytes['pipeline-forward']);
});

it.skipIf(!hasMpi)('compression under mpirun has the losses and bytes that threads have', async () => {
  const file = join(folder, 'mpi.json');
  const stages = { stages: 1, codec: 'top-k:0.1' };
  writeFileSync(file, JSON.stringify({ backward: { mode: 'all', codec: 'powersgd:1' }, selectiveStages: stages }));
  const args = ['lm', 'train', ...network, '--dp', '2', '--steps', '3', '--compress', file, '--json', '-'];
  const [mpi, threads] = [await mpirun(4, args), await strata(args)];
  expect(mpi.code, mpi.stderr).toBe(0);
  const facts = (text: string) => {
    const { metrics, timeline } = JSON.parse(text);
    const rows = metrics.traffic as { phase: string; bytes: number }[];
    const bytes = rows.filter(({ phase }) => /backward$|^gradient/.test(phase)).map((r) => [r.phase, r.bytes]);
    return { bytes, losses: timeline.steps.map(({ loss }: { loss: number }) => Number(loss.toPrecision(5))) };
  };
  expect(facts(mpi.stdout)).toEqual(facts(threads.stdout));
});

it('says what is wrong with a configuration before anything starts', async () => {
  const file = join(folder, 'wrong.json');
  writeFileSync(file, '{"backward":{"mode":"sometimes"}}');
  const args = ['lm', 'train', ...network, '--steps', '2', '--compress'];
  const bad = await strata([...args, file]);
  expect([bad.code, bad.stderr]).toEqual([
    2,
    expect.stringContaining('backward.mode must be one of off, epilogue, all'),
  ]);
  const missing = await strata([...args, join(folder, 'none.json')]);
  expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining('none, optimus-cc or a JSON file')]);
});
