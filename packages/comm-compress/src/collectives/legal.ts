/** Which aggregation is legal for which codec; illegal pairs are refused before anything is sent. */
import { OptionError } from '@strata-ml/core';
import { type Aggregation, aggregations, type Codec, isFixedSize } from '../codecs/Codec.js';
import { isLinear } from '../codecs/linear.js';
import type { FeedbackKind } from '../feedback/ErrorFeedback.js';

/** The aggregations under which payloads of this codec give a mean (or, for `vote`, a majority). */
export function legalAggregations(codec: Codec): readonly Aggregation[] {
  return aggregations.filter((a) => {
    if (a === 'linear') return isLinear(codec);
    if (a === 'vote') return codec.aggregation === 'vote';
    // A part of a tensor is a tensor, but a part of a matrix is not one of its shape, and state belongs to whole tensors.
    if (a === 'twoPhase') return isFixedSize(codec) && !isLinear(codec) && codec.aggregation !== 'vote';
    return true;
  });
}

/**
 * @throws {@link OptionError} if the codec cannot be combined that way, or the error memory would count something twice.
 */
export function checkLegal(codec: Codec, aggregation: Aggregation, feedback: FeedbackKind | 'none'): void {
  const legal = legalAggregations(codec);
  if (!legal.includes(aggregation)) {
    throw new OptionError(codec.id, 'aggregation', aggregation, `one of ${legal.join(', ')}`);
  }
  if (feedback === 'none') return;
  if (aggregation === 'vote') {
    throw new OptionError(codec.id, 'feedback', feedback, 'none with a vote, which has no size', 'use efSign()');
  }
  if (aggregation === 'twoPhase' && feedback !== 'ef') {
    throw new OptionError(codec.id, 'feedback', feedback, 'ef or none in two phases, where means are compressed too');
  }
  if ('isUnbiased' in codec && codec.isUnbiased) {
    throw new OptionError(codec.id, 'feedback', feedback, 'none if it is unbiased', 'choose one of the two');
  }
}
