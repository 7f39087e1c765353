/** What each rank of `strata cluster profile` runs. */
import { type PairProfile, type ProfileOptions, profileCluster, type RankContext } from '@strata-ml/core';

/** Measures all pairs; every rank returns the same. */
export default function profileEntry(ctx: RankContext, options: ProfileOptions): PairProfile[] {
  return profileCluster(ctx, options);
}
