import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crossValidate, loadCohort, syntheticConnectomes } from '@strata-ml/gnn-dist';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { binaryScores, leaveOneSiteOut, stratifiedFolds } from '../../src/brain/cohort.js';

describe('stratifiedFolds', () => {
  it('puts every subject into one fold and every stratum into all folds alike', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('0 a', '1 a', '0 b', '1 b'), { minLength: 5, maxLength: 80 }),
        fc.integer({ min: 2, max: 5 }),
        fc.nat(1000),
        (strata, count, seed) => {
          const folds = stratifiedFolds(strata, count, seed);
          expect([...folds.flatMap((fold) => [...fold])].sort((a, b) => a - b)).toEqual([...strata.keys()]);
          const spread = (sizes: number[]) => Math.max(...sizes) - Math.min(...sizes);
          expect(spread(folds.map((fold) => fold.length))).toBeLessThanOrEqual(1);
          for (const key of new Set(strata)) {
            expect(spread(folds.map((fold) => fold.filter((i) => strata[i] === key).length))).toBeLessThanOrEqual(1);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it('gives the same folds for a seed and others for another', () => {
    const strata = Array.from({ length: 40 }, (_, i) => `${i % 2}`);
    expect(stratifiedFolds(strata, 5, 3)).toEqual(stratifiedFolds(strata, 5, 3));
    expect(stratifiedFolds(strata, 5, 3)).not.toEqual(stratifiedFolds(strata, 5, 4));
    expect(() => stratifiedFolds(strata, 41, 1)).toThrow(/folds must be between 2 and the 40 subjects, got 41/);
  });

  it('leaves out one site at a time', () => {
    expect(leaveOneSiteOut(['b', 'a', 'b']).map((fold) => [...fold])).toEqual([[1], [0, 2]]);
    expect(() => leaveOneSiteOut(['a', 'a'])).toThrow(/at least 2 different/);
  });
});

describe('binaryScores', () => {
  it('has the area of the definition: pairs in the right order, ties half', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.boolean()), { minLength: 2, maxLength: 30 }),
        (subjects) => {
          const scores = subjects.map(([score]) => score / 5);
          const labels = subjects.map(([, positive]) => (positive ? 1 : 0));
          const pairs = scores.flatMap((a, i) =>
            scores.flatMap((b, j) => (labels[i] === 1 && labels[j] === 0 ? [a > b ? 1 : a === b ? 0.5 : 0] : [])),
          );
          const { auc, accuracy } = binaryScores(scores, labels);
          if (pairs.length > 0) expect(auc).toBeCloseTo(pairs.reduce((a: number, b) => a + b, 0) / pairs.length, 12);
          else expect(auc).toBeNaN();
          const hits = scores.filter((score, i) => score > 0.5 === (labels[i] === 1)).length;
          expect(accuracy).toBeCloseTo(hits / labels.length, 12);
        },
      ),
    );
    expect(binaryScores([0.9, 0.8, 0.2, 0.1], [1, 0, 1, 0])).toEqual({
      accuracy: 0.5,
      auc: 0.75,
      sensitivity: 0.5,
      specificity: 0.5,
    });
  });
});

describe('crossValidate', () => {
  const cohort = syntheticConnectomes({ difference: 'sign', subjects: 40, regions: 12 });
  const options = { folds: 2, seeds: 1, spec: { hidden: [8, 4] as const }, fit: { epochs: 3 } };

  it('gives the same scores with one worker and with two, and reports every fold', async () => {
    const seen: number[] = [];
    const [one, two] = [
      await crossValidate(cohort, { ...options, models: ['quad', 'logistic'], onFold: (done) => seen.push(done) }),
      await crossValidate(cohort, { ...options, models: ['quad', 'logistic'], workers: 2 }),
    ];
    expect(one).toEqual(two);
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(one.folds.map(({ model, fold, subjects }) => [model, fold, subjects])).toEqual([
      ['quad', 0, 20],
      ['logistic', 0, 20],
      ['quad', 1, 20],
      ['logistic', 1, 20],
    ]);
  });

  it('finds signed edges by logistic regression too, and nothing in permuted labels', async () => {
    const big = syntheticConnectomes({ difference: 'sign', subjects: 100, regions: 12 });
    const fit = { epochs: 30 };
    const real = await crossValidate(big, { ...options, fit, models: ['logistic', 'mlp'] });
    for (const { mean } of real.models) expect(mean.accuracy).toBeGreaterThan(0.9);
    // 20 runs of 100 subjects each: the standard error of the mean is 1.1 points.
    const { Rng } = await import('@strata-ml/core');
    const order = new Rng(7).permutation(100);
    const labels = big.labels.map((_, i) => big.labels[order[i]!]!);
    const none = await crossValidate({ ...big, labels }, { ...options, fit, seeds: 20, models: ['logistic'] });
    expect(Math.abs(none.models[0]!.mean.accuracy - 0.5)).toBeLessThan(0.08);
  });

  it('refuses labels and options that make no sense, and stops when told to', async () => {
    await expect(crossValidate({ ...cohort, labels: cohort.labels.map(() => 2) })).rejects.toThrow(
      /labels must be 0 or 1/,
    );
    await expect(crossValidate(cohort, { folds: 'leave-one-site-out' })).rejects.toThrow(/needs sites/);
    await expect(crossValidate(cohort, { models: ['forest' as 'quad'] })).rejects.toThrow(/models must be of quad/);
    await expect(crossValidate(cohort, { seeds: 0 })).rejects.toThrow(/seeds must be an integer/);
    await expect(crossValidate(cohort, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ERR_STRATA_ABORTED',
    });
  });
});

