/** Suite `trace`: what recording spans costs a training run. */
import { fileURLToPath } from 'node:url';
import type { Case, Contender, Suite } from '../harness/types.js';

const program = fileURLToPath(new URL('./train.js', import.meta.url));

/** Cora, 2-layer GCN, with and without the recorder. */
export const trace: Suite = {
  name: 'trace',
  description: 'epoch time of the Cora run with and without --trace',
  cases: () => ['1x1', '2x2'].map(cora),
};

function cora(cluster: string): Case {
  const contender = (isOn: boolean): Contender => ({
    name: isOn ? 'trace on' : 'trace off',
    version: process.version,
    command: process.execPath,
    args: [
      program,
      JSON.stringify({
        data: 'cora',
        cluster,
        trace: isOn,
        epochs: 200,
        evalEvery: 200,
        model: { model: 'gcn', layers: 2, hidden: 16 },
      }),
    ],
  });
  return {
    name: `cora GCN ${cluster}`,
    params: { cluster, epochs: 200 },
    kind: 'measured',
    unit: 's',
    contenders: [contender(false), contender(true)],
  };
}
