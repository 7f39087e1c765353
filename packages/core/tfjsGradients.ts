/**
 * Build step: tfjs-core's gradients, which its Node entry leaves out, as a module on top of that entry.
 *
 * `@tensorflow/tfjs-core/dist/register_all_gradients.js` is ESM in a CommonJS package, which Node 20 does not load, and
 * stands on a second copy of the library. Here its imports of public names become imports of the package itself; only
 * the gradient files and the few internal ops they call are bundled. They are Google's, Apache-2.0.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Options } from 'tsup';

type Plugin = NonNullable<Options['esbuildPlugins']>[number];

const tfjs = createRequire(import.meta.url)('@tensorflow/tfjs-core') as Record<string, unknown>;
const IMPORT = /^import (?:\* as (\w+)|\{([^}]*)\}) from '(\.[^']*)';$/gm;

/** The esbuild plugin. */
export const tfjsGradients: Plugin = {
  name: 'tfjs-gradients',
  setup(build) {
    build.onLoad({ filter: /[\\/]tfjs-core[\\/]dist[\\/].*\.js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const contents = source
        .replace(/\/\/# sourceMappingURL=.*$/m, '')
        .replace(IMPORT, (_, namespace: string | undefined, names: string | undefined, from: string) => {
          if (namespace !== undefined) {
            return namespace in tfjs
              ? `import { ${namespace} } from '@tensorflow/tfjs-core';`
              : `import * as ${namespace} from '${from}';`;
          }
          return (names ?? '')
            .split(',')
            .map((name) => name.trim())
            .map((name) => importOf(name, from))
            .join('\n');
        });
      return { contents, loader: 'js' };
    });
  },
};

function importOf(name: string, from: string): string {
  const imported = name.split(' as ')[0]?.trim() ?? name;
  if (imported === 'ENGINE')
    return "import { engine as engineOf } from '@tensorflow/tfjs-core'; const ENGINE = engineOf();";
  return imported in tfjs ? `import { ${name} } from '@tensorflow/tfjs-core';` : `import { ${name} } from '${from}';`;
}
