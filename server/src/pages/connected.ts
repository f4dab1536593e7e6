// What a person sees after saying yes.
import { html } from "hono/html";
import { type Html, page } from "./layout.ts";

export interface ConnectedView {
  readonly provider: string;
  readonly login: string | null;
  /** Null where installing does not apply, or is not known. */
  readonly installations:
    | readonly { readonly account: string; readonly repository_selection: "all" | "selected" }[]
    | null;
  readonly installUrl: string | null;
  readonly checkAgainUrl: string | null;
  readonly returnUrl: string | null;
}

export function connectedPage(view: ConnectedView): Html {
  const missing = view.installations?.length === 0;
  const who = view.login === null ? html`` : html` as <strong>${view.login}</strong>`;
  return page({
    title: `${view.provider} connected`,
    body: html`<div class="mark good" aria-hidden="true">✓</div>
<h1>${view.provider} connected</h1>
<p>You are connected${who}. The application can now act for you; it never sees your password or token.</p>
${missing ? notInstalled(view) : places(view)}
${ending(view, missing)}`,
  });
}

function ending(view: ConnectedView, missing: boolean): Html {
  if (view.returnUrl !== null)
    return html`<p><a class="button${missing ? " plain" : ""}" href="${view.returnUrl}">Continue</a></p>`;
  return missing ? html`` : html`<p class="soft">You can close this tab.</p>`;
}

function places(view: ConnectedView): Html {
  if (view.installations === null) return html``;
  return html`<h2>Where it may work</h2>
<dl>${view.installations.map((place) => html`<dt>${place.account}</dt><dd>${place.repository_selection === "all" ? "all repositories" : "selected repositories"}</dd>`)}</dl>`;
}

function notInstalled(view: ConnectedView): Html {
  return html`<h2>One step is left</h2>
<p>The GitHub App is not installed anywhere you can reach, so nothing can be seen or done yet.</p>
<p>${
    view.installUrl === null
      ? html`Ask whoever runs the application where to install its GitHub App.`
      : html`<a class="button" href="${view.installUrl}">Install the GitHub App</a>`
  }
${view.checkAgainUrl === null ? html`` : html`<a class="button plain" href="${view.checkAgainUrl}">I have installed it: check again</a>`}</p>`;
}
