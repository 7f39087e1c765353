import { describe, expect, it } from 'vitest';
import { launchers, type Outcome, runRanks } from './mpirun.js';

const SHAPES = [
  { ranks: 4, options: { devicesPerServer: [2, 2] } },
  // Uneven servers; every operation cut into small calls; every call compared across ranks.
  { ranks: 3, options: { devicesPerServer: [2, 1], maxCount: 3000, checkComm: true } },
];

describe.skipIf(launchers.length === 0)('conformance over MPI (skipped without mpirun)', () => {
  it.each(launchers)('groups obey the laws of every transport, $name', async (launcher) => {
    const job = { cluster: '2x2', entry: './conformance.mjs', payload: {}, options: { timeoutMs: 20_000 } };
    const outcome = await runRanks(launcher, 'launch.mjs', { ranks: 4, args: [JSON.stringify(job)] });
    expect(outcome.code, outcome.stderr).toBe(0);
    for (const { cases, failures } of JSON.parse(outcome.stdout).results) {
      expect(failures).toEqual({});
      expect(cases).toBeGreaterThan(20);
    }
  });
});

describe.skipIf(launchers.length === 0)('collectives over MPI (skipped without mpirun)', () => {
  // The laws above ran on every library; what these add lies above the library.
  for (const launcher of launchers.slice(0, 1)) {
    for (const { ranks, options } of SHAPES) {
      it(`match their oracles on ${ranks} ranks, ${JSON.stringify(options)}, ${launcher.name}`, async () => {
        const outcome = await runRanks(launcher, 'collectives.mjs', { ranks, args: [JSON.stringify(options)] });
        const { outcomes, family, size } = parse(outcome);
        expect({ family, size }).toEqual({ family: launcher.family, size: ranks });
        expect(Object.keys(outcomes).length).toBeGreaterThan(12);
        for (const [name, result] of Object.entries(outcomes)) expect(result, name).toBe('ok');
        expect(outcome.code).toBe(0);
        expect(outcome.strays).toEqual([]);
      });
    }
  }
});

function parse(outcome: Outcome): { outcomes: Record<string, string>; family: string; size: number } {
  expect(outcome.stdout, `exit ${outcome.code}, time-out ${outcome.timedOut}: ${outcome.stderr}`).toMatch(/^\{/);
  return JSON.parse(outcome.stdout);
}
