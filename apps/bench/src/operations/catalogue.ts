/** The rows of suite `engine`, by family: a name for people, the operation, and the work that a call does. */
import type { Work } from '../harness/types.js';
import {
  type ConvolutionSpec,
  IMAGES,
  KEPT,
  MATRIX,
  type OperationSpec,
  ROWS,
  UNIFORM,
  type UnarySpec,
} from './spec.js';

/** One row. */
export interface Row {
  readonly name: string;
  readonly spec: OperationSpec;
  readonly work: Work;
}

const flop = (amount: number): Work => ({ amount, unit: 'FLOP' });
/** Float32 elements read and written. */
const moved = (elements: number): Work => ({ amount: 4 * elements, unit: 'B' });
const matrix = MATRIX[0] * MATRIX[1];
const images = IMAGES[0] * IMAGES[1] * IMAGES[2] * IMAGES[3];

const product = (form: 'NN' | 'NT' | 'TN', m: number, k: number, n: number, batch = 1): Row => ({
  name: `matMul ${form} ${batch > 1 ? `${batch} × ` : ''}${m}×${k}×${n}`,
  spec: { op: 'matMul', batch, m, k, n, transposeA: form === 'TN', transposeB: form === 'NT' },
  work: flop(2 * batch * m * k * n),
});

const products = [
  ...(['NN', 'NT', 'TN'] as const).map((form) => product(form, 2048, 512, 512)),
  product('NN', 256, 784, 512), // a layer, its input's gradient, its weights' gradient
  product('NT', 256, 512, 784),
  product('TN', 784, 256, 512),
  ...(['NN', 'NT', 'TN'] as const).map((form) => product(form, 128, 128, 128)),
  { ...product('NT', 128, 32, 128, 64), name: 'attention QKᵀ 64 × 128×32×128' },
  { ...product('NN', 128, 128, 32, 64), name: 'attention PV 64 × 128×128×32' },
  product('NN', 256, 64, 256, 8),
];

/** Layers of residual networks and the one of the engine's design notes. */
const LAYERS: readonly Omit<ConvolutionSpec, 'of'>[] = [
  { op: 'conv2d', batch: 64, size: 32, channels: 3, outChannels: 16, filter: 3, stride: 1 },
  { op: 'conv2d', batch: 64, size: 32, channels: 16, outChannels: 16, filter: 3, stride: 1 },
  { op: 'conv2d', batch: 64, size: 32, channels: 16, outChannels: 32, filter: 3, stride: 2 },
  { op: 'conv2d', batch: 64, size: 32, channels: 16, outChannels: 32, filter: 1, stride: 2 },
  { op: 'conv2d', batch: 64, size: 16, channels: 32, outChannels: 32, filter: 3, stride: 1 },
  { op: 'conv2d', batch: 16, size: 16, channels: 128, outChannels: 128, filter: 1, stride: 1 },
  { op: 'conv2d', batch: 16, size: 32, channels: 64, outChannels: 64, filter: 3, stride: 1 },
  { op: 'depthwise', batch: 16, size: 32, channels: 64, outChannels: 64, filter: 3, stride: 1 },
];

function convolutions(of: ConvolutionSpec['of']): Row[] {
  return LAYERS.map((layer) => {
    const { op, batch, size, channels, outChannels, filter, stride } = layer;
    const title = { output: op, input: `${op} ∂input`, filter: `${op} ∂filter` }[of];
    const widths = op === 'conv2d' ? `${channels}→${outChannels}` : String(channels);
    const taps = filter * filter * (op === 'conv2d' ? channels : 1);
    return {
      name: `${title} ${batch}×${size}×${size}, ${filter}×${filter}/${stride}, ${widths}`,
      spec: { ...layer, of },
      work: flop(2 * batch * Math.ceil(size / stride) ** 2 * taps * outChannels),
    };
  });
}

const unary = (name: UnarySpec['name'], shift = 0): Row => ({
  name: `${name} ${MATRIX.join('×')}`,
  spec: { op: 'unary', name, shift },
  work: moved(2 * matrix),
});

