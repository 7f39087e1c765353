/** `strata offload calibrate`. */
import {
  calibrateStorage,
  formatBytes,
  parseBandwidth,
  parseBytes,
  parseDuration,
  StorageDevice,
} from '@strata-ml/core';
import type { Command } from 'commander';
import { action } from '../../action.js';
import { addCommonFlags, type CommonFlags, choice, integer } from '../../options.js';
import { seconds } from '../../output/format.js';
import { factTable } from '../../output/table.js';

interface Flags extends CommonFlags {
  readonly bytes: number;
  readonly workers: number;
  readonly mode: 'auto' | 'direct' | 'buffered';
  readonly bandwidth?: number;
  readonly latency?: number;
}

/** Adds `calibrate`. */
export function calibrateCommand(area: Command): void {
  const command = area
    .command('calibrate <dir>')
    .description('measure the drive below a folder, through the path that training takes')
    .option(
      '--bytes <size>',
      'size of the test file (default: 256MiB)',
      (text: string) => parseBytes(text, '--bytes'),
      256 * 2 ** 20,
    )
    .option('--workers <n>', 'I/O threads', integer('--workers', { min: 1, max: 64 }), 4)
    .option('--mode <mode>', 'auto, direct, buffered', choice('--mode', ['auto', 'direct', 'buffered']), 'auto')
    .option('--bandwidth <rate>', 'emulate a drive of this bandwidth, such as 500MB/s', (text: string) =>
      parseBandwidth(text, '--bandwidth'),
    )
    .option('--latency <time>', 'emulate a drive of this latency, such as 100us', (text: string) =>
      parseDuration(text, '--latency'),
    );
  addCommonFlags(command).action(
    action<Flags>(
      'offload calibrate',
      async ({ bytes, workers, mode, bandwidth, latency }, { output, signal }, [folder = '.']) => {
        const device = await StorageDevice.open(folder, {
          workers,
          mode,
          ...(bandwidth !== undefined && Number.isFinite(bandwidth) ? { bandwidth } : {}),
          ...(latency !== undefined ? { latency } : {}),
        });
        try {
          if (device.mode === 'buffered') {
            output.note(`buffered: ${device.reason ?? 'as asked'}; reads may come from memory, not from the drive`);
          }
          const speed = await calibrateStorage(device, { bytes, signal });
          const stats = device.stats();
          const label = device.isEmulated ? `${speed.mode}, emulated drive` : speed.mode;
          output.print(
            `\n${factTable([
              ['read, in sequence', `${formatBytes(speed.readBytesPerSecond)}/s`, label],
              ['write, in sequence', `${formatBytes(speed.writeBytesPerSecond)}/s`, 'flushed to the drive'],
              ['4 KiB at a random place', seconds(speed.randomReadSeconds), 'one at a time'],
              ['deepest queue', String(stats.peakDepth), `${workers} threads`],
            ])}`,
          );
          return {
            config: { folder, bytes, workers, mode, bandwidth, latency },
            metrics: { ...speed, peakDepth: stats.peakDepth },
            labels: { storage: device.isEmulated ? 'emulated' : 'measured' },
          };
        } finally {
          await device.close();
        }
      },
      { isInterruptible: true },
    ),
  );
}
