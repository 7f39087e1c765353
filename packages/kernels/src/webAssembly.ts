/** The few parts of WebAssembly that this package uses; TypeScript declares them only together with the browser's DOM. */

/** A WebAssembly.Memory. */
export interface WasmMemory {
  /** The bytes; another object after the memory has grown. */
  readonly buffer: ArrayBufferLike;
}

/** A memory that this package may grow. */
export interface GrowableMemory extends WasmMemory {
  /** Adds pages of 64 KiB and detaches `buffer`. */
  grow(pages: number): number;
}

/** The WebAssembly namespace, typed. */
export const wasm = (
  globalThis as unknown as {
    readonly WebAssembly: {
      readonly Memory: new (pages: { readonly initial: number; readonly maximum: number }) => GrowableMemory;
      readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
      readonly Instance: new (
        module: object,
        imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
      ) => { readonly exports: unknown };
      validate(bytes: Uint8Array<ArrayBuffer>): boolean;
    };
  }
).WebAssembly;