const elementwise = [
  ...(['exp', 'tanh', 'sigmoid', 'erf', 'gelu', 'cast'] as const).map((name) => unary(name)),
  unary('log', 0.6),
  unary('pow', 0.6),
  ...[MATRIX, [1, MATRIX[1]] as const, [MATRIX[0], 1] as const].map(
    (other): Row => ({
      name: `add ${MATRIX.join('×')} + ${other.join('×')}`,
      spec: { op: 'add', other },
      work: moved(2 * matrix + other[0] * other[1]),
    }),
  ),
];

const reduce = (name: 'sum' | 'max' | 'argMax', axis: number): Row => ({
  name: `${name} of ${MATRIX.join('×')}, ${axis < 0 ? 'all' : `axis ${axis}`}`,
  spec: { op: 'reduce', name, axis },
  work: moved(matrix + (axis < 0 ? 1 : MATRIX[1 - axis]!)),
});

const reductions: Row[] = [
  ...([0, 1, -1] as const).flatMap((axis) => [reduce('sum', axis), reduce('max', axis)]),
  reduce('argMax', 1),
  { name: `softmax ${MATRIX.join('×')}`, spec: { op: 'softmax' }, work: moved(2 * matrix) },
  { name: `layer norm ${MATRIX.join('×')}`, spec: { op: 'layerNorm' }, work: moved(2 * matrix) },
  { name: `batch norm ${IMAGES.join('×')}`, spec: { op: 'batchNorm' }, work: moved(2 * images) },
  { name: `topk ${KEPT} of ${MATRIX.join('×')}`, spec: { op: 'topk' }, work: moved(matrix + 2 * KEPT * MATRIX[0]) },
  { name: `max pool 2×2/2 ${IMAGES.join('×')}`, spec: { op: 'maxPool' }, work: moved(1.25 * images) },
];

const layout: Row[] = [
  transpose(MATRIX, [1, 0]),
  transpose([64, 128, 8, 32], [0, 2, 1, 3]),
  concat([1024, 1024], 0),
  concat([2048, 512], 1),
  ...(['gather', 'unsortedSegmentSum'] as const).map(
    (op): Row => ({
      name: `${op} 50,000 of 20,000×128`,
      spec: { op },
      work: moved(ROWS.moved * ROWS.width + (op === 'gather' ? ROWS.moved : ROWS.table) * ROWS.width),
    }),
  ),
];

function transpose(shape: readonly number[], axes: readonly number[]): Row {
  const elements = shape.reduce((a, b) => a * b, 1);
  return {
    name: `transpose ${shape.join('×')} to ${axes.join('')}`,
    spec: { op: 'transpose', shape, axes },
    work: moved(2 * elements),
  };
}

function concat(shape: readonly [number, number], axis: number): Row {
  return {
    name: `concat 2 × ${shape.join('×')}, axis ${axis}`,
    spec: { op: 'concat', shape, axes: [axis] },
    work: moved(4 * shape[0] * shape[1]),
  };
}

/** Graphs, the entries of their symmetric matrices, and columns of the dense factor. */
const GRAPHS = [
  { graph: 'uniform', title: `${UNIFORM.rows}², 2.3 M entries`, nnz: UNIFORM.nnz, widths: [32, 128] },
  { graph: 'coauthor-physics', title: 'coauthor-physics', nnz: 2 * 247_962, widths: [64, 256] },
  { graph: 'flickr-social', title: 'flickr-social', nnz: 2 * 239_738, widths: [64, 256] },
] as const;

const sparse = GRAPHS.flatMap(({ graph, title, nnz, widths }) =>
  widths.map(
    (width): Row => ({
      name: `SpMM ${title} × ${width}`,
      spec: { op: 'spmm', graph, width },
      work: flop(2 * nnz * width),
    }),
  ),
);

/** Families: the rows of one are measured in one process. */
export const families: Readonly<Record<string, readonly Row[]>> = {
  products,
  convolutions: convolutions('output'),
  'gradients by images': convolutions('input').slice(1), // nobody asks the first layer for its input's gradient
  'gradients by filters': convolutions('filter'),
  'element-wise': elementwise,
  reductions,
  layout,
  sparse,
};
