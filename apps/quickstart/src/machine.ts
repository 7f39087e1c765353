/** What this machine runs, in two lines. */
import { availableParallelism, totalmem } from 'node:os';
import { formatBytes, initEngine } from '@strata-ml/core';
import pc from 'picocolors';

/** Node, cores, memory, engine and why, kernels. */
export async function machineLines(): Promise<string[]> {
  const engine = await initEngine({});
  return [
    `  machine  Node ${process.version}, ${availableParallelism()} cores, ${formatBytes(totalmem())}`,
    `  engine   ${engine.name}, ${engine.kernels} kernels ${pc.dim(`(${engine.reason})`)}`,
  ];
}
