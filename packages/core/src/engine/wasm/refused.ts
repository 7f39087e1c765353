/** Cases that tfjs-wasm refuses, or answers wrongly, of kernels it otherwise has: the cpu backend computes these. */
import * as tf from '@tensorflow/tfjs-core';
import { type KernelArgs, replaceKernel, type StockKernel } from './backend.js';
import { onCpu } from './bridge.js';

type Case = (args: KernelArgs) => boolean;

const isString: Case = ({ inputs, attrs }) =>
  attrs?.dtype === 'string' || Object.values(inputs).some((t) => t?.dtype === 'string');

const isNotFloat: Case = ({ inputs }) => inputs.a?.dtype !== 'float32' || inputs.b?.dtype !== 'float32';

/** XNNPACK refuses channels first, and a bias that is not one number per channel. */
const isConvolutionRefused: Case = ({ inputs, attrs }) =>
  attrs.dataFormat === 'NCHW' || (inputs.bias !== undefined && inputs.bias.shape.length !== 1);

/** XNNPACK refuses windows of one element, and tfjs-wasm then returns what lay in memory. */
const isOneElementWindow: Case = ({ attrs }) => {
  const { filterSize } = attrs as { filterSize: number | number[] };
  return [filterSize].flat().every((n) => n === 1);
};

const CASES: Readonly<Record<string, Case>> = {
  AvgPool: isOneElementWindow,
  BatchMatMul: isNotFloat,
  // Counts of a matrix come out as one row per row.
  Bincount: ({ inputs }) => inputs.x?.shape.length !== 1,
  // Other numbers keep their bytes, instead of becoming 0 or 1.
  Cast: ({ attrs }) => attrs.dtype === 'bool',
  Conv2D: isConvolutionRefused,
  Conv2DBackpropInput: isConvolutionRefused,
  DepthwiseConv2dNative: isConvolutionRefused,
  Equal: isString,
  Fill: (args) => isString(args) || typeof args.attrs.value === 'string',
  FusedConv2D: isConvolutionRefused,
  FusedDepthwiseConv2D: isConvolutionRefused,
  Greater: isString,
  GreaterEqual: isString,
  Less: isString,
  LessEqual: isString,
  MaxPool: isOneElementWindow,
  NotEqual: isString,
  SparseToDense: isString,
  Tile: isString,
  _FusedMatMul: isNotFloat,
};

/** Sends {@link CASES} to the cpu backend's kernels, and checks the bounds of slices. */
export function mendRefused(): void {
  for (const [kernelName, isCase] of Object.entries(CASES)) {
    const onWasm = (stock: StockKernel): StockKernel => {
      const { kernelFunc } = tf.getKernel(kernelName, 'cpu');
      return (args) => (isCase(args) ? (onCpu(kernelFunc, args) as tf.TensorInfo) : stock(args));
    };
    replaceKernel(kernelName, onWasm);
  }
  replaceKernel('Slice', (stock) => (args) => {
    const x = args.inputs.x!;
    const { begin, size } = args.attrs as { begin: number[]; size: number[] };
    const [start, extent] = tf.slice_util.parseSliceParams(x as tf.Tensor, begin, size);
    tf.slice_util.assertParamsValid(x as tf.Tensor, start!, extent!);
    return stock(args);
  });
}
