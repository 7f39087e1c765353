import { defineConfig } from 'tsup';
import { packageConfig } from '../../tsup.base.js';

export default defineConfig(
  packageConfig({
    trainEntry: 'src/train/trainEntry.ts',
    batchWorker: 'src/sample/batchWorker.ts',
    refreshWorker: 'src/snapshot/refreshWorker.ts',
    disaggregatedEntry: 'src/disaggregated/computeEntry.ts',
    disaggregatedBatchWorker: 'src/disaggregated/batchWorkerEntry.ts',
    crossValidationEntry: 'src/brain/crossValidationEntry.ts',
  }),
);
