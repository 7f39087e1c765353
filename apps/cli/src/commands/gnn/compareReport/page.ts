/** The page of `gnn compare --report`: one file with everything in it, no script, nothing fetched. */
import { atomicWrite, describeCluster } from '@strata-ml/core';
import type { CompareReport } from '@strata-ml/gnn-dist';
import type { CsrGraph } from '@strata-ml/graph';
import type { RunPlace } from '../../../cluster.js';
import { type FigureKind, toJson } from '../../../output/envelope.js';
import { count, percent } from '../../../output/format.js';
import { version } from '../../../version.js';
import { type CompareRow, compareRows } from '../compareRows.js';
import { accuracyChart, bytesChart, timeChart } from './charts.js';
import { escapeHtml, legend, section } from './html.js';
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
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${css}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
<ul class="facts">${facts.map((fact) => `<li>${escapeHtml(fact)}</li>`).join('')}</ul>
${section(
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
<details><summary>Configuration</summary><pre>${escapeHtml(toJson(config))}</pre></details>
</main>
</body>
</html>
`;
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

const css = `
body { margin: 0; background: #f4f5f7; color: #1c2026; font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: 24px; margin: 8px 0; }
h2 { font-size: 17px; margin: 0; }
section, details { background: #fff; border: 1px solid #e1e4e8; border-radius: 8px; padding: 18px 22px; margin-top: 18px; }
section > p { color: #57606a; margin: 4px 0 12px; }
ul.facts { list-style: none; padding: 0; margin: 0; color: #57606a; display: flex; flex-wrap: wrap; gap: 2px 20px; }
ul.legend { list-style: none; padding: 0; margin: 0 0 8px; display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13px; }
ul.legend i { display: inline-block; width: 12px; height: 12px; border-radius: 2px; margin-right: 6px; vertical-align: -1px; }
svg { display: block; max-width: 100%; height: auto; }
figure { margin: 12px 0 0; }
figcaption { font-weight: 600; font-size: 13px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: 4px 10px; text-align: right; white-space: nowrap; border-bottom: 1px solid #eef0f2; }
th:first-child { text-align: left; font-weight: 500; }
tr.part th, tr.part td { color: #57606a; font-size: 13px; }
tr.part th { padding-left: 26px; font-weight: 400; }
pre { overflow-x: auto; font-size: 12px; }
summary { cursor: pointer; }
`;
