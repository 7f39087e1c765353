/** Writes fromStrata.safetensors with the built package, for safetensors.py to read. Run: node safetensors.mjs */
import { saveSafetensors } from '@strata-ml/models';

saveSafetensors(
  new URL('./fromStrata.safetensors', import.meta.url).pathname,
  {
    mask: { shape: [3], data: Uint8Array.of(0, 1, 255) },
    'conv1.weight': { shape: [2, 3], data: Float32Array.from([0, 1, 2, 3, 4, 5], (v) => v / 4) },
    ids: { shape: [2, 1], data: Int32Array.of(-1, 2 ** 31 - 1) },
    mean: { shape: [2], data: Float64Array.of(1e-300, -2.5) },
    empty: { shape: [0, 4], data: new Float32Array(0) },
  },
  { format: 'np', näme: 'ü' },
);
