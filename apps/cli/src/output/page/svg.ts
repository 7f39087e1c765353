/** Charts as SVG text, drawn by Observable Plot on a document that is not a browser's: the page needs no script. */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';

/** Colours of modes, phases and parts: Okabe and Ito's, told apart by all kinds of colour vision. */
const palette = [
  '#0072b2',
  '#e69f00',
  '#009e73',
  '#cc79a7',
  '#d55e00',
  '#56b4e9',
  '#7f7f7f',
  '#b8a800',
  '#5e3c99',
  '#a6611a',
] as const;

/** Names in the order of their colours. */
export interface ColourKey {
  readonly domain: readonly string[];
  readonly range: readonly string[];
}

/** Gives each name a colour of the palette. */
export function colourKey(domain: readonly string[]): ColourKey {
  return { domain, range: domain.map((_, i) => palette[i % palette.length]!) };
}

/**
 * Draws a plot.
 *
 * @param label - what the picture shows, for those who cannot see it
 */
export function drawSvg(label: string, options: Plot.PlotOptions): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const svg = Plot.plot({
    width: 980,
    marginBottom: 44,
    style: { fontFamily: 'inherit', fontSize: '12px', overflow: 'visible' },
    ...options,
    document: document as unknown as NonNullable<Plot.PlotOptions['document']>,
  });
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', label);
  return String(svg.outerHTML);
}
