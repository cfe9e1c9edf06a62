/**
 * The plain status page, which `/` is while the dashboard is not built: one self-contained document
 * that asks the API once a second. It holds no data itself, so it is served without a token; with
 * one, it asks the reader for it.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { statusScript } from "./status-page-script.ts";

const style = `
:root {
  color-scheme: light dark;
  --page: light-dark(#f6f7f9, #14171c); --card: light-dark(#fff, #1d2128);
  --text: light-dark(#1c2128, #e6e9ee); --soft: light-dark(#5b6573, #98a2b0);
  --line: light-dark(#dfe3e8, #2e343d); --track: light-dark(#e7eaef, #2a3038);
  --done: light-dark(#1f8a4c, #3fb56f); --run: light-dark(#2463c7, #5b9bf5);
  --wait: light-dark(#b9c1cb, #4b5563); --fail: light-dark(#c2352b, #f0685e);
  --warn: light-dark(#9a6700, #d9a520);
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 1.25rem 1rem 3rem; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem .9rem; }
h1 { font-size: 1.35rem; margin: 0; letter-spacing: -.01em; }
h2 { font-size: 1rem; margin: 0 0 .6rem; }
.soft, footer { color: var(--soft); font-size: .875rem; }
.soft { overflow-wrap: anywhere; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: 1rem; margin-top: 1rem; }
#state::before { content: "●"; margin-right: .35em; color: var(--done); }
#state.warn::before { color: var(--warn); } #state.down::before { color: var(--fail); }
.bar { display: flex; height: 1.1rem; border-radius: .3rem; overflow: hidden;
  background: var(--track); }
.bar i { display: block; min-width: 0; transition: flex-grow .4s; }
.bar .done { background: var(--done); } .bar .run { background: var(--run); }
.bar .wait { background: var(--wait); } .bar .fail { background: var(--fail); }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr));
  gap: .6rem 1rem; margin: .9rem 0 0; }
dt { color: var(--soft); font-size: .75rem; letter-spacing: .03em; }
dd { margin: 0; font-size: 1.2rem; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 500; color: var(--soft); font-size: .8rem; }
th, td { padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line);
  white-space: nowrap; vertical-align: top; }
tr:last-child td { border-bottom: 0; }
td.number, th.number { text-align: right; }
.number + :not(.number) { padding-left: 1rem; }
h2 .soft { font-weight: 400; }
.bad { color: var(--fail); } .odd { color: var(--warn); }
ul { list-style: none; margin: 0; padding: 0; }
li { padding: .45rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
li:last-child { border-bottom: 0; }
li code { font-size: .85rem; }
form { display: flex; gap: .5rem; flex-wrap: wrap; }
input, button { font: inherit; padding: .35rem .6rem; border-radius: .35rem;
  border: 1px solid var(--line); background: var(--page); color: inherit; }
input { flex: 1 1 14rem; min-width: 0; }
footer { margin-top: 1rem; }
[hidden] { display: none !important; }
@media (max-width: 40rem) {
  th:nth-child(n+6), td:nth-child(n+6) { display: none; }
  th, td { padding-right: .6rem; }
}`;

const body = `
<main>
  <header><h1>Capstan</h1><span id="state" class="warn" role="status">connecting…</span></header>
  <div class="soft" id="cluster"></div>
  <section id="ask" hidden>
    <h2>This controller asks for a token</h2>
    <form><input id="token" type="password" autocomplete="off" aria-label="Token">
      <button>Show</button></form>
  </section>
  <section id="tasks">
    <h2>Tasks <span class="soft" id="total"></span></h2>
    <div class="bar" id="bar" role="img" aria-label="No tasks yet"></div>
    <dl id="counts"></dl>
  </section>
  <section>
    <h2>Workers <span class="soft" id="workers-total"></span></h2>
    <div class="scroll"><table><thead><tr><th>Worker</th><th>State</th>
      <th class="number">Running</th><th class="number">CPU</th><th class="number">Memory</th>
      <th class="number">Values</th><th>Address</th><th>Last heard</th></tr></thead>
      <tbody id="workers"></tbody></table></div>
  </section>
  <section id="failed" hidden><h2>Recent failures</h2><ul id="failures"></ul></section>
  <footer>This is the plain status page: the dashboard is not built (<code>npm run build</code>).
    Refreshed every second.
    The same numbers: <code>capstan worker list</code>, <code>capstan task list</code>.</footer>
</main>`;

function hashSource(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

export const statusPage = {
  html: `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Capstan</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<style>${style}</style></head><body>${body}
<script>${statusScript}</script></body></html>
`,
  /** Only this page's own style and script run, and they reach only this server. */
  contentSecurityPolicy: [
    "default-src 'none'",
    `style-src ${hashSource(style)}`,
    `script-src ${hashSource(statusScript)}`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
} as const;
