import { defineConfig } from 'tsup';
import { packageConfig } from '../../tsup.base.js';

export default defineConfig(packageConfig({ profileEntry: 'src/commands/cluster/profileEntry.ts' }));
