/** tfjs-core's own suite on TensorFlow: where tfjs-node departs from tfjs is named here, with the reason. */
import { describe, expect, it } from 'vitest';
import { locateTensorflow } from '../../src/engine/tensorflow/locate.js';
import { runTfjsSuite, SPECS } from '../conformance/run.js';

interface Deviation {
  readonly reason: string;
  /** What the specs are called. */
  readonly spec: RegExp;
  /** What all their failed expectations say. */
  readonly message: RegExp;
  readonly specs: number;
}

/** None of these ops is used by the packages here in this way. */
const DEVIATIONS: readonly Deviation[] = [
  {
    reason: 'tfjs-node has no kernel for it',
    spec: /./,
    message:
      /Kernel '(BitwiseAnd|DenseBincount|MaxPoolWithArgmax|Ragged(Gather|Range|TensorToTensor)|SearchSorted|Sparse(FillEmptyRows|Reshape|SegmentMean|SegmentSum)|String(NGrams|Split|ToHashBucketFast)|Transform)' not registered/,
    specs: 179,
  },
  {
    reason: 'TensorFlow pools and transposes convolutions with padding same and valid only',
    spec: /^(avgPool|maxPool|pool|conv2dTranspose)/,
    message: /supports only 'valid' and 'same' padding/,
    specs: 31,
  },
  {
    reason: 'TensorFlow’s fused convolution has no channels-first form on processors',
    spec: /^fused conv2d .*NCHW/,
    message: /does not support dataFormat:'NCHW'/,
    specs: 22,
  },
  {
    reason: 'TensorFlow orders no strings, leaks and steps no integers, has no diagonal of bools',
    spec: /^(greater|greaterEqual|less|lessEqual|leakyrelu|step kernel|diag) /,
    message: /attr 'T' of (string|int32|bool) is not in the list of allowed values/,
    specs: 7,
  },
  {
    reason: 'TensorFlow checks the shape of updates more strictly than tfjs',
    spec: /^scatterND /,
    message: /must match dimensions/,
    specs: 5,
  },
  {
    reason: 'TensorFlow’s sign of NaN is NaN',
    spec: /^sign /,
    message: /Arrays differ: actual\[[12]\] = NaN|Expected/,
    specs: 3,
  },
  {
    reason: 'TensorFlow’s einsum takes repeated and unknown axes',
    spec: /^einsum .*(duplicate axes|nonexistent dimension)/,
    message: /to throw an Error/,
    specs: 2,
  },
  {
    reason: 'TensorFlow counts each NaN as unique',
    spec: /^unique .*NaN/,
    message: /./,
    specs: 1,
  },
  {
    reason: 'oneDNN has no such transposed convolution: its window is wider than the input',
    spec: /^conv2dTranspose .*input=8x8x8,output=4x4x8/,
    message: /could not create a primitive descriptor/,
    specs: 1,
  },
  {
    reason: 'TensorFlow refuses a window larger than the input',
    spec: /^avgPool3d .*x=\[1,1,1,1,1\] f=\[1,1,3\]/,
    message: /output size would be negative/,
    specs: 1,
  },
  {
    reason: 'the seed of a draw counts from the start of the process, not for each call',
    spec: /^multinomial .*same seed/,
    message: /Arrays differ/,
    specs: 1,
  },
  {
    reason: 'float32 tangents near a pole differ in the last digit',
    spec: /^tan .*exceed float32 precision/,
    message: /Arrays differ/,
    specs: 1,
  },
];

describe("tfjs-core's own suite", () => {
  it.skipIf(!('addon' in locateTensorflow()))(
    'passes on tensorflow, but for the deviations named',
    async () => {
      const { counts, failures } = await runTfjsSuite('tensorflow');
      const left = new Set(failures);
      const found = DEVIATIONS.map(({ reason, spec, message }) => {
        const its = [...left].filter((f) => spec.test(f.spec) && f.messages.every((m) => message.test(m)));
        for (const failure of its) left.delete(failure);
        return [reason, its.length];
      });
      expect([...left].slice(0, 20), `${left.size} unexpected failures; ${JSON.stringify(counts)}`).toEqual([]);
      expect(found, 'a spec that passes now leaves the deviations').toEqual(
        DEVIATIONS.map(({ reason, specs }) => [reason, specs]),
      );
      expect(counts.passed + counts.failed + counts.pending, JSON.stringify(counts)).toBe(SPECS);
    },
    180_000,
  );
});
