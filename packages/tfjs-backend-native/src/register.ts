/** Importing this registers the backend `native` and its kernels with tfjs. */
import { getKernelsForBackend, type KernelFunc, registerBackend, registerKernel } from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { ort } from './availability.js';
import { fusedOperations } from './fused/operations.js';
import { type NativeKernel, nativeKernels } from './kernels/index.js';
import { NativeBackend } from './NativeBackend.js';
import { counted, writeProfileAtExit } from './profile.js';

/** Above `cpu`, `wasm` and `tensorflow`: who imports this package wants it. */
const PRIORITY = 4;
/** They only touch shapes and reference counts; counting them would drown what matters. */
const FREE_KERNELS: ReadonlySet<string> = new Set(['Identity', 'Reshape', 'ExpandDims', 'Complex', 'Real', 'Imag']);

registerBackend('native', createBackend, PRIORITY);
registerKernels();
writeProfileAtExit();

function createBackend(): NativeBackend {
  const runtime = ort();
  if ('run' in runtime) return Object.assign(new NativeBackend(runtime), { strataFused: fusedOperations });
  const error = new Error(`tfjs backend native: ${runtime.reason}`);
  // tfjs prints the stack of a failed start; one line of cause and remedy is what helps.
  error.stack = error.message;
  throw error;
}

/** The whole kernel list of the cpu backend, with the native kernels put in front of their namesakes. */
function registerKernels(): void {
  for (const config of getKernelsForBackend('cpu')) {
    const { kernelName } = config;
    const inherited = FREE_KERNELS.has(kernelName) ? config.kernelFunc : counted(kernelName, config.kernelFunc);
    const native = nativeKernels[kernelName];
    registerKernel({
      ...config,
      backendName: 'native',
      kernelFunc: native ? withFallback(native, inherited) : inherited,
    });
  }
}

function withFallback(native: NativeKernel, inherited: KernelFunc): KernelFunc {
  return (args) => native(args as unknown as Parameters<NativeKernel>[0]) ?? inherited(args);
}
