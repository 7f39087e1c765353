import { defineConfig } from 'tsup';
import { packageConfig } from '../../tsup.base.js';

export default defineConfig(
  packageConfig({ trainEntry: 'src/train/trainEntry.ts', optimusHooksEntry: 'src/optimus/optimusHooksEntry.ts' }),
);
