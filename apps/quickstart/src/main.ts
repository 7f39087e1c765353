/**
 * What `npm start` runs: one graph network, trained on one device and then on an emulated cluster of two servers with
 * two devices each, and the two side by side.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseCluster } from '@strata-ml/core';
import { saveModel, type TrainOptions, type TrainReport, trainGnn } from '@strata-ml/gnn-dist';
import pc from 'picocolors';
import { chooseData } from './chooseData.js';
import { compareTable } from './compareTable.js';
import { EpochProgress } from './EpochProgress.js';
import { machineLines } from './machine.js';

const OUT = join('strata-runs', 'quickstart');
const LINK = '1Gbps';

async function main(): Promise<void> {
  const abort = new AbortController();
  process.once('SIGINT', () => {
    abort.abort();
    process.once('SIGINT', () => process.exit(130));
  });
  const say = (line = '') => process.stdout.write(`${line}\n`);

  say(pc.bold('Strata') + pc.dim('  a graph network on one device, then on a cluster of four'));
  say();
  for (const line of await machineLines()) say(line);
  const { data, facts, epochs } = await chooseData();
  for (const line of facts) say(line);
  say();

  const base: TrainOptions = {
    model: { model: 'sage', layers: 2, hidden: 64, dropout: 0.5, norm: 'layer' },
    optimizer: { lr: 0.01 },
    epochs,
    evalEvery: 5,
    seed: 1,
    trace: true,
    timeoutMs: 120_000,
    signal: abort.signal,
  };
  const cluster = parseCluster('2x2', { interBandwidth: LINK, interLatency: '50us' });
  const one = await run('1 server × 1 device', { ...base, cluster: '1x1' });
  const many = await run(`2 servers × 2 devices, ${LINK} between servers (emulated)`, { ...base, cluster });
  const once = await run('the same, raw features sent once instead of in every epoch', {
    ...base,
    cluster,
    haloFeatures: 'once',
  });

  say();
  say(compareTable({ '1 × 1': one, '2 × 2, emulated link': many, 'the same, features once': once }));
  mkdirSync(OUT, { recursive: true });
  const model = join(OUT, 'model.safetensors');
  saveModel(model, once);
  say(`  model   ${model}`);
  say(`  trace   ${writeTrace('trace-2x2.json', many)}   open it at https://ui.perfetto.dev`);
  say();
  const cores = availableParallelism();
  if (cores < 4) {
    say(
      pc.dim(
        `  Four devices share ${cores} cores here, so the cluster is no faster; on four machines each has its own.`,
      ),
    );
  }
  say(pc.dim('  Next: pnpm strata gnn train --help'));

  async function run(title: string, options: TrainOptions): Promise<TrainReport> {
    const progress = new EpochProgress(title, epochs, process.stdout);
    const report = await trainGnn(data, { ...options, onEvent: (event) => progress.show(event) });
    progress.stop(report);
    if (report.status === 'aborted') {
      say('stopped after the current epoch');
      process.exit(130);
    }
    return report;
  }
}

function writeTrace(name: string, report: TrainReport): string {
  const path = join(OUT, name);
  writeFileSync(path, JSON.stringify(report.trace));
  return path;
}

main().catch((error: unknown) => {
  const { message, stack } = error as Error;
  process.stderr.write(`${pc.red('npm start failed:')} ${message}\n`);
  if (process.env.STRATA_DEBUG) process.stderr.write(`${stack}\n`);
  else process.stderr.write('Run it with STRATA_DEBUG=1 for the stack.\n');
  process.exitCode = 1;
});
