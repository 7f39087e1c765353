import { AbortedError, registerErrorClass, StrataError } from '@strata-ml/core';

class LostRowError extends StrataError {
  constructor(row) {
    super('ERR_TEST_LOST_ROW', `row ${row} is lost`, { row });
  }
}
registerErrorClass(LostRowError);

const spin = (ms) => {
  const until = performance.now() + ms;
  while (performance.now() < until);
};
const forever = () => {
  for (;;) spin(1);
};

/** One way to fail per name; `rank` is who fails, the others go into a barrier. */
const faults = {
  throws: () => {
    throw new LostRowError(7);
  },
  throwsText: () => {
    throw 'just text';
  },
  rejects: async () => {
    await null;
    throw new RangeError('too far');
  },
  throwsLater: () =>
    new Promise(() => {
      setTimeout(() => {
        throw new Error('in a callback');
      }, 5);
      setTimeout(() => {}, 60_000);
    }),
  rejectsUnhandled: () =>
    new Promise((resolve) => {
      void Promise.reject(new Error('nobody listens'));
      setTimeout(resolve, 60_000);
    }),
  exits: () => process.exit(3),
  exitsZero: () => process.exit(0),
  neverSettles: () => new Promise(() => {}),
  spinsForever: () => forever(),
  exhaustsHeap: () => {
    const kept = [];
    for (;;) kept.push(new Array(1000).fill({}));
  },
  returnsFunction: () => () => {},
  reportsFunction: (ctx) => ctx.report(() => {}),
  throwsInsideNamedPhase: (ctx) => {
    ctx.world.barrier({ phase: 'warm-up' });
    throw new Error('after warm-up');
  },
};

export default function fault(ctx, { name, rank }) {
  if (name === 'throwsInsideNamedPhase' && ctx.rank !== rank) ctx.world.barrier({ phase: 'warm-up' });
  if (ctx.rank === rank) return faults[name](ctx);
  try {
    ctx.world.barrier();
  } catch (error) {
    // What the others see is never what the caller gets.
    throw new AbortedError(`rank ${ctx.rank}: ${error.message}`);
  }
}
