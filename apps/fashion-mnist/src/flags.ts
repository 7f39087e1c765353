/** Flags of the program. */
import { parseArgs } from 'node:util';
import { OptionError } from '@strata-ml/core';
import { TRAIN_IMAGES } from './data.js';
import { ENGINES, type Engine } from './engines.js';

export const USAGE = `Trains a convolutional classifier of Fashion-MNIST with the layers API of TensorFlow.js.

  --engine NAME   ${ENGINES.join(', ')} (default native)
  --epochs N      passes over the training images (default 8)
  --train N       use only the first N training images (default: all that are not held out)
  --validation N  hold out the last N training images and test the epoch that is best on them (default 5000; 0: the last)
  --seed N        of weights, order and dropout (default 1)
  --data FOLDER   folder of the four files (default: fashion-mnist in STRATA_DATA or shared/data)
  --json FILE     write the report; - prints it and nothing else
  --help`;

/** What was asked for. */
export interface Flags {
  readonly engine: Engine;
  readonly epochs: number;
  readonly count: number | undefined;
  readonly validation: number;
  readonly seed: number;
  readonly data: string | undefined;
  readonly json: string | undefined;
  readonly help: boolean;
}

/** @throws {@link OptionError} for unknown flags and impossible values. */
export function parseFlags(args: readonly string[]): Flags {
  const { values } = parse(args);
  if (!(ENGINES as readonly string[]).includes(values.engine)) {
    throw new OptionError('fashion-mnist', '--engine', values.engine, `one of ${ENGINES.join(', ')}`);
  }
  return {
    engine: values.engine as Engine,
    epochs: whole('--epochs', values.epochs, 1),
    count: values.train === undefined ? undefined : whole('--train', values.train, 1),
    validation: heldOut(values.validation),
    seed: whole('--seed', values.seed, 0),
    data: values.data,
    json: values.json,
    help: values.help,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        engine: { type: 'string', default: 'native' },
        epochs: { type: 'string', default: '8' },
        train: { type: 'string' },
        validation: { type: 'string', default: '5000' },
        seed: { type: 'string', default: '1' },
        data: { type: 'string' },
        json: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new OptionError('fashion-mnist', 'flags', args.join(' '), 'known ones', (error as Error).message);
  }
}

function heldOut(text: string): number {
  const count = whole('--validation', text, 0);
  if (count < TRAIN_IMAGES) return count;
  throw new OptionError('fashion-mnist', '--validation', text, `less than the ${TRAIN_IMAGES} training images`);
}

function whole(flag: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new OptionError('fashion-mnist', flag, text, `a whole number ≥ ${least}`);
}
