// A caller of launch, as the command line is one: rank 0 prints the report, a failure is told on stderr with its exit code.
// argv[2]: { cluster, payload, options, entry? }
import { launch, parseCluster } from '@strata-ml/core';
import { registerMpi } from '@strata-ml/mpi';

const { cluster, payload, options, entry: file = './rank.mjs' } = JSON.parse(process.argv[2]);
registerMpi();
const events = [];
try {
  const entry = new URL(file, import.meta.url);
  const report = await launch(parseCluster(cluster), entry, payload, {
    transport: 'mpi',
    engine: 'none',
    onEvent: (event, rank) => events.push([rank, event]),
    ...options,
  });
  if (payload.twice) {
    const again = await launch(parseCluster(cluster), entry, { mode: 'sum' }, { transport: 'mpi', engine: 'none' });
    if (again.isRoot && again.results.length !== 4) throw new Error('second launch');
  }
  if (report.isRoot) process.stdout.write(JSON.stringify({ ...report, events }));
  else if (report.results.length !== 0) throw new Error('results on a rank other than 0');
} catch (error) {
  const { code, details, cause } = error;
  process.stderr.write(
    `TOLD ${JSON.stringify({ name: error.name, message: error.message, code, details, cause: cause?.name, causeDetails: cause?.details })}\n`,
  );
  process.exit(error.name === 'AbortedError' ? 130 : error.name === 'OptionError' ? 2 : 1);
}
