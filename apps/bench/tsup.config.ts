import { defineConfig } from 'tsup';
import { packageConfig } from '../../tsup.base.js';

export default defineConfig(
  packageConfig({
    accuracyRun: 'src/contenders/accuracyRun.ts',
    allReduce: 'src/contenders/allReduce.ts',
    allReduceEntry: 'src/contenders/allReduceEntry.ts',
    compressRun: 'src/contenders/compressRun.ts',
    copy: 'src/contenders/copy.ts',
    denseStep: 'src/contenders/denseStep.ts',
    disaggregatedRun: 'src/contenders/disaggregatedRun.ts',
    engineOps: 'src/contenders/engineOps.ts',
    lmStep: 'src/contenders/lmStep.ts',
    lmTrainer: 'src/contenders/lmTrainer.ts',
    linksRank: 'src/contenders/linksRank.ts',
    linksRun: 'src/contenders/linksRun.ts',
    linksShaped: 'src/contenders/linksShaped.ts',
    offloadCacheRun: 'src/contenders/offloadCacheRun.ts',
    offloadPartitionRun: 'src/contenders/offloadPartitionRun.ts',
    offloadRun: 'src/contenders/offloadRun.ts',
    partitionMake: 'src/contenders/partitionMake.ts',
    partitionRun: 'src/contenders/partitionRun.ts',
    pipelineRankEntry: 'src/contenders/pipelineRankEntry.ts',
    pipelineRun: 'src/contenders/pipelineRun.ts',
    report: 'src/report.ts',
    snapshotRun: 'src/contenders/snapshotRun.ts',
    train: 'src/contenders/train.ts',
    tutorial: 'src/contenders/tutorial.ts',
  }),
);
