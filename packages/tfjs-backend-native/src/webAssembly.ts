/** The few parts of WebAssembly that this package uses; TypeScript declares them only together with the browser's DOM. */

/** A WebAssembly.Memory that never grows. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

/** The WebAssembly namespace, typed. */
export const wasm = (
  globalThis as unknown as {
    readonly WebAssembly: {
      readonly Memory: new (pages: { readonly initial: number; readonly maximum: number }) => WasmMemory;
      readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
      readonly Instance: new (
        module: object,
        imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
      ) => { readonly exports: Readonly<Record<string, (...args: number[]) => number>> };
    };
  }
).WebAssembly;
