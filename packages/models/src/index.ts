export type { GraphContext, NeighbourBlock, Normaliser } from './GraphContext.js';
export type { GnnModel, ModelBuffer, Parameter } from './gnn/GnnModel.js';
export {
  exchangeWidths,
  type GnnModelName,
  type GnnNorm,
  type GnnSpec,
  gnnModels,
  gnnNorms,
  type Initialiser,
  type ResolvedGnnSpec,
  resolveGnnSpec,
} from './gnn/spec.js';
