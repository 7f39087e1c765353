import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { evaluateGnn, loadModel, predict, saveModel, trainGnn } from '@strata-ml/gnn-dist';
import { describe, expect, it } from 'vitest';
import { awkwardGraph } from './support/data.js';

describe('a trained model', () => {
  it.each(['none', 'batch'] as const)('is saved, loaded and scores as in training (norm %s)', async (norm) => {
    const data = awkwardGraph(80, { sparse: true });
    const report = await trainGnn(data, { epochs: 15, model: { model: 'sage', hidden: 8, norm }, cluster: '1x2' });
    const dir = mkdtempSync(join(tmpdir(), 'strata-model-'));
    try {
      const path = join(dir, 'model.safetensors');
      saveModel(path, report);
      const model = loadModel(path);
      const scores = await evaluateGnn(model, data);
      expect(scores.testAccuracy).toBeCloseTo(report.metrics.finalTestAccuracy, 6);
      expect(scores.trainAccuracy).toBeCloseTo(report.metrics.finalTrainAccuracy, 6);
      const logits = await predict(model, data);
      expect(logits.length).toBe(80 * 3);
      await expect(predict(model, awkwardGraph(80, { sparse: true, multiLabel: true }))).resolves.toHaveLength(240);
      await expect(predict(model, { ...data, numClasses: 4 })).rejects.toThrow('got one for 10 features and 3 classes');
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
