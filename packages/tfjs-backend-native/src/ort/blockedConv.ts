/**
 * ONNX Runtime's convolution of images in channel blocks (NCHWc), the kernel that its graph optimiser puts in place of
 * Conv where the filter is a constant. Called directly, it also serves filters that training changes, and gradients.
 *
 * With blocks of B channels: an image is `[n][channels / B][height][width][B]`, or `[n][channels][height][width]` where
 * it has fewer than B channels; a filter `[out / B][in / B][height][width][B in][B out]`, or
 * `[out / B][in][height][width][B out]`, and that of a depthwise convolution `[channels / B][height][width][B]`. B is a property of the processor: 16 with AVX-512, 8 with AVX2.
 */
import type { OnnxGraph } from './onnxModel.js';
import type { OperatorCache, OrtOperator } from './operator.js';

/** How the window moves; pads are top, left, bottom, right. */
export interface BlockedConvGeometry {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly pads: readonly [number, number, number, number];
  /** Groups of channels: 1, or as many as channels for a depthwise convolution. @defaultValue `1` */
  readonly group?: number;
}

/** What is added to the convolution: nothing, one number per channel (and then perhaps ReLU), or the output's old values. */
export type BlockedConvTail = 'none' | 'relu' | 'bias' | 'biasRelu' | 'accumulate';

/** The operator: input 0 is the image, 1 the filter, 2 the bias or the old values. */
export function blockedConvOperator(
  operators: OperatorCache,
  { kernel, strides, dilations, pads, group = 1 }: BlockedConvGeometry,
  tail: BlockedConvTail,
): OrtOperator {
  const key = `NchwcConv ${kernel} ${strides} ${dilations} ${pads} ${group} ${tail}`;
  const hasBias = tail === 'bias' || tail === 'biasRelu';
  const isRelu = tail === 'relu' || tail === 'biasRelu';
  const graph = (): OnnxGraph => ({
    inputs: {
      x: 'float32',
      w: 'float32',
      ...(hasBias ? { b: 'float32' } : {}),
      ...(tail === 'accumulate' ? { s: 'float32' } : {}),
    },
    outputs: { y: 'float32' },
    nodes: [
      {
        op: 'Conv',
        domain: 'com.microsoft.nchwc',
        inputs: tail === 'accumulate' ? ['x', 'w', '', 's'] : hasBias ? ['x', 'w', 'b'] : ['x', 'w'],
        outputs: ['y'],
        attributes: {
          kernel_shape: kernel,
          strides,
          dilations,
          pads,
          group,
          ...(isRelu ? { activation: 'Relu' } : {}),
        },
      },
    ],
  });
  return operators.get(key, graph, true);
}

const POINTWISE: BlockedConvGeometry = { kernel: [1, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0] };
/** Channels and pixels of the probe: whole blocks for either size. */
const CHANNELS = 16;
const PIXELS = 2;

/**
 * Finds the block size out: a small convolution is computed, and compared with what each block size would give.
 *
 * @param memory - what the operators work on
 * @param scratch - first byte of 4 KiB in it that may be written
 * @returns 16, 8, or 0 where this ONNX Runtime has no such convolution
 */
export function findChannelBlock(operators: OperatorCache, memory: ArrayBuffer, scratch: number): number {
  const image = new Float32Array(memory, scratch, CHANNELS * PIXELS);
  const filter = new Float32Array(memory, scratch + 1024, CHANNELS * CHANNELS);
  const result = new Float32Array(memory, scratch + 2048, CHANNELS * PIXELS);
  // Small whole numbers without a pattern: products are exact, and no two layouts give the same.
  for (let i = 0; i < image.length; i++) image[i] = (i * i + 3 * i) % 17;
  for (let i = 0; i < filter.length; i++) filter[i] = (i * i + 7 * i) % 23;
  try {
    blockedConvOperator(operators, POINTWISE, 'none')
      .input(0, image.byteOffset, [1, CHANNELS, 1, PIXELS])
      .input(1, filter.byteOffset, [CHANNELS, CHANNELS, 1, 1])
      .run(result.byteOffset, [1, CHANNELS, 1, PIXELS]);
  } catch {
    return 0;
  }
  return [16, 8].find((block) => isResultFor(block, image, filter, result)) ?? 0;
}

function isResultFor(block: number, image: Float32Array, filter: Float32Array, result: Float32Array): boolean {
  const at = (channel: number, pixel: number): number =>
    (Math.floor(channel / block) * PIXELS + pixel) * block + (channel % block);
  const weightAt = (o: number, i: number): number => {
    const pair = Math.floor(o / block) * (CHANNELS / block) + Math.floor(i / block);
    return (pair * block + (i % block)) * block + (o % block);
  };
  for (let pixel = 0; pixel < PIXELS; pixel++) {
    for (let o = 0; o < CHANNELS; o++) {
      let sum = 0;
      for (let i = 0; i < CHANNELS; i++) sum += image[at(i, pixel)]! * filter[weightAt(o, i)]!;
      if (result[at(o, pixel)] !== sum) return false;
    }
  }
  return true;
}
