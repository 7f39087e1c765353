/** The runs that Optimus-CC is compared with. */
import type { OptimusConfig } from './OptimusConfig.js';

/** Codecs of {@link optimusBaselines}. */
export interface BaselineCodecs {
  /** Of gradients between stages. @defaultValue `'powersgd:16'` */
  readonly backward?: string;
  /** Of gradients between replicas. @defaultValue `'powersgd:128'` */
  readonly gradients?: string;
  /** Of gradients between stages, in the run that keeps large entries instead of low rank. @defaultValue `'top-k:0.01'` */
  readonly sparse?: string;
}

/**
 * Configurations by name, from no compression to all of Optimus-CC, with what earlier work does and the cheap competitor.
 *
 * @param stages - of the pipeline; replicas' gradients are compressed on three quarters of them
 */
export function optimusBaselines(
  stages: number,
  { backward = 'powersgd:16', gradients = 'powersgd:128', sparse = 'top-k:0.01' }: BaselineCodecs = {},
): Readonly<Record<string, OptimusConfig>> {
  const epilogue = { mode: 'epilogue', codec: backward } as const;
  const selected = { stages: Math.max(1, Math.floor(0.75 * stages)), codec: gradients };
  return {
    uncompressed: {},
    'backward all, no repair': { backward: { mode: 'all', codec: backward, lep: false } },
    'epilogue, no repair': { backward: { ...epilogue, lep: false } },
    'epilogue + LEP': { backward: epilogue },
    'epilogue + LEP + fused embedding': { backward: epilogue, fusedEmbedding: true },
    'Optimus-CC': { backward: epilogue, fusedEmbedding: true, selectiveStages: selected },
    'gradients only, all stages': { selectiveStages: { stages, codec: gradients } },
    'epilogue by Top-K + LEP': { backward: { mode: 'epilogue', codec: sparse } },
    'activations too (experimental)': { backward: epilogue, experimental_forward: backward },
    'bf16 everywhere': { wire: 'bf16', gradients: 'bf16' },
    'backward all + LEP': { backward: { mode: 'all', codec: backward } },
  };
}
