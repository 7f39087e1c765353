/** Suite `nodes`: which engine runs on which Node, and how fast. */
import { fileURLToPath } from 'node:url';
import type { Case, Contender, Suite } from '../harness/types.js';
import type { ProductSpec } from '../operations/spec.js';

const program = fileURLToPath(new URL('./engineOps.js', import.meta.url));
const MAJORS = ['20', '22', '24'];
const SIZE = 512;
/** The product that `strata doctor` measures. */
const PRODUCT: ProductSpec = {
  op: 'matMul',
  batch: 1,
  m: SIZE,
  k: SIZE,
  n: SIZE,
  transposeA: false,
  transposeB: false,
};

/** A row per version of Node; versions other than the running one come from npm. */
export const nodes: Suite = {
  name: 'nodes',
  description: 'a 512³ matrix product on every engine under Node 20, 22 and 24, one thread',
  cases: () => MAJORS.map(productOn),
};

function productOn(major: string): Case {
  const isThis = process.versions.node.startsWith(`${major}.`);
  const [command, ...args] = isThis ? [process.execPath] : ['npx', '-y', `node@${major}`];
  return {
    name: `Node ${major}, ${process.platform}-${process.arch}`,
    params: { node: major, size: SIZE, threads: 1 },
    kind: 'measured',
    unit: 's',
    contenders: ['native', 'tensorflow', 'wasm', 'cpu'].map(
      (engine): Contender => ({
        name: engine,
        version: '',
        command: command!,
        args: [...args, program, engine],
        item: { ...PRODUCT },
        timeoutS: 60,
      }),
    ),
    work: { amount: 2 * SIZE ** 3, unit: 'FLOP' },
  };
}
