import { escaped } from './escape.ts';

/** A page of figures. */
export interface Page {
  readonly title: string;
  /** Sentences below the title. */
  readonly intro: readonly string[];
  /** Names and texts, such as what a measurement was made on. */
  readonly facts: readonly (readonly [name: string, text: string])[];
  /** HTML of each figure. */
  readonly figures: readonly string[];
}

/** Colours and lines of charts, for light and for dark paper (`prefers-color-scheme`). */
export const chartStyle = `
:root{color-scheme:light dark;--paper:#fff;--ink:#1c2128;--faint:#5d6773;--rule:#dfe3e8;--card:#f7f8fa;
--t0:#0b62c4;--t1:#c2410c;--t2:#0f7b4f;--t3:#8b2fb0;--t4:#8a6d00;--t5:#b3195c;
--s0:#3b6fd1;--s1:#2b8f9e;--s2:#4b9a3a;--s3:#b08a00;--s4:#d1660f;--s5:#c02626;--hot:#f0883e}
@media(prefers-color-scheme:dark){:root{--paper:#12161c;--ink:#e8ecf1;--faint:#9aa5b1;--rule:#2a313a;--card:#191f27;
--t0:#6bb0ff;--t1:#ff9a5c;--t2:#4fd39a;--t3:#d49bf0;--t4:#e0c04a;--t5:#ff86b7;
--s0:#7fa7ff;--s1:#58c6d6;--s2:#82d06a;--s3:#e5c04d;--s4:#ff9f55;--s5:#ff7b72;--hot:#b5571a}}
.chart{display:block;width:100%;height:auto;font:13px system-ui,sans-serif}
.chart text{fill:var(--ink)}.chart .tick,.chart .axis{fill:var(--faint)}
.chart path,.chart polyline{fill:none;vector-effect:non-scaling-stroke}
.chart .grid{stroke:var(--rule)}.chart .frame{stroke:var(--faint)}
.chart .line{stroke-width:2;stroke-linejoin:round}.chart .dashed{stroke-dasharray:6 5}
${['tone', 'step']
  .flatMap((kind) => [0, 1, 2, 3, 4, 5].map((at) => `.chart .${kind}${at}{stroke:var(--${kind[0]}${at})}`))
  .join('')}
`.trim();

const pageStyle = `
body{margin:0 auto;padding:2rem 1.25rem 4rem;max-width:60rem;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.6rem;margin:0 0 .5rem}h2{font-size:1.1rem;margin:0}figcaption p,.intro{margin:.15rem 0 .6rem;color:var(--faint)}
figure{margin:1.5rem 0;padding:1rem 1.1rem;background:var(--card);border:1px solid var(--rule);border-radius:10px;overflow-x:auto}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.2rem;margin:1rem 0}dt{color:var(--faint)}dd{margin:0}
.heat{border-collapse:separate;border-spacing:3px;width:100%;font-variant-numeric:tabular-nums}
.heat th{font-weight:600;text-align:right;padding:.3rem .5rem;color:var(--faint)}.heat .corner{text-align:left;font-weight:400}
.heat td{text-align:right;padding:.45rem .6rem;border-radius:5px;background:color-mix(in oklab,var(--hot) var(--heat,0%),var(--paper))}
`.trim();

/** One HTML file that needs nothing else: no scripts, no requests. */
export function htmlPage({ title, intro, facts, figures }: Page): string {
  const list = facts.map(([name, text]) => `<dt>${escaped(name)}</dt><dd>${escaped(text)}</dd>`);
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escaped(title)}</title>`,
    `<style>\n${chartStyle}\n${pageStyle}\n</style></head><body>`,
    `<h1>${escaped(title)}</h1>`,
    ...intro.map((text) => `<p class="intro">${escaped(text)}</p>`),
    ...(list.length === 0 ? [] : [`<dl>${list.join('')}</dl>`]),
    ...figures,
    '</body></html>',
    '',
  ].join('\n');
}

/** A chart as a file of its own. */
export function standaloneSvg(svg: string): string {
  return svg.replace('>', `><style>${chartStyle}.chart{background:var(--paper)}</style>`);
}
