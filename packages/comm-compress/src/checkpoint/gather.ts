/** The whole model on one rank: what is saved for use, and hashed. */
import { createHash } from 'node:crypto';
import type { ProcessGroup } from '@strata-ml/core';
import { partShape } from '@strata-ml/models';
import { joinParts, wholeShape } from '../dataParallel/joinParts.js';
import type { StageParameter } from '../stages/StageModule.js';
import type { Trainer } from '../train/Trainer.js';

/** A parameter of the whole model. */
export interface WholeParameter {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Parameters in the order of the model, by name. */
export type WholeModel = Readonly<Record<string, WholeParameter>>;

const TAG = 2 ** 30;

/** Collects all parameters on world rank 0; undefined elsewhere. Collective over `world`. */
export function gatherModel(trainer: Trainer, world: ProcessGroup): WholeModel | undefined {
  const { grid } = trainer.options;
  const { replica } = trainer.place;
  const mine = trainer.parameters.values;
  const options = { tag: TAG, phase: 'gather' };
  const work = replica === 0 && world.rank !== 0 ? world.isend(mine, 0, options) : undefined;
  let whole: Record<string, WholeParameter> | undefined;
  if (world.rank === 0) {
    whole = {};
    for (let stage = 0; stage < grid.pp; stage++) {
      const parameters = stageParameters(trainer, stage);
      const lengths = parameters.map((p) => partShape(p, { size: grid.tp, rank: 0 }).reduce((a, b) => a * b, 1));
      const total = lengths.reduce((a, b) => a + b, 0);
      const parts = Array.from({ length: grid.tp }, (_, tensor) => {
        const source = grid.rankAt(tensor, 0, stage);
        if (source === 0) return mine;
        const values = new Float32Array(total);
        world.recv(values, source, options);
        return values;
      });
      let at = 0;
      for (const [i, parameter] of parameters.entries()) {
        const end = at + lengths[i]!;
        // The copy of a tied embedding is the same.
        whole[parameter.name] ??= {
          shape: wholeShape(parameter),
          data: joinParts(
            parameter,
            parts.map((values) => values.subarray(at, end)),
          ),
        };
        at = end;
      }
    }
  }
  work?.wait();
  return whole;
}

/** Parameters of one pipeline rank, all its chunks. */
export function stageParameters(trainer: Trainer, stage: number): readonly StageParameter[] {
  const { pp, chunks } = trainer.options;
  return Array.from({ length: chunks }, (_, chunk) => trainer.virtualStage(chunk * pp + stage).parameters).flat();
}

/** SHA-256 over all parameters, float32 little-endian, by name in code point order. */
export function hashModel(model: WholeModel): string {
  const hash = createHash('sha256');
  for (const name of Object.keys(model).sort()) {
    const { data } = model[name]!;
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}
