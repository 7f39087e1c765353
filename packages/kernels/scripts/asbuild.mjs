/** Compiles assembly/ to dist/kernels.simd.wasm and dist/kernels.relaxed-simd.wasm. */
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = fileURLToPath(new URL('..', import.meta.url));
const variants = { simd: ['--enable', 'simd'], 'relaxed-simd': ['--enable', 'simd', '--enable', 'relaxed-simd'] };

for (const [variant, features] of Object.entries(variants)) {
  const { error, stderr } = await asc.main([
    'assembly/index.ts',
    ...['--baseDir', root, '--outFile', `dist/kernels.${variant}.wasm`],
    ...['--optimizeLevel', '3', '--shrinkLevel', '0', '--converge'],
    ...['--runtime', 'stub', '--importMemory', '--noExportMemory', '--noAssert'],
    ...features,
  ]);
  const messages = stderr.toString();
  if (messages) console.error(messages);
  if (error) throw error;
}
