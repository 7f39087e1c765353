import { defineConfig } from 'tsup';
import { packageConfig } from '../../tsup.base.js';

export default defineConfig(
  packageConfig({
    allReduce: 'src/contenders/allReduce.ts',
    allReduceEntry: 'src/contenders/allReduceEntry.ts',
    copy: 'src/contenders/copy.ts',
    train: 'src/contenders/train.ts',
  }),
);
