// The frame of every page a person meets: one look, no script, nothing from elsewhere.
import { html } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";

export type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

export interface PageFrame {
  readonly title: string;
  readonly body: Html;
}

const style = `
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--paper:#fff;--wash:#f4f6f8;--line:#d0d7de;--accent:#1f5fbf;--good:#116329;--bad:#a40e26}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa5b1;--paper:#161b22;--wash:#0d1117;--line:#30363d;--accent:#7ab1ff;--good:#56d364;--bad:#ff8f8a}}
*{box-sizing:border-box}
body{margin:0;background:var(--wash);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:38rem;margin:0 auto;padding:clamp(1rem,6vh,5rem) 1rem 3rem}
main.wide{max-width:60rem}
.card{background:var(--paper);border:1px solid var(--line);border-radius:12px;padding:clamp(1.1rem,4vw,2rem)}
.brand{color:var(--soft);font-size:.9rem;margin:0 0 1rem;letter-spacing:.02em}
h1{font-size:1.45rem;line-height:1.25;margin:0 0 .6rem}
h2{font-size:1.05rem;margin:1.6rem 0 .4rem}
p{margin:.6rem 0}
.soft{color:var(--soft)}
.mark{display:inline-flex;align-items:center;justify-content:center;width:2.4rem;height:2.4rem;border-radius:50%;font-size:1.3rem;margin-bottom:.8rem;border:2px solid currentColor}
.good{color:var(--good)}.bad{color:var(--bad)}
a{color:var(--accent)}
a:focus-visible,pre:focus-visible,.scroll:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:4px}
.button{display:inline-block;background:var(--accent);color:var(--paper);text-decoration:none;padding:.6rem 1.1rem;border-radius:8px;font-weight:600;margin:.4rem .6rem .4rem 0}
.button.plain{background:transparent;color:var(--accent);border:1px solid var(--accent)}
dl{display:grid;grid-template-columns:auto 1fr;gap:.3rem 1rem;margin:1rem 0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
code,pre{font:.88em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
code{background:var(--wash);border:1px solid var(--line);border-radius:5px;padding:.05em .35em;overflow-wrap:anywhere;-webkit-box-decoration-break:clone;box-decoration-break:clone}
pre{background:var(--wash);border:1px solid var(--line);border-radius:8px;padding:.8rem;overflow-x:auto}
pre code{border:0;padding:0;background:none;overflow-wrap:normal}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{text-align:left;padding:.45rem .6rem .45rem 0;border-bottom:1px solid var(--line);vertical-align:top}
td code{overflow-wrap:normal}
tr:target{background:var(--wash);box-shadow:-.5rem 0 var(--wash)}
.next{border-left:3px solid var(--line);padding-left:.8rem}
@media (max-width:32rem){table{font-size:.82rem}th,td{padding-right:.4rem}dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}.button{display:block;text-align:center;margin-right:0}}
`;

/** Served at /style.css: the Content-Security-Policy allows no inline style. */
export const stylesheet = style;

export function page({ title, body }: PageFrame, width: "" | "wide" = ""): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} · Behalf</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css">
</head>
<body>
<main class="${width}">
<p class="brand">Behalf</p>
<div class="card">
${body}
</div>
</main>
</body>
</html>`;
}
