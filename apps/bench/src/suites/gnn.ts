/** Suite `gnn`: epochs of full-graph training, beside the same networks in PyTorch with CSR products. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dataRoots } from '@strata-ml/datasets';
import type { Case, Contender, Suite } from '../harness/types.js';
import { peersFirst, pythonPeer } from './python.js';

const program = fileURLToPath(new URL('./train.js', import.meta.url));
/** The three with most edges among the labelled graphs with features: 248, 246 and 240 thousand. */
const DATA = ['coauthor-physics', 'amazon-computers', 'flickr-social'];
const MODELS = [
  { model: 'gcn', layers: 2, hidden: 64 },
  { model: 'gcn', layers: 2, hidden: 256 },
  { model: 'sage', layers: 3, hidden: 64 },
  { model: 'sage', layers: 3, hidden: 256 },
] as const;
/** The first five are not counted. */
const EPOCHS = 11;
/** Raw features of halo rows travel once, as a program that shares memory would have them. */
const HALO_FEATURES = 'once';

/** One and two devices against one and two threads. */
export const gnn: Suite = {
  name: 'gnn',
  description:
    'epochs of GCN and SAGE on one and two devices beside PyTorch CSR on as many threads, and PyTorch Geometric',
  cases: () => DATA.flatMap((data) => MODELS.map((model) => training(data, model))),
};

function training(data: string, model: (typeof MODELS)[number]): Case {
  const folder = dataRoots()
    .map((root) => join(root, data))
    .find((path) => existsSync(path));
  const missing = folder ? undefined : `no data set ${data}; set STRATA_DATA`;
  const ours = ['1x1', '1x2'].map(
    (cluster): Contender => ({
      name: `strata ${cluster}`,
      version: '',
      command: process.execPath,
      args: [
        program,
        JSON.stringify({
          data,
          cluster,
          model,
          epochs: EPOCHS,
          evalEvery: EPOCHS,
          haloFeatures: HALO_FEATURES,
          optimizer: { lr: 0.01 },
        }),
      ],
      ...(missing ? { missing } : {}),
    }),
  );
  const peers = [1, 2].map((threads) => {
    const args = [folder ?? '', model.model, String(model.layers), String(model.hidden), String(EPOCHS)];
    const name = `PyTorch, ${threads} thread${threads > 1 ? 's' : ''}`;
    const peer = pythonPeer(name, { library: 'torch', program: 'gnn_train.py', args, threads });
    return missing ? { ...peer, missing } : peer;
  });
  const geometric = pythonPeer('PyTorch Geometric, dense features, 1 thread', {
    library: 'torch_geometric',
    program: 'gnn_geometric.py',
    args: [folder ?? '', model.model, String(model.layers), String(model.hidden), String(EPOCHS)],
  });
  // One round of it tells enough: it multiplies features that are mostly zero.
  peers.push({ ...geometric, maxRounds: 1, timeoutS: 45, ...(missing ? { missing } : {}) });
  return {
    name: `${data} ${model.model} ${model.layers}×${model.hidden}`,
    params: { data, ...model, epochs: EPOCHS },
    kind: 'measured',
    unit: 's',
    contenders: peersFirst(peers, ours),
  };
}
