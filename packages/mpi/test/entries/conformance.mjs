// The laws that every transport's groups obey, one after the other; gives what each rank found.
import { conformanceCases } from '@strata-ml/testing';

export default async function conformance(ctx) {
  const failures = {};
  for (const [name, run] of Object.entries(conformanceCases)) {
    try {
      await run(ctx);
    } catch (error) {
      // Ranks are out of step from here on.
      failures[name] = error.stack;
      break;
    }
  }
  return { cases: Object.keys(conformanceCases).length, failures };
}
