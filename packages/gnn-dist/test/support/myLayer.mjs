// A layer of a user's own: GCN written anew, as a module that every device imports.
import * as tf from '@tensorflow/tfjs-core';

export function layer(parameters, { name, fanIn, fanOut, dropout }) {
  const bound = Math.sqrt(6 / (fanIn + fanOut));
  const weight = parameters.add(`${name}.weight`, [fanIn, fanOut], { uniform: bound });
  const bias = parameters.add(`${name}.bias`, [fanOut], { constant: 0 });
  return (context, h, index) => {
    const w = parameters.use(weight);
    const z =
      h === undefined
        ? context.aggregateSources(context.projectInput(w, 'sources', dropout, index), 'gcn')
        : tf.matMul(context.aggregate(context.dropout(h, dropout, 'dropout', index), 'gcn', index), w);
    return tf.add(z, parameters.use(bias));
  };
}
