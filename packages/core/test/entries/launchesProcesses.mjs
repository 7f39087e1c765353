/** A program whose ranks run until it is killed; says so once they all do. */
import { launch, parseCluster } from '@strata-ml/core';

let begun = 0;
await launch(
  parseCluster('1x2'),
  new URL('comm.mjs', import.meta.url),
  { name: 'stopsTogether' },
  {
    engine: 'none',
    transport: 'processes',
    onEvent: () => {
      begun++;
      if (begun === 2) process.stdout.write('begun\n');
    },
  },
);
