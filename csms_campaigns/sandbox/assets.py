"""Style and script of the sandbox's page: in Python, so that nothing is looked up on
disk and the package needs no data files."""

from __future__ import annotations

STYLE_CSS = """\
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --bubble: #dbeafe;
  --ink: #10243e; --worry: #b42318; }
@media (prefers-color-scheme: dark) {
  :root { --bubble: #1d3a5f; --ink: #e8f1ff; --worry: #ff9a8f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 52rem;
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.5rem; }
h2 { font-size: 1.15rem; margin-block: 2rem .75rem; }
header p { margin-block: .25rem 1.5rem; }
code { overflow-wrap: anywhere; }
.figures { display: grid; gap: .5rem; margin: 0;
  grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); }
.figures div { padding: .6rem .8rem; border: 1px solid var(--line);
  border-radius: .6rem; }
dt { font-size: .85rem; }
dd { margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.worry { border-color: var(--worry); color: var(--worry); font-weight: 600; }
table { width: 100%; margin-block-start: 1.25rem; border-collapse: collapse;
  font-variant-numeric: tabular-nums; }
caption { text-align: start; padding-block-end: .35rem; font-size: .9rem; }
th, td { padding: .3rem .6rem; text-align: end; border-block-end: 1px solid var(--line);
  font-weight: 400; }
th:first-child, td:first-child { text-align: start; }
thead th { font-size: .85rem; }
.inbox { list-style: none; margin: 0; padding: 0; display: grid; gap: .9rem; }
.inbox li { max-width: 34rem; }
.from, .id { margin: 0 .35rem; font-size: .85rem; }
.from bdi { font-weight: 600; font-variant-numeric: tabular-nums; }
.text { margin: .15rem 0; padding: .55rem .85rem; border-radius: .9rem;
  border-end-start-radius: .2rem; background: var(--bubble); color: var(--ink);
  white-space: pre-wrap; overflow-wrap: anywhere; }
.lost { color: var(--worry); }
.empty { padding: 2rem; text-align: center; border: 1px dashed var(--line);
  border-radius: .6rem; }
footer { display: flex; flex-wrap: wrap; gap: .5rem 1.25rem; margin-block-start: 2rem; }
"""

PAGE_JS = """\
"use strict";
// Fetches the page again and swaps its main part; rests while nobody looks.
async function refresh() {
  try {
    if (!document.hidden) {
      const answer = await fetch("/", {cache: "no-store"});
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      document.querySelector("main").replaceWith(fresh.querySelector("main"));
    }
  } catch { /* the sandbox may be restarting: try again */ }
  setTimeout(refresh, 1500);
}
setTimeout(refresh, 1500);
"""
