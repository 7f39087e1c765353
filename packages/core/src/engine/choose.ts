/** Which tfjs backend computes, and why. */

/** The engines, fastest first: this is the order of `auto`. */
export type EngineName = 'native' | 'tensorflow' | 'wasm' | 'cpu';
