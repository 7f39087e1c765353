/**
 * Program: `offloadPartitionRun.js GRAPH METHOD PARTS` partitions a graph of the suite `offload-partition` and prints seconds of
 * processor time, what the partition costs a reader of storage, and the peak resident memory of the process that did it.
 */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import {
  type PartitionMethod,
  partition,
  partitionExpansion,
  partitionMetrics,
  readPartitionFile,
} from '@strata-ml/graph';
import { filesOf, type GraphFacts, makeGraph, readCached } from './partitionGraphs.js';

const [name = '', method = '', parts = '16'] = process.argv.slice(2);
const POLL_MS = 5;

async function main(): Promise<void> {
  await makeGraph(name);
  const facts = JSON.parse(readFileSync(filesOf(name).facts, 'utf8')) as GraphFacts;
  const graph = readCached(name, facts);
  // Reading and building the graph is everybody's, and its peak is above the graph alone.
  const loaded = ownPeak();
  const { partOf, seconds, peakBytes } = method === 'gpmetis' ? await runMetis() : runOwn();
  const { vertexExpansion, partExpansion } = partitionExpansion(graph, partOf, Number(parts));
  const { cutRatio, balance, edgeBalance } = partitionMetrics(graph, partOf);
  const extra = {
    alpha: vertexExpansion,
    rho: partExpansion,
    'cut ratio': cutRatio,
    balance,
    'edge balance': edgeBalance,
    'peak MB': peakBytes / 1e6,
    'beside the loaded graph MB': method === 'gpmetis' ? peakBytes / 1e6 : (peakBytes - loaded) / 1e6,
    'graph MB': (graph.indptr.byteLength + graph.indices.byteLength) / 1e6,
  };
  console.log(JSON.stringify({ value: seconds, extra }));

  function runOwn() {
    const start = process.cpuUsage();
    const partOf = partition(graph, Number(parts), { method: method as PartitionMethod });
    const { user, system } = process.cpuUsage(start);
    return { partOf, seconds: (user + system) / 1e6, peakBytes: ownPeak() };
  }

  async function runMetis() {
    const child = spawn('gpmetis', [filesOf(name).metis, parts], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    let peakBytes = 0;
    child.stdout.on('data', (data) => {
      text += data;
    });
    // The high-water mark only grows: the last look before the end is the peak, up to a few milliseconds.
    const timer = setInterval(() => {
      try {
        peakBytes = Math.max(peakBytes, peakOf(readFileSync(`/proc/${child.pid}/status`, 'utf8')));
      } catch {}
    }, POLL_MS);
    const code = await new Promise<number | null>((done) => child.once('close', done));
    clearInterval(timer);
    if (code !== 0) throw new Error(`gpmetis ended with ${code}: ${text}`);
    const partOf = await readPartitionFile(`${filesOf(name).metis}.part.${parts}`, facts.numVertices, Number(parts));
    return { partOf, seconds: Number(/Partitioning:\s+([\d.]+) sec/.exec(text)?.[1]), peakBytes };
  }
}

/** Largest resident size of a process so far. */
function peakOf(status: string): number {
  return 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0);
}

function ownPeak(): number {
  return peakOf(readFileSync('/proc/self/status', 'utf8'));
}

// A graph is made in a process of its own, so that its making leaves no mark on the peak of this one.
if (method === 'make') await makeGraph(name);
else {
  spawnSync(process.execPath, [process.argv[1]!, name, 'make'], { stdio: 'inherit' });
  await main();
}
