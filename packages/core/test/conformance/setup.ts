/**
 * First module of the conformance bundle: loads the engine that the environment names, wasm or tensorflow, tells tfjs's
 * suite to run on it, reports in JSON.
 */
import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util.js';
import { probeTensorflow } from '../../src/engine/tensorflow/probe.js';
import { loadWasm } from '../../src/engine/wasm/load.js';

interface SpecResult {
  readonly fullName: string;
  readonly status: 'passed' | 'failed' | 'pending' | 'excluded';
  readonly failedExpectations: readonly { readonly message: string }[];
}

declare const jasmine: { getEnv(): { addReporter(reporter: object): void } };

const name = process.env.STRATA_CONFORMANCE_BACKEND ?? 'wasm';
if (name === 'tensorflow') {
  const probe = probeTensorflow(1);
  if (!probe.available) throw new Error(probe.reason);
} else await loadWasm();
setTestEnvs([{ name, backendName: name, isDataSync: true }]);

const counts = { passed: 0, failed: 0, pending: 0, excluded: 0 };
const failures: { readonly spec: string; readonly messages: readonly string[] }[] = [];
jasmine.getEnv().addReporter({
  specDone({ fullName, status, failedExpectations }: SpecResult) {
    counts[status]++;
    if (status === 'failed') failures.push({ spec: fullName, messages: failedExpectations.map((e) => e.message) });
  },
  jasmineDone() {
    process.stdout.write(`\nCONFORMANCE ${JSON.stringify({ counts, failures })}\n`);
  },
});
