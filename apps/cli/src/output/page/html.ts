/** Pieces of HTML text. */
import type { ColourKey } from './svg.js';

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text that means nothing but itself, in elements and in attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}

/** Names beside their colours. */
export function legend({ domain, range }: ColourKey): string {
  const items = domain.map((name, i) => `<li><i style="background:${range[i]}"></i>${escapeHtml(name)}</li>`);
  return `<ul class="legend">${items.join('')}</ul>`;
}

/** A heading, a sentence on what is seen, pictures. */
export function section(title: string, remark: string, ...content: readonly string[]): string {
  return `<section><h2>${escapeHtml(title)}</h2><p>${escapeHtml(remark)}</p>${content.join('\n')}</section>`;
}
