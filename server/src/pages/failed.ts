// What a person sees when it did not work: what happened, and what to do.
import { html } from "hono/html";
import { type RefusalCode, refusals } from "../rules/refusal.ts";
import { type Html, page } from "./layout.ts";

export interface FailedView {
  readonly code: RefusalCode;
  readonly detail: string;
  readonly next: string;
  readonly requestId: string;
}

/** The catalogue speaks to programmers; here somebody has just pressed a button. */
const titles: { readonly [Code in RefusalCode]?: string } = {
  forbidden: "Not connected",
  account_mismatch: "Another person is connected here",
  connection_misconfigured: "The application is set up wrongly",
  upstream_unavailable: "The provider did not answer",
  upstream_timeout: "The provider did not answer",
};

export function failedPage(view: FailedView): Html {
  const title = titles[view.code] ?? refusals[view.code].title;
  return page({
    title,
    body: html`<div class="mark bad" aria-hidden="true">!</div>
<h1>${title}</h1>
<p>${view.detail}</p>
<p class="next"><strong>What to do:</strong> ${view.next}</p>
<p class="soft">If you ask for help, mention <code>${view.code}</code> and <code>${view.requestId}</code>.</p>`,
  });
}