describe('loadCohort', () => {
  const series = (seed: number) =>
    Array.from({ length: 12 }, (_, t) => [Math.sin(t + seed), Math.cos(t * seed), t % (seed + 2)]);

  function study(phenotype: string, files: Record<string, string | Buffer>): string {
    const folder = mkdtempSync(join(tmpdir(), 'strata-cohort-'));
    writeFileSync(join(folder, 'phenotype.csv'), phenotype);
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    return folder;
  }

  const npy = (rows: number[][], type: '<f4' | '<f8', fortran = false) => {
    const shape = `(${rows.length}, ${rows[0]!.length})`;
    const header = `{'descr': '${type}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${shape}, }`.padEnd(
      117,
    );
    const flat = fortran ? rows[0]!.flatMap((_, c) => rows.map((row) => row[c]!)) : rows.flat();
    const data = type === '<f4' ? Float32Array.from(flat) : Float64Array.from(flat);
    const head = Buffer.from(`\x93NUMPY\x01\x00\x76\x00${header}\n`, 'latin1');
    return Buffer.concat([head, Buffer.from(data.buffer)]);
  };

  it('reads tables and NumPy arrays of both orders and types to the same connectome', () => {
    const rows = series(1);
    const folder = study('subject,label,site\na,control,x\nb,patient,x\nc,patient,y\nd,control,y\ne,control,y\n', {
      'a.csv': `left,right,mid\n${rows.map((row) => row.join(',')).join('\n')}\n`,
      'b.1D': `# a comment\n${rows.map((row) => row.join('  ')).join('\n')}\n`,
      'c.npy': npy(rows, '<f8'),
      'd.npy': npy(rows, '<f4'),
      'e.npy': npy(rows, '<f8', true),
    });
    const cohort = loadCohort(folder, { fisherZ: true });
    expect(cohort.classes).toEqual(['control', 'patient']);
    expect([...cohort.labels]).toEqual([0, 1, 1, 0, 0]);
    expect(cohort.sites).toEqual(['x', 'x', 'y', 'y', 'y']);
    for (const graph of cohort.graphs) {
      expect(graph.regions).toBe(3);
      graph.adjacency.forEach((weight, i) => void expect(weight).toBeCloseTo(cohort.graphs[0]!.adjacency[i]!, 5));
    }
  });

  it('names the file and the fault', () => {
    const table = series(1)
      .map((row) => row.join(','))
      .join('\n');
    const two = 'subject,label\na,0\nb,1\n';
    expect(() => loadCohort('/nowhere')).toThrow(/\/nowhere must have a phenotype.csv, found no such folder/);
    expect(() => loadCohort(study('id,label\na,0\n', {}))).toThrow(/columns must include subject, got id, label/);
    expect(() => loadCohort(study('subject,label\na,0\nb,0\n', {}))).toThrow(/2 different values, got 0/);
    expect(() => loadCohort(study('subject,label\na,0\na,1\n', {}))).toThrow(/listed once, got a twice/);
    expect(() => loadCohort(study(two, { 'a.csv': table }))).toThrow(/must have a time series of b/);
    expect(() => loadCohort(study(two, { 'a.csv': table, 'b.csv': '1,2\n3,4\n5,6\n' }))).toThrow(
      /must have 3 regions as a, got 2 for b/,
    );
    expect(() => loadCohort(study(two, { 'a.csv': '1,2\n3\n', 'b.csv': table }))).toThrow(
      /line 2 must have 2 numbers, got 1/,
    );
    expect(() => loadCohort(study(two, { 'a.npy': 'no', 'b.csv': table }))).toThrow(/must be a NumPy file/);
    const short = npy(series(1), '<f8').subarray(0, 200);
    expect(() => loadCohort(study(two, { 'a.npy': short, 'b.csv': table }))).toThrow(/bytes of data, got/);
  });
});
