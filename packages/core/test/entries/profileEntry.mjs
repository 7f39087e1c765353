/** Rank entry: measures the links. */
import { profileCluster } from '@strata-ml/core';

export default function profileEntry(ctx, options) {
  return profileCluster(ctx, options);
}
