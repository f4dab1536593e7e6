// The catalogue of refusals as a page: where the `type` of every problem leads.
import { html } from "hono/html";
import { refusals } from "../rules/refusal.ts";
import { type Html, page } from "./layout.ts";

/** A code may break after its underscores, so that a telephone shows it whole. */
function breakable(code: string): readonly Html[] {
  return code.split(/(?<=_)/).map((part) => html`${part}<wbr>`);
}

export function errorsPage(): Html {
  return page(
    {
      title: "Errors",
      body: html`<h1>Errors</h1>
<p>Every refusal carries a <code>code</code>, a sentence, and in <code>next</code> what to do about it.</p>
<div class="scroll" tabindex="0" role="region" aria-label="All codes"><table>
<thead><tr><th scope="col">Code</th><th scope="col">Status</th><th scope="col">Meaning</th></tr></thead>
<tbody>${Object.entries(refusals).map(([code, entry]) => html`<tr id="${code}"><td><code>${breakable(code)}</code></td><td>${entry.status}</td><td>${entry.title}</td></tr>`)}</tbody>
</table></div>`,
    },
    "wide",
  );
}
