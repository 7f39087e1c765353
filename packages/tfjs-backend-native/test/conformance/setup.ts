/** First module of the conformance bundle: registers the backend and tells tfjs's suite to run on it. */
import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util.js';
import '../../src/index.js';

const backendName = process.env.STRATA_CONFORMANCE_BACKEND ?? 'native';
setTestEnvs([{ name: backendName, backendName, isDataSync: true }]);
