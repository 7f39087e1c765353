/** Size of a network from its specification alone, so that planning needs no tensor engine. */
import type { ResolvedGnnSpec } from '@strata-ml/models';

/** Trained numbers of a network. */
export function countParameters(spec: ResolvedGnnSpec): number {
  const { model, layers, hidden, inputWidth, numClasses, finalLinearLayers, heads, norm } = spec;
  const normed = norm === 'none' ? 0 : 2;
  const linear = (fanIn: number, fanOut: number) => fanIn * fanOut + fanOut;
  if (model === 'resSage') {
    const block = 2 * linear(hidden, hidden) + normed * hidden;
    return linear(inputWidth, hidden) + layers * block + linear(hidden, numClasses);
  }
  const total = layers + finalLinearLayers;
  let count = 0;
  for (let i = 0; i < total; i++) {
    const isLast = i === total - 1;
    const fanIn = i === 0 ? inputWidth : hidden;
    const fanOut = isLast ? numClasses : hidden;
    if (i >= layers) count += linear(fanIn, fanOut);
    else if (model === 'gcn') count += linear(fanIn, fanOut);
    else if (model === 'sage') count += 2 * linear(fanIn, fanOut);
    else {
      const width = isLast ? fanOut : fanOut / heads;
      count += (fanIn + 2) * heads * width + fanOut;
    }
    if (!isLast) count += normed * fanOut;
  }
  return count;
}
