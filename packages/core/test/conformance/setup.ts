/** First module of the conformance bundle: loads the wasm engine, tells tfjs's suite to run on it, reports in JSON. */
import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util.js';
import { loadWasm } from '../../src/engine/wasm/load.js';

interface SpecResult {
  readonly fullName: string;
  readonly status: 'passed' | 'failed' | 'pending' | 'excluded';
  readonly failedExpectations: readonly { readonly message: string }[];
}

declare const jasmine: { getEnv(): { addReporter(reporter: object): void } };

await loadWasm();
setTestEnvs([{ name: 'wasm', backendName: 'wasm', isDataSync: true }]);

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
