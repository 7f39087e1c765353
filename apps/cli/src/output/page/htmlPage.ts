/** A page in one file: no script, nothing fetched. */
import { escapeHtml } from './html.js';

/**
 * The whole document.
 *
 * @param facts - shown below the title
 * @param body - HTML
 */
export function htmlPage(title: string, facts: readonly string[], body: string): string {
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
${body}
</main>
</body>
</html>
`;
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
