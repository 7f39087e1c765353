import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  alignedBytes,
  alignUp,
  BlockFile,
  calibrateStorage,
  Rng,
  StorageDevice,
  type StorageDeviceOptions,
  StorageError,
} from '@strata-ml/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let folder: string;
const devices: StorageDevice[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'strata-storage-'));
});
afterEach(async () => {
  for (const device of devices.splice(0)) await device.close();
  rmSync(folder, { recursive: true, force: true });
});

async function open(options: StorageDeviceOptions = {}): Promise<StorageDevice> {
  const device = await StorageDevice.open(folder, options);
  devices.push(device);
  return device;
}

function random(bytes: number, seed = 1): Uint8Array<SharedArrayBuffer> {
  const rng = new Rng(seed);
  const data = alignedBytes(bytes);
  for (let i = 0; i < bytes; i += 4) data[i] = rng.uint32At(i);
  return data;
}

describe.each(['auto', 'buffered'] as const)('StorageDevice, mode %s', (mode) => {
  it('writes and reads back any aligned part, in pieces, and counts every byte by purpose', async () => {
    const device = await open({ mode, chunkBytes: 65_536 });
    const file = device.create('data');
    const data = random(1_000 * 4096);
    device.write(file, 8192, data, 'activations').wait();
    expect(Buffer.compare(readFileSync(join(folder, 'data')).subarray(8192), Buffer.from(data))).toBe(0);
    const part = alignedBytes(300 * 4096);
    await device.read(file, 8192 + 17 * 4096, part, 'features').done();
    expect(Buffer.compare(part, data.subarray(17 * 4096, 317 * 4096))).toBe(0);
    const { byPurpose, bytesRead, bytesWritten, readLatency } = device.stats();
    expect(byPurpose).toEqual([
      { purpose: 'activations', bytesRead: 0, bytesWritten: 4_096_000, reads: 0, writes: 63 },
      { purpose: 'features', bytesRead: 1_228_800, bytesWritten: 0, reads: 19, writes: 0 },
    ]);
    expect([bytesRead, bytesWritten]).toEqual([1_228_800, 4_096_000]);
    expect(readLatency(50)).toBeGreaterThan(0);
    expect(readLatency(50)).toBeLessThanOrEqual(readLatency(99));
  });

  it('serves many requests at once and out of order', async () => {
    const device = await open({ mode, workers: 3 });
    const file = device.create('data');
    const blocks = Array.from({ length: 40 }, (_, i) => random(4096 * (1 + (i % 5)), i));
    const at = (i: number) => i * 5 * 4096;
    await Promise.all(blocks.map((block, i) => device.write(file, at(i), block).done()));
    const found = blocks.map((block) => alignedBytes(block.length));
    const requests = found.map((into, i) => device.read(file, at(i), into));
    for (const request of [...requests].reverse()) request.wait();
    found.forEach((block, i) => void expect(Buffer.compare(block, blocks[i]!), `block ${i}`).toBe(0));
  });
});

