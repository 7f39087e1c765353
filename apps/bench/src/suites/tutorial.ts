/** Suite `tutorial`: training steps of an ordinary tfjs program, on every engine. */
import { fileURLToPath } from 'node:url';
import type { Contender, Suite } from '../harness/types.js';
import { dataFolder } from './dataFolder.js';

const program = fileURLToPath(new URL('./tutorial.js', import.meta.url));

/** Shown name, engine, and measured steps; slow engines do fewer, none is extrapolated. */
const ENGINES = [
  ['native', 'native', 40],
  ['wasm', 'wasm', 10],
  ['wasm stock', 'wasm-stock', 10],
  ['tensorflow', 'tensorflow', 40],
  ['cpu', 'cpu', 2],
] as const;

/** A step is a batch of `model.fit`: forward, backward, Adam. */
export const tutorial: Suite = {
  name: 'tutorial',
  description: 'steps of the Fashion-MNIST classifier of apps/fashion-mnist, with the layers API, on every engine',
  cases: () => {
    const missing = dataFolder('fashion-mnist') ? {} : { missing: 'no data set fashion-mnist; set STRATA_DATA' };
    return [
      {
        name: 'Fashion-MNIST convnet, batch 128, one step of model.fit',
        params: { batch: 128, threads: 1 },
        kind: 'measured',
        unit: 's',
        contenders: ENGINES.map(
          ([name, engine, steps]): Contender => ({
            name,
            version: '',
            command: process.execPath,
            args: [program, engine],
            item: { steps },
            timeoutS: 300,
            ...(engine === 'cpu' ? { maxRounds: 1 } : {}),
            ...missing,
          }),
        ),
      },
    ];
  },
};
