/** The page of `gnn compare --report`: one file with everything in it, no script, nothing fetched. */
import { atomicWrite, describeCluster } from '@strata-ml/core';
import type { CompareReport } from '@strata-ml/gnn-dist';
import type { CsrGraph } from '@strata-ml/graph';
import type { RunPlace } from '../../../cluster.js';
import { type FigureKind, toJson } from '../../../output/envelope.js';
import { count, percent } from '../../../output/format.js';
import { escapeHtml, legend, section } from '../../../output/page/html.js';
import { htmlPage } from '../../../output/page/htmlPage.js';
import { version } from '../../../version.js';
import { type CompareRow, compareRows } from '../compareRows.js';
import { accuracyChart, bytesChart, timeChart } from './charts.js';
import { partitionDrawing } from './partitionDrawing.js';
import { rankTimeline, timelineKey } from './rankTimeline.js';

/** What the page shows. */
export interface ComparePage {
  readonly report: CompareReport;
  readonly graph: CsrGraph;
  /** Of the data set. */
  readonly name: string;
  readonly place: RunPlace;
  readonly links: FigureKind;
  readonly config: object;
}

/** Writes the page, whole or not at all. */
export async function writeComparePage(path: string, page: ComparePage): Promise<void> {
  await atomicWrite(path, comparePage(page));
}

function comparePage({ report, graph, name, place, links, config }: ComparePage): string {
  const { modes, environment } = report;
  const title = `${name}: ${modes.map(({ mode }) => mode).join(', ')}`;
  const { cutRatio, method, balance, haloRows } = modes[0]!.metrics.partition;
  const facts = [
    `${count(graph.numVertices)} vertices, ${count(graph.indices.length / 2)} edges`,
    describeCluster(place.cluster),
    `links ${links}, compute measured`,
    `engine ${environment.engine}, ${environment.kernels} kernels`,
    `strata ${version}`,
  ];
  const runs = modes[0]!.runs.length;
  const epochs = modes[0]!.timeline.epochs.length;
  const emulated =
    links === 'emulated' ? ' Links are emulated: transfers happen, and are held back to the set bandwidth.' : '';
  const timelines = modes.map((mode) => {
    const svg = rankTimeline(mode);
    return svg && `<figure><figcaption>${escapeHtml(mode.mode)}</figcaption>${svg}</figure>`;
  });
  return htmlPage(
    title,
    facts,
    `${section(
      'Side by side',
      `Same data, partition and seed; ${count(epochs)} epochs, ${runs === 1 ? 'one run' : `${runs} interleaved runs`} per mode. Times are measured on rank 0, medians over epochs; bytes are counted and summed over ranks.${emulated}`,
      table(
        modes.map(({ mode }) => mode),
        compareRows(report, links),
      ),
    )}
${section('Accuracy over time', 'Validation accuracy of the first run against its training time, evaluation left out.', accuracyChart(modes))}
${section('Where an epoch goes', `The median epoch of rank 0. Waiting is what exchange did not hide behind compute; links ${links}.`, timeChart(modes))}
${section('What an epoch sends', 'Bytes over links between and inside servers, counted, summed over ranks; set-up is in the table.', bytesChart(modes))}
${section('What each rank does', `One epoch of each mode’s last run, recorded; each picture has its own time axis. Links ${links}.`, legend(timelineKey), ...timelines)}
${section('The partition', `${method}: ${percent(cutRatio)} of edges cut, largest part ${balance.toFixed(3)} × the mean, ${count(haloRows)} rows on borders. Below, a sample of the graph.`, partitionDrawing(graph, report.partOf, place.cluster))}
<details><summary>Configuration</summary><pre>${escapeHtml(toJson(config))}</pre></details>`,
  );
}

function table(modes: readonly string[], rows: readonly CompareRow[]): string {
  const cells = (tag: 'th' | 'td', values: readonly string[]) =>
    values.map((value) => `<${tag}>${escapeHtml(value)}</${tag}>`).join('');
  const body = rows.map(([name, ...values]) => {
    const indent = name.startsWith(' ') ? ' class="part"' : '';
    return `<tr${indent}><th scope="row">${escapeHtml(name.trim())}</th>${cells('td', values)}</tr>`;
  });
  return `<div class="wide"><table><thead><tr><th></th>${cells('th', modes)}</tr></thead><tbody>${body.join('\n')}</tbody></table></div>`;
}
