/** The page of `lm train --report`: one file with everything in it, no script, nothing fetched. */
import type { LanguageModelReport } from '@strata-ml/comm-compress';
import { atomicWrite, describeCluster } from '@strata-ml/core';
import type { RunPlace } from '../../../cluster.js';
import { type FigureKind, toJson } from '../../../output/envelope.js';
import { count } from '../../../output/format.js';
import { escapeHtml, legend, section } from '../../../output/page/html.js';
import { htmlPage } from '../../../output/page/htmlPage.js';
import { version } from '../../../version.js';
import { bytesChart, lossChart, partsChart } from './charts.js';
import { pipelineGantt, spanKey } from './pipelineGantt.js';

/** What the page shows. */
export interface TrainPage {
  readonly report: LanguageModelReport;
  /** Of the text. */
  readonly name: string;
  readonly place: RunPlace;
  readonly links: FigureKind;
  readonly config: object;
}

/** Writes the page, whole or not at all. */
export async function writeTrainPage(path: string, page: TrainPage): Promise<void> {
  await atomicWrite(path, trainPage(page));
}

function trainPage({ report, name, place, links, config }: TrainPage): string {
  const { metrics, timeline, environment, config: model } = report;
  const title = `${name}: a GPT of ${count(metrics.parameters)} parameters`;
  const facts = [
    `${model.layers} layers, width ${model.width}, ${model.heads} heads, context ${model.context}`,
    describeCluster(place.cluster),
    `links ${links}, compute measured`,
    `engine ${environment.engine}, ${environment.kernels} kernels`,
    `strata ${version}`,
  ];
  const gantt = pipelineGantt(report);
  return htmlPage(
    title,
    facts,
    `${section('Loss by step', 'Nats per token: of each step’s samples before its update, and of validation text.', lossChart(timeline.steps, 'step'))}
${section('Loss by time', 'The same against seconds of training, evaluation left out; measured.', lossChart(timeline.steps, 'time'))}
${section('Loss by bytes', `The same against bytes that all ranks have sent, counted; links ${links}.`, lossChart(timeline.steps, 'bytes'))}
${section('Where a step goes', `The median step of every rank. Waiting is what was not hidden behind compute; links ${links}.`, partsChart(metrics.parts))}
${section('What a step sends', 'Bytes by what they carry, counted, summed over ranks.', bytesChart(metrics.traffic))}
${gantt ? section('What each rank does', `The last step, recorded. Links ${links}.`, legend(spanKey), gantt) : ''}
<details><summary>Configuration</summary><pre>${escapeHtml(toJson(config))}</pre></details>`,
  );
}
