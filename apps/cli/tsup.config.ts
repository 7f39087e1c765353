import { defineConfig } from 'tsup';
import { packageConfig } from '../../tsup.base.js';

export default defineConfig({
  ...packageConfig({
    partitionEntry: 'src/commands/graph/partitionEntry.ts',
    profileEntry: 'src/commands/cluster/profileEntry.ts',
  }),
  // Not published: `strata bench` finds it in a clone of the repository only.
  external: ['@strata-ml/bench'],
});
