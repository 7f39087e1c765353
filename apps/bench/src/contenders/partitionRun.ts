/**
 * Program: `partitionRun.js GRAPH METHOD PARTS [OPTIONS]` partitions a graph of the suite `partition` and prints seconds of
 * processor time, cut and the peak resident memory of the process that did it.
 *
 * Processor time, because the clock of gpmetis counts it. `grem` is timed with reading and measuring; the methods in memory
 * and gpmetis without reading.
 */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { grem, type PartitionMethod, partition, partitionMetrics } from '@strata-ml/graph';
import { cacheFolder, filesOf, type GraphFacts, readCached } from './partitionGraphs.js';

const [graph = '', method = '', parts = '8', options = '{}'] = process.argv.slice(2);
const POLL_MS = 5;

/** What is printed, but for the baseline. */
interface Outcome {
  readonly seconds: number;
  readonly cut: number;
  readonly edges: number;
  readonly balance: number | string;
  readonly peakBytes: number;
}

async function main(): Promise<void> {
  const maker = fileURLToPath(new URL('./partitionMake.js', import.meta.url));
  const made = spawnSync(process.execPath, ['--max-old-space-size=8000', maker, graph], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`${graph}: ${made.stderr}`);
  const facts = JSON.parse(readFileSync(filesOf(graph).facts, 'utf8')) as GraphFacts;
  const run = method === 'gpmetis' ? runMetis : method.startsWith('grem') ? runGrem : runInMemory;
  const { seconds, cut, edges, balance, peakBytes } = await run(facts);
  const empty = method === 'gpmetis' ? 0 : emptyNodeBytes();
  const extra = {
    'cut ratio': cut / edges,
    balance,
    'peak MB': peakBytes / 1e6,
    'without Node MB': (peakBytes - empty) / 1e6,
    vertices: facts.numVertices,
    edges,
  };
  console.log(JSON.stringify({ value: seconds, extra }));
}

async function runGrem(facts: GraphFacts): Promise<Outcome> {
  const start = process.cpuUsage();
  const { cut, edges, balance } = await grem(filesOf(graph).edges, {
    parts: Number(parts),
    numVertices: facts.numVertices,
    tmpDir: cacheFolder,
    ...(JSON.parse(options) as object),
  });
  return { seconds: cpuSeconds(start), cut, edges, balance, peakBytes: ownPeak() };
}

async function runInMemory(facts: GraphFacts): Promise<Outcome> {
  const g = readCached(graph, facts);
  const start = process.cpuUsage();
  const partOf = partition(g, Number(parts), {
    method: method as PartitionMethod,
    balance: 1.03,
    ...(JSON.parse(options) as object),
  });
  const seconds = cpuSeconds(start);
  const peakBytes = ownPeak();
  const { edgeCut, edges, balance } = partitionMetrics(g, partOf);
  return { seconds, cut: edgeCut, edges, balance, peakBytes };
}

async function runMetis(facts: GraphFacts): Promise<Outcome> {
  const child = spawn('gpmetis', ['-nooutput', filesOf(graph).metis, parts], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  let peakBytes = 0;
  child.stdout.on('data', (data) => {
    text += data;
  });
  // The high-water mark only grows: the last look before the end is the peak, up to a few milliseconds.
  const timer = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      peakBytes = Math.max(peakBytes, peakOf(status));
    } catch {}
  }, POLL_MS);
  const code = await new Promise<number | null>((done) => child.once('close', done));
  clearInterval(timer);
  if (code !== 0) throw new Error(`gpmetis ended with ${code}: ${text}`);
  const figure = (pattern: RegExp) => Number(pattern.exec(text)?.[1]);
  return {
    seconds: figure(/Partitioning:\s+([\d.]+) sec/),
    cut: figure(/Edgecut: (\d+)/),
    edges: facts.edges,
    balance: figure(/constraint #0:\s+([\d.]+)/),
    peakBytes,
  };
}

function cpuSeconds(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
}

/** Largest resident size of a process so far. Not `maxRSS`, which starts from that of the parent. */
function peakOf(status: string): number {
  return 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0);
}

const ownPeak = () => peakOf(readFileSync('/proc/self/status', 'utf8'));

function emptyNodeBytes(): number {
  const program = "process.stdout.write(require('node:fs').readFileSync('/proc/self/status', 'utf8'))";
  return peakOf(spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' }).stdout);
}

await main();
