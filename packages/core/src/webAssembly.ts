/** The few parts of WebAssembly that this package uses; TypeScript declares them only together with the browser's DOM. */

/** A shared WebAssembly.Memory that never grows. */
export interface WasmMemory {
  readonly buffer: SharedArrayBuffer;
}

/** A compiled module. Posting it to a thread shares the code. */
export type WasmModule = object & { readonly __wasmModule?: never };

/** The WebAssembly namespace, typed. */
export const wasm = (
  globalThis as unknown as {
    readonly WebAssembly: {
      readonly Memory: new (pages: {
        readonly initial: number;
        readonly maximum: number;
        readonly shared: true;
      }) => WasmMemory;
      readonly Module: new (code: Uint8Array) => WasmModule;
      readonly Instance: new (
        module: WasmModule,
        imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
      ) => { readonly exports: Readonly<Record<string, unknown>> };
    };
  }
).WebAssembly;
