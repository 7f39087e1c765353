import asc from 'assemblyscript/asc';
import { defineConfig } from 'tsup';
import { packageConfig } from '../../tsup.base.js';
import { tfjsGradients } from './tfjsGradients.js';

/** The reductions of the thread transport: SIMD over memory that all ranks share. */
async function compileReduce(): Promise<void> {
  const { error, stderr } = await asc.main([
    'assembly/reduce.ts',
    ...['--outFile', 'dist/reduce.wasm', '-O3', '--noAssert', '--runtime', 'stub'],
    ...['--enable', 'simd', '--enable', 'threads', '--enable', 'bulk-memory'],
    ...['--importMemory', '--noExportMemory', '--sharedMemory', '--maximumMemory', '65536'],
  ]);
  if (error) throw new Error(`assembly/reduce.ts: ${stderr.toString()}`, { cause: error });
}

export default defineConfig({
  ...packageConfig({
    rankWorker: 'src/launch/rankWorker.ts',
    rankProcessEntry: 'src/launch/rankProcessEntry.ts',
    engineProbe: 'src/engine/engineProbe.ts',
    ioWorkerEntry: 'src/storage/ioWorkerEntry.ts',
  }),
  noExternal: [/^@tensorflow\/tfjs-core\/dist\//],
  esbuildPlugins: [tfjsGradients],
  onSuccess: compileReduce,
});
