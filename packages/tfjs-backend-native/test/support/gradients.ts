/** tfjs-core's Node entry registers no gradients; they lie beside it as ESM, bundled here for the length of a test file. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const packageDirectory = fileURLToPath(new URL('../..', import.meta.url));

/** Registers all gradients of tfjs-core; tfjs keeps them in a registry that all its copies share. */
export async function registerGradients(): Promise<void> {
  const cache = join(packageDirectory, 'node_modules', '.cache');
  await mkdir(cache, { recursive: true });
  const directory = await mkdtemp(join(cache, 'gradients-'));
  try {
    const outfile = join(directory, 'gradients.mjs');
    await build({
      stdin: {
        contents: "import '@tensorflow/tfjs-core/dist/register_all_gradients.js';",
        resolveDir: packageDirectory,
      },
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      mainFields: ['module', 'main'],
      ignoreAnnotations: true,
      banner: {
        js: "import { createRequire as nodeCreateRequire } from 'node:module';const require = nodeCreateRequire(import.meta.url);",
      },
      logLevel: 'error',
    });
    await import(/* @vite-ignore */ pathToFileURL(outfile).href);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
