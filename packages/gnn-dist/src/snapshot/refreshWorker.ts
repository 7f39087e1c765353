/** The thread that refreshes snapshots; started by `BackgroundRefresh`. */
import { workerData } from 'node:worker_threads';
import { StorageDevice } from '@strata-ml/core';
import { type AdjacencyLocation, AdjacencyStore } from './AdjacencyStore.js';
import type { RefreshAnswer, RefreshJob, RefreshWorkerData } from './BackgroundRefresh.js';
import { refreshSnapshots } from './refreshSnapshots.js';
import { SnapshotCache } from './SnapshotCache.js';
import { SampleStreams } from './streams.js';

const { location, options, seed, port } = workerData as RefreshWorkerData;
const streams = new SampleStreams(seed);

// Updates after this are not seen here; the sampler draws no touched vertex from a snapshot.
const opened = openStore(location);

port.on('message', (job: RefreshJob) => {
  void opened
    .then((store) => refresh(store, job))
    .catch((error: Error): RefreshAnswer => ({ error: error.message }))
    .then((answer) => port.postMessage(answer));
});

async function openStore(where: AdjacencyLocation): Promise<AdjacencyStore> {
  if (where.kind === 'memory') return AdjacencyStore.inMemory(where.graph);
  return AdjacencyStore.open(await StorageDevice.open(where.folder, { ...where.device, workers: 2 }), where.name);
}

function refresh(store: AdjacencyStore, { call, active, spare }: RefreshJob): RefreshAnswer {
  const before = store.traffic.storageBytes;
  const caches = active.map(({ size, offsets, entries }, i) => {
    const copy = spare[i]!;
    copy.set(entries);
    return new SnapshotCache(store, { size, offsets, entries: copy });
  });
  refreshSnapshots(caches, options, streams, call);
  const builtAt = caches.map((cache) => cache.builtAt);
  return { call, builtAt, storageBytes: store.traffic.storageBytes - before };
}
