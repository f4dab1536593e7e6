// What a person sees when it did not work: what happened, and what to do.
import { html } from "hono/html";
import { type Html, page } from "./layout.ts";

export interface FailedView {
  readonly title: string;
  readonly detail: string;
  readonly next: string;
  readonly requestId: string;
}

export function failedPage(view: FailedView): Html {
  return page({
    title: view.title,
    body: html`<div class="mark bad" aria-hidden="true">!</div>
<h1>${view.title}</h1>
<p>${view.detail}</p>
<p><strong>What to do:</strong> ${view.next}</p>
<p class="soft">If you ask for help, mention <code>${view.requestId}</code>.</p>`,
  });
}