describe('StorageDevice', () => {
  it('says which mode it has, and why it is not direct', async () => {
    const auto = await open();
    expect(['direct', 'buffered']).toContain(auto.mode);
    expect(auto.reason === undefined).toBe(auto.mode === 'direct');
    expect((await open({ mode: 'buffered' })).mode).toBe('buffered');
  });

  it('holds transfers down to the bandwidth of an emulated drive', async () => {
    const device = await open({ bandwidth: 50e6, mode: 'buffered' });
    expect(device.isEmulated).toBe(true);
    const file = device.create('data');
    const data = alignedBytes(10 * 2 ** 20);
    const start = performance.now();
    device.write(file, 0, data).wait();
    const seconds = (performance.now() - start) / 1000;
    // 10 MiB at 50 MB/s take 0.21 s; the drive's own time may come on top.
    expect(seconds).toBeGreaterThan(0.2);
    // Ten pieces are handed over at once; the first takes 21 ms.
    expect(device.stats().peakDepth).toBeGreaterThan(4);
  });

  it('names file, place and cause when the drive is full, faulty or the file too short', async () => {
    const device = await open({ mode: 'buffered' });
    const page = alignedBytes(4096);
    const full = (await StorageDevice.open('/dev', { mode: 'buffered' }).catch(() => undefined)) ?? undefined;
    if (full) {
      devices.push(full);
      const request = full.write(full.openFile('full'), 8192, page);
      expect(() => request.wait()).toThrow(/write: \/dev\/full at byte 8192: failed with ENOSPC; the drive is full/);
      // A request fails every time it is asked, and others go on.
      expect(() => request.wait()).toThrow(StorageError);
    }
    const file = device.create('short');
    device.write(file, 0, page).wait();
    await expect(device.read(file, 4096, page).done()).rejects.toMatchObject({
      code: 'ERR_STRATA_STORAGE',
      details: { offset: 4096, reason: 'SHORT' },
    });
    device.read(file, 0, page).wait();
    expect(() => device.openFile('missing')).toThrow(/open: .*missing at byte 0: .*ENOENT/);
  });

  it('refuses options that make no sense', async () => {
    await expect(open({ workers: 0 })).rejects.toThrow(/workers must be between 1 and 64/);
    await expect(open({ chunkBytes: 1000 })).rejects.toThrow(/chunkBytes must be a multiple of 4096/);
    await expect(open({ bandwidth: 0 })).rejects.toThrow(/bandwidth must be > 0/);
    const device = await open();
    const file = device.create('data');
    expect(() => device.write(file, 0, new Uint8Array(4096))).toThrow(/alignedBytes/);
    if (device.mode === 'direct') {
      expect(() => device.write(file, 100, alignedBytes(4096))).toThrow(/multiples of 4096/);
    }
    writeFileSync(join(folder, 'plain'), '');
    await expect(StorageDevice.open(join(folder, 'plain'))).rejects.toMatchObject({ code: 'ERR_STRATA_STORAGE' });
  });

  it('measures a drive and leaves nothing behind', async () => {
    const device = await open();
    const speed = await calibrateStorage(device, { bytes: 32 * 2 ** 20, randomReads: 20 });
    expect(speed.mode).toBe(device.mode);
    for (const value of [speed.readBytesPerSecond, speed.writeBytesPerSecond, speed.randomReadSeconds]) {
      expect(value).toBeGreaterThan(0);
    }
    expect(readdirSync(folder)).toEqual([]);
    await expect(calibrateStorage(device, { signal: AbortSignal.abort() })).rejects.toThrow(/stopped/);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('BlockFile', () => {
  const sizes = [10, 0, 70_000, 4096, 300_000];
  const options = { chunkBytes: 65_536 };

  async function written(): Promise<{ device: StorageDevice; blocks: Uint8Array[] }> {
    const device = await open(options);
    const file = BlockFile.create(device, 'blocks', sizes);
    const blocks = sizes.map((size, i) => random(alignUp(size), 7 + i));
    for (const [i, block] of blocks.entries()) file.write(i, block).wait();
    expect(existsSync(join(folder, 'blocks'))).toBe(false);
    file.commit();
    file.close();
    expect(readdirSync(folder)).toEqual(['blocks']);
    return { device, blocks };
  }

  it('gives every block back after it was closed and opened again', async () => {
    const { device, blocks } = await written();
    const file = BlockFile.open(device, 'blocks');
    expect([...file.blockBytes]).toEqual(sizes);
    for (const [i, block] of blocks.entries()) {
      const into = alignedBytes(file.paddedBytes(i));
      if (i % 2 === 0) file.read(i, into).wait();
      else await file.read(i, into).done();
      expect(Buffer.compare(into, block), `block ${i}`).toBe(0);
    }
    const part = alignedBytes(8192);
    file.readPart(4, 4096, part).wait();
    expect(Buffer.compare(part, blocks[4]!.subarray(4096, 12_288))).toBe(0);
    expect(readFileSync(join(folder, 'blocks')).length).toBe(file.bytes);
    file.close();
  });

  it('keeps the older file until the new one is whole', async () => {
    const { device, blocks } = await written();
    const next = BlockFile.create(device, 'blocks', sizes);
    next.write(3, random(4096, 99)).wait();
    next.close();
    expect(readdirSync(folder)).toEqual(['blocks']);
    const file = BlockFile.open(device, 'blocks');
    const into = alignedBytes(4096);
    file.read(3, into).wait();
    expect(Buffer.compare(into, blocks[3]!)).toBe(0);
    // Rewriting a block of a committed file counts after the next commit.
    const changed = random(4096, 5);
    file.write(3, changed).wait();
    file.commit();
    file.close();
    const again = BlockFile.open(device, 'blocks');
    again.read(3, into).wait();
    expect(Buffer.compare(into, changed)).toBe(0);
    again.close();
  });

  it('notices a flipped bit, a cut-off file, a damaged header and a foreign file', async () => {
    const { device } = await written();
    const path = join(folder, 'blocks');
    const whole = readFileSync(path);
    const flipped = Buffer.from(whole);
    flipped[whole.length - 5]! ^= 1;
    writeFileSync(path, flipped);
    const file = BlockFile.open(device, 'blocks');
    const into = alignedBytes(file.paddedBytes(4));
    expect(() => file.read(4, into).wait()).toThrow(/block 4 is damaged: its checksum does not match/);
    file.read(2, alignedBytes(file.paddedBytes(2))).wait();
    file.close();
    writeFileSync(path, whole);
    truncateSync(path, whole.length - 4096);
    expect(() => BlockFile.open(device, 'blocks')).toThrow(/must have \d+ bytes, got \d+; it was cut off/);
    const damaged = Buffer.from(whole);
    damaged[60]! ^= 1;
    writeFileSync(path, damaged);
    expect(() => BlockFile.open(device, 'blocks')).toThrow(/header is damaged/);
    writeFileSync(path, Buffer.alloc(8192, 7));
    expect(() => BlockFile.open(device, 'blocks')).toThrow(/must be a block file/);
    writeFileSync(path, whole);
    const other = await open({ chunkBytes: 4096 });
    expect(() => BlockFile.open(other, 'blocks')).toThrow(/open the device with chunkBytes 65536/);
  });

  it('refuses blocks that are not there, buffers of another size, and files larger than the drive', async () => {
    const device = await open();
    const file = BlockFile.create(device, 'blocks', [10]);
    expect(() => file.read(1, alignedBytes(4096))).toThrow(/block must be in 0..0/);
    expect(() => file.read(0, alignedBytes(8192))).toThrow(/\[4096\]/);
    file.close();
    expect(() => BlockFile.create(device, 'huge', [2 ** 52])).toThrow(/needs \d+ bytes, the drive has/);
    expect(() => BlockFile.create(device, 'bad', [-1])).toThrow(/size of block 0/);
    expect(readdirSync(folder)).toEqual([]);
  });
});
