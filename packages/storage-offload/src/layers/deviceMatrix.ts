/** A matrix in the device's memory that is overwritten in place. */
import { readTensor, unfilledTensor } from '@strata-ml/kernels';

/** float32 values that count as the device's; dispose it after use. */
export interface DeviceMatrix {
  /** The live values; do not keep the array over anything that allocates. */
  values(): Float32Array;
  dispose(): void;
}

/** Makes a matrix; its contents are anything at first. Engines that do not share their memory keep it in ordinary memory. */
export function deviceMatrix(rows: number, width: number): DeviceMatrix {
  const tensor = unfilledTensor([rows, width], () => {});
  const first = readTensor(tensor).buffer;
  // Two readings give the same memory only where they are views of it.
  if (rows * width > 0 && first === readTensor(tensor).buffer) {
    return { values: () => readTensor(tensor), dispose: () => tensor.dispose() };
  }
  tensor.dispose();
  const values = new Float32Array(rows * width);
  return { values: () => values, dispose: () => {} };
}
