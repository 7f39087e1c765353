/** Worker: cuts a graph in shared memory, so that the main thread hears Ctrl-C and can show how far it has come. */
import { parentPort, workerData } from 'node:worker_threads';
import { serializeError } from '@strata-ml/core';
import { type CsrGraph, type PartitionOptions, partitionCluster } from '@strata-ml/graph';

/** What the worker is started with. */
export interface PartitionWork {
  readonly graph: CsrGraph;
  readonly devicesPerServer: readonly number[];
  readonly options: PartitionOptions;
}

/** What it sends. */
export type PartitionMessage =
  | { readonly placed: number; readonly total: number }
  | { readonly partOf: Int32Array }
  | { readonly error: ReturnType<typeof serializeError> };

const { graph, devicesPerServer, options } = workerData as PartitionWork;
const send = (message: PartitionMessage) => parentPort?.postMessage(message);
try {
  send({ partOf: partitionCluster(graph, devicesPerServer, { ...options, onProgress: send }) });
} catch (error) {
  send({ error: serializeError(error) });
}
