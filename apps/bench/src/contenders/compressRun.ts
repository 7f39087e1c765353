/** Program: `compressRun.js CODEC SHAPE encode|decode` prints the seconds of one call as a sample, its error and bytes beside it. */
import { codecNames, parseCodec, relativeError } from '@strata-ml/comm-compress';
import { Rng } from '@strata-ml/core';
import { timeCall } from './timing.js';

const [name = codecNames[0]!, sizes = '1024x1920', what = 'encode'] = process.argv.slice(2);
const shape = sizes.split('x').map(Number);
const rng = new Rng(1);
const x = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => rng.normalAt(i));
const codec = parseCodec(name);
const payload = codec.encode(x, shape, 'bench', rng);
const out = new Float32Array(x.length);
const value = timeCall(() => {
  if (what === 'encode') codec.encode(x, shape, 'bench', rng);
  else codec.decode(payload, out);
});
codec.decode(payload, out);
const extra = { bytes: payload.bytes.length, error: Number(relativeError(x, out).toPrecision(3)) };
console.log(JSON.stringify({ value, extra }));
