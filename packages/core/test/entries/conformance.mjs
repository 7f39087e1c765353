import { conformanceCases, randomProgram } from '@strata-ml/testing';

/** Runs the named cases, or all, or a random program; an error says in which case it came up. */
export default async function conformance(ctx, { names = Object.keys(conformanceCases), programSeed, steps }) {
  if (programSeed !== undefined) return randomProgram(ctx, programSeed, steps);
  for (const name of names) {
    if (ctx.rank === 0) ctx.report(name);
    try {
      await conformanceCases[name](ctx);
    } catch (error) {
      error.message = `"${name}" on rank ${ctx.rank}: ${error.message}`;
      throw error;
    }
  }
  return names.length;
}
