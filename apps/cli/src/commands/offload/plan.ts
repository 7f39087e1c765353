/** `strata offload plan DIR`. */
import { calibrateStorage, type EngineName, initEngine, OptionError, parseBytes, StorageDevice } from '@strata-ml/core';
import type { GraphShape, LaneRates, MemoryPlan } from '@strata-ml/storage-offload';
import type { Command } from 'commander';
import { action } from '../../action.js';
import { addCommonFlags, addEngineFlag, type CommonFlags, choice } from '../../options.js';
import { addModelFlags, type ModelFlags, modelOptions } from '../gnn/trainFlags.js';
import { planTables } from './planTables.js';

interface Flags extends CommonFlags, ModelFlags {
  readonly hostMemory: number;
  readonly deviceMemory?: number;
  readonly cachePolicy: 'belady' | 'lru' | 'frequency' | 'none';
  readonly order: 'ascending' | 'zigzag';
  readonly fusedHead: boolean;
  readonly compare?: boolean;
  readonly calibrate: boolean;
  readonly engine: EngineName | 'auto';
}

/** Bytes written and read to learn the drive's speed. */
const CALIBRATION_BYTES = 64 * 2 ** 20;

/** Adds `plan`. */
export function offloadPlanCommand(area: Command): void {
  const command = area
    .command('plan <dir>')
    .description('what fits where, which bytes move and how long an epoch takes, before it runs')
    .option(
      '--host-memory <size>',
      'budget of the host (default: 1GiB)',
      (text: string) => parseBytes(text, '--host-memory'),
      2 ** 30,
    )
    .option('--device-memory <size>', 'budget of the device (default: no limit)', (text: string) =>
      parseBytes(text, '--device-memory'),
    )
    .option(
      '--cache-policy <name>',
      'belady, lru, frequency or none',
      choice('--cache-policy', ['belady', 'lru', 'frequency', 'none']),
      'belady',
    )
    .option('--order <name>', 'ascending or zigzag', choice('--order', ['ascending', 'zigzag']), 'zigzag')
    .option('--no-fused-head', 'store and read the last layer, as the paper does')
    .option('--compare', 'also what the other cache policies would read')
    .option('--no-calibrate', 'do not measure this machine: no seconds are predicted');
  addEngineFlag(addModelFlags(addCommonFlags(command))).action(
    action<Flags>('offload plan', async (flags, { output }, [folder = '']) => {
      const { hostMemory, deviceMemory, cachePolicy, order, fusedHead, compare = false } = flags;
      const { openGraphStore, planMemory, shapeOfStore } = await import('@strata-ml/storage-offload');
      const store = await openGraphStore(folder);
      let shape: GraphShape;
      let rates: LaneRates | undefined;
      let isDirect: boolean;
      try {
        if (flags.model === 'gcn' && store.meta.weights === 'none') {
          throw new OptionError(
            'offload plan',
            '--model',
            'gcn',
            'one of those the graph was prepared for, sage or gat',
          );
        }
        shape = shapeOfStore(store);
        isDirect = store.device.mode === 'direct';
        await initEngine({ prefer: flags.engine });
        if (flags.calibrate) rates = await measure(folder, flags.hidden);
      } finally {
        await store.close();
      }
      const plan = await planMemory(shape, {
        model: modelOptions(flags),
        hostMemory,
        cachePolicy,
        order,
        fusedHead,
        comparePolicies: compare,
        ...(deviceMemory === undefined ? {} : { deviceMemory }),
        ...(rates ? { rates } : {}),
      });
      output.print(planTables(plan, isDirect));
      return {
        config: { folder, ...flags },
        metrics: metricsOf(plan, rates),
        labels: { compute: 'simulated', storage: 'simulated' },
      };
    }),
  );
}

async function measure(folder: string, hidden: number | undefined): Promise<LaneRates> {
  const { measureLaneRates } = await import('@strata-ml/storage-offload');
  const device = await StorageDevice.open(folder);
  try {
    return measureLaneRates(await calibrateStorage(device, { bytes: CALIBRATION_BYTES, randomReads: 100 }), hidden);
  } finally {
    await device.close();
  }
}

/** Infinity is no JSON. */
function metricsOf(plan: MemoryPlan, rates: LaneRates | undefined) {
  const { budgetBytes } = plan.device;
  return {
    ...plan,
    device: { ...plan.device, budgetBytes: Number.isFinite(budgetBytes) ? budgetBytes : null },
    rates: rates ?? null,
  };
}
