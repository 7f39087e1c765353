/** Program: `allReduce.js TRANSPORT RANKS BYTES REPEATS` prints the seconds of one all-reduce as a sample. */
import { launch, parseCluster } from '@strata-ml/core';
import { registerMpi } from '@strata-ml/mpi';

const [transport = 'threads', ranks = '4', bytes = '4096', repeats = '20'] = process.argv.slice(2);
if (transport === 'mpi') registerMpi();
const { results } = await launch<{ bytes: number; repeats: number }, number>(
  parseCluster(`1x${ranks}`),
  new URL('./allReduceEntry.js', import.meta.url),
  { bytes: Number(bytes), repeats: Number(repeats) },
  { transport, engine: 'cpu' },
);
if (results[0] !== undefined) console.log(JSON.stringify({ value: results[0] }));
