/** Folds that keep classes and sites in proportion, and the usual scores of a binary test. */
import { DataError, OptionError, Rng } from '@strata-ml/core';

/**
 * Cuts subjects into folds of nearly equal size; each stratum (label × site, say) is dealt over all folds.
 *
 * @param strata - a key per subject
 * @returns per fold, ascending subject numbers
 * @throws {@link OptionError} if there are fewer subjects than folds, or fewer than 2 folds.
 */
export function stratifiedFolds(strata: readonly string[], folds: number, seed: number): Int32Array[] {
  if (!Number.isSafeInteger(folds) || folds < 2 || folds > strata.length) {
    throw new OptionError('stratifiedFolds', 'folds', folds, `between 2 and the ${strata.length} subjects`);
  }
  const members = new Map<string, number[]>();
  for (const [i, key] of strata.entries()) members.set(key, [...(members.get(key) ?? []), i]);
  const parts: number[][] = Array.from({ length: folds }, () => []);
  let next = 0;
  for (const key of [...members.keys()].sort()) {
    const subjects = members.get(key)!;
    const order = new Rng(seed).split('folds', key).permutation(subjects.length);
    // Dealing goes on where the last stratum stopped, or small strata would all land in the first folds.
    for (const at of order) parts[next++ % folds]!.push(subjects[at]!);
  }
  return parts.map((part) => Int32Array.from(part).sort());
}

/** One fold per site: train on all others, test on this one. */
export function leaveOneSiteOut(sites: readonly string[]): Int32Array[] {
  const names = [...new Set(sites)].sort();
  if (names.length < 2) throw new DataError('leaveOneSiteOut: sites must be at least 2 different ones, got 1');
  return names.map((name) => Int32Array.from(sites.flatMap((site, i) => (site === name ? [i] : []))));
}

/** Scores of a binary classifier. */
export interface BinaryScores {
  readonly accuracy: number;
  /** Area under the ROC curve; ties count half. NaN if a class is missing. */
  readonly auc: number;
  /** Share of class 1 that is found. NaN if there is none. */
  readonly sensitivity: number;
  /** Share of class 0 that is left alone. NaN if there is none. */
  readonly specificity: number;
}

/**
 * @param scores - probability of class 1, float32 `[n]`
 * @param labels - 0 or 1, int32 `[n]`
 */
export function binaryScores(scores: ArrayLike<number>, labels: ArrayLike<number>): BinaryScores {
  const order = Array.from({ length: labels.length }, (_, i) => i).sort((a, b) => scores[a]! - scores[b]!);
  let positives = 0;
  let found = 0;
  let leftAlone = 0;
  let rankSum = 0;
  for (let i = 0; i < order.length; ) {
    let end = i;
    while (end < order.length && scores[order[end]!] === scores[order[i]!]) end++;
    // Equal scores share the mean of their ranks i+1 … end.
    for (let k = i; k < end; k++) if (labels[order[k]!] === 1) rankSum += (i + 1 + end) / 2;
    i = end;
  }
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] === 1) positives++;
    if (labels[i] === 1 && scores[i]! > 0.5) found++;
    if (labels[i] === 0 && scores[i]! <= 0.5) leftAlone++;
  }
  const negatives = labels.length - positives;
  return {
    accuracy: (found + leftAlone) / labels.length,
    auc: (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives),
    sensitivity: found / positives,
    specificity: leftAlone / negatives,
  };
}
