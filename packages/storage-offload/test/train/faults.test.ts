import { spawn } from 'node:child_process';
import { closeSync, ftruncateSync, mkdtempSync, openSync, readSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { initEngine, Rng, StorageError } from '@strata-ml/core';
import { flattenParameters } from '@strata-ml/models';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GraphStore } from '../../src/store/GraphStore.js';
import { OffloadTrainer } from '../../src/train/OffloadTrainer.js';
import { smallGraph, withStore } from '../support/smallGraph.js';

beforeAll(() => initEngine());
const root = mkdtempSync(join(tmpdir(), 'strata-offload-faults-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const small = smallGraph({ vertices: 300, width: 128 });
const model = { model: 'sage', layers: 3, hidden: 128, dropout: 0.5 } as const;

/** Opens a trainer whose memory holds so little that every epoch reads the features again. */
async function tightTrainer(store: GraphStore): Promise<OffloadTrainer> {
  const ample = await OffloadTrainer.open(store, { model });
  const { minimumHostBytes: hostMemory } = ample;
  ample.close();
  return OffloadTrainer.open(store, { model, hostMemory });
}

const reasonOf = (error: unknown) => (error instanceof StorageError ? error.details.reason : error);

describe('a drive that fails', () => {
  it('is an error that says what and where; when it works again the run goes on exactly', async () => {
    const expected = await withStore(small, 4, async (store) => {
      const trainer = await OffloadTrainer.open(store, { model });
      for (let i = 0; i < 3; i++) await trainer.trainEpoch();
      const parameters = flattenParameters(trainer.model.parameters);
      trainer.close();
      return parameters;
    });
    await withStore(small, 4, async (store) => {
      const trainer = await tightTrainer(store);
      // No room for the run's own files.
      const { device } = store;
      const freeBytes = device.freeBytes.bind(device);
      device.freeBytes = () => 0;
      expect(reasonOf(await trainer.trainEpoch().catch((e: unknown) => e))).toBe('ENOSPC');
      device.freeBytes = freeBytes;
      await trainer.trainEpoch();

      const path = join(store.folder, 'feat-0.blocks');
      const file = openSync(path, 'r+');
      const at = statSync(path).size - 4096;
      const byte = Buffer.alloc(1);
      readSync(file, byte, 0, 1, at);
      writeSync(file, Buffer.of(byte[0]! ^ 4), 0, 1, at);
      expect(reasonOf(await trainer.trainEpoch().catch((e: unknown) => e))).toBe('CHECKSUM');
      writeSync(file, byte, 0, 1, at);
      await trainer.trainEpoch();

      const whole = Buffer.alloc(4096);
      readSync(file, whole, 0, 4096, at);
      ftruncateSync(file, at);
      expect(reasonOf(await trainer.trainEpoch().catch((e: unknown) => e))).toBe('SHORT');
      writeSync(file, whole, 0, 4096, at);
      closeSync(file);
      const report = await trainer.trainEpoch();
      expect(report.storage).toEqual(report.predicted.storage);
      expect(Buffer.from(flattenParameters(trainer.model.parameters).buffer).equals(Buffer.from(expected.buffer))).toBe(
        true,
      );
      trainer.close();
    });
  });
});

// It uses the built package: what is killed is a process of its own.
const program = fileURLToPath(new URL('../support/killedRun.mjs', import.meta.url));

/** Runs the program; kills it after so many events. Resolves to what it printed. */
function run(args: readonly string[], killAfter = Number.POSITIVE_INFINITY): Promise<string> {
  const child = spawn(process.execPath, [program, ...args]);
  let printed = '';
  let events = 0;
  child.stdout.on('data', (data: Buffer) => {
    printed += data.toString();
    events = printed.split('\n').length - 1;
    if (events >= killAfter) child.kill('SIGKILL');
  });
  child.stderr.on('data', (data: Buffer) => {
    printed += data.toString();
  });
  return new Promise((resolve) => void child.on('exit', () => resolve(printed)));
}

describe('a killed process', () => {
  it('resumes from its checkpoint to the parameters of a run without a break', { timeout: 120_000 }, async () => {
    await withStore(small, 4, async (store) => {
      const trainer = await tightTrainer(store);
      const hostMemory = String(trainer.minimumHostBytes);
      trainer.close();
      const whole = await run([store.folder, join(root, 'whole'), hostMemory, JSON.stringify(model)]);
      expect(whole).toContain('hash ');
      const rng = new Rng(4);
      const args = [store.folder, join(root, 'killed'), hostMemory, JSON.stringify(model)];
      for (let i = 0; i < 4; i++) expect(await run(args, 2 + rng.intAt(25, i))).not.toContain('hash ');
      expect((await run(args)).split('hash ')[1]).toBe(whole.split('hash ')[1]);
    });
  });
});
