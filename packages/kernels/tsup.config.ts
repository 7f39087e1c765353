import { defineConfig } from 'tsup';
import { packageConfig } from '../../tsup.base.js';

// scripts/asbuild.mjs puts the .wasm files into dist; cleaning must not take them away.
export default defineConfig({ ...packageConfig(), clean: ['!*.wasm'] });
