// The API reference, made from the OpenAPI document: contents, every operation, its input, an example, its answers. Without script.
import { html } from "hono/html";
import { type RefusalCode, refusals } from "../rules/refusal.ts";
import type { Html } from "./layout.ts";
import { curlOf } from "./reference-curl.ts";
import type {
  ApiDocument,
  MediaObject,
  OperationObject,
  ParameterObject,
  ResponseObject,
  SchemaObject,
} from "./reference-document.ts";
import { notesOf, rowsOf, type SchemaRow, typeOf } from "./reference-schema.ts";

interface Entry {
  readonly path: string;
  /** As it is shown: one, or all that behave alike. */
  readonly methods: string;
  readonly method: string;
  readonly operation: OperationObject;
}

function entriesOf(document: ApiDocument): Entry[] {
  return Object.entries(document.paths).flatMap(([path, operations]) => {
    const all = Object.entries(operations);
    const [first] = all;
    if (first !== undefined && first[1]["x-any-method"] === true)
      return [{ path, methods: "ANY", method: first[0], operation: first[1] }];
    return all.map(([method, operation]) => ({ path, methods: method.toUpperCase(), method, operation }));
  });
}

/** A sentence with its `code` marked up. */
function prose(text: string): Html[] {
  return text.split("`").map((part, at) => (at % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));
}

/** Long paths break behind a slash. */
function breakable(path: string): Html[] {
  return path.split(/(?<=\/)/).map((part) => html`${part}<wbr>`);
}

interface Tag {
  readonly name: string;
  readonly description: string;
  readonly entries: readonly Entry[];
}

/** Folded on a telephone; where there is room the stylesheet shows it all the same. */
function contents(tags: readonly Tag[]): Html {
  return html`<nav class="contents" aria-label="Contents"><details><summary>Contents</summary>
${tags.map(
  ({ name, entries }) =>
    html`<h2>${name}</h2><ul>${entries.map(
      ({ operation, methods, path }) =>
        html`<li><a href="#${operation.operationId}"><span class="method">${methods}</span>${breakable(path)}</a></li>`,
    )}</ul>`,
)}
</details></nav>`;
}

export function referencePage(document: ApiDocument): Html {
  const [server] = document.servers;
  const origin = server?.url ?? "";
  const entries = entriesOf(document);
  const tags: Tag[] = document.tags.map(({ name, description }) => ({
    name,
    description,
    entries: entries.filter(({ operation }) => operation.tags.includes(name)),
  }));
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>API reference · Behalf</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css">
<link rel="stylesheet" href="/docs.css">
</head>
<body>
<main class="reference">
<header class="reference-head">
<a class="skip" href="#operations">Skip the contents</a>
<p class="brand"><a href="/">Behalf</a> ${document.info.version}</p>
<h1>API reference</h1>
<p>Calls go to <code>${origin}</code> with <code>Authorization: Bearer</code> and a gateway token; the token says which project. Bodies are JSON, times are ISO 8601 in UTC. Lists take <code>limit</code> and <code>cursor</code>. Writes take an <code>Idempotency-Key</code>.</p>
<p>Every refusal is a problem (RFC 9457) with a <code>code</code> from the <a href="/errors">catalogue</a>, what to do <code>next</code>, and the <code>request_id</code>. The same description for machines: <a href="/openapi.json">openapi.json</a>.</p>
</header>
<div class="columns">
${contents(tags)}
<div id="operations">
${tags.map(
  ({ name, description, entries: own }) => html`<section class="tag" aria-labelledby="tag-${name}">
<h2 id="tag-${name}">${name}</h2>
<p class="soft">${prose(description)}</p>
${own.map((entry) => article(entry, origin))}
</section>`,
)}
</div>
</div>
</main>
</body>
</html>`;
}

function article({ path, methods, method, operation }: Entry, origin: string): Html {
  const { operationId, summary, description, parameters, requestBody, responses } = operation;
  return html`<article class="operation" id="${operationId}" aria-labelledby="${operationId}-name">
<h3 id="${operationId}-name"><a href="#${operationId}"><span class="method">${methods}</span>${breakable(path)}</a></h3>
<p>${prose(summary)}</p>
<p class="soft">${prose(description)}</p>
${parameters.length === 0 ? "" : parameterTable(parameters)}
${Object.entries(requestBody?.content ?? {}).map(([type, media]) => bodyPart(type, media))}
<h4>Example</h4>
<pre tabindex="0" role="region" aria-label="Example of ${methods} ${path}"><code>${curlOf({ origin, method, path, operation })}</code></pre>
${answersPart(responses)}
</article>`;
}

function parameterTable(parameters: readonly ParameterObject[]): Html {
  return html`<h4>Parameters</h4>
<div class="scroll"><table><thead><tr><th scope="col">Name</th><th scope="col">In</th><th scope="col">What</th></tr></thead>
<tbody>${parameters.map(
    (one) =>
      html`<tr><td><code>${one.name}</code>${need(one.required)}</td><td>${one.in}</td><td>${typeOf(one.schema)}${about(
        one.description,
        notesOf(one.schema),
      )}</td></tr>`,
  )}</tbody></table></div>`;
}

function need(required: boolean): Html {
  return required ? html` <span class="need">required</span>` : html``;
}

function about(description: string | undefined, notes: readonly string[]): Html {
  const said = [
    ...(description === undefined ? [] : prose(description)),
    ...(description && notes.length > 0 ? [html` · `] : []),
  ];
  return said.length === 0 && notes.length === 0
    ? html``
    : html`<span class="about">${said}${notes.join(" · ")}</span>`;
}

function bodyPart(type: string, { schema }: MediaObject): Html {
  if (schema === undefined) return html`<h4>Body</h4><p>Whatever upstream takes, streamed.</p>`;
  return html`<h4>Body <span class="soft">${type}</span></h4>${schemaTable(schema, "ask")}`;
}

function schemaTable(schema: SchemaObject, side: "ask" | "answer"): Html {
  const rows = rowsOf(schema);
  if (rows.length === 0) return html`<p>An object.</p>`;
  return html`<div class="scroll"><table><thead><tr><th scope="col">Member</th><th scope="col">What</th></tr></thead>
<tbody>${rows.map((row) => schemaRow(row, side))}</tbody></table></div>`;
}

/** What has to be sent is worth a word; of an answer, what may be missing. */
function schemaRow({ name, type, required, description, notes }: SchemaRow, side: "ask" | "answer"): Html {
  const mark = side === "ask" ? need(required) : required ? html`` : html` <span class="soft">may be missing</span>`;
  return html`<tr><td>${name === "" ? "the whole" : html`<code>${name}</code>${mark}`}</td><td>${type}${about(description, notes)}</td></tr>`;
}

function answersPart(responses: OperationObject["responses"]): Html {
  const all = Object.entries(responses);
  const isRefusal = ([, { description }]: readonly [string, ResponseObject]): boolean =>
    description.split(", ").every((code) => Object.hasOwn(refusals, code));
  const fine = all.filter((one) => !isRefusal(one));
  const refused = all.filter(isRefusal);
  return html`<h4>Answers</h4>
${fine.map(([status, answer]) => goodAnswer(status, answer))}
${
  refused.length === 0
    ? ""
    : html`<details><summary>Refusals</summary>
<div class="scroll"><table><thead><tr><th scope="col">Status</th><th scope="col">Codes</th></tr></thead>
<tbody>${refused.map(([status, { description }]) => refusalRow(status, description.split(", ") as RefusalCode[]))}</tbody></table></div></details>`
}`;
}

function goodAnswer(status: string, { description, content = {} }: ResponseObject): Html {
  if (status === "default") return html`<p>${prose(description)}</p>`;
  const [entry] = Object.entries(content);
  const title = html`${status} ${prose(description)}`;
  return entry === undefined ? html`<p>${title}</p>` : answerWithBody(title, entry);
}

function answerWithBody(title: Html, [type, media]: readonly [string, MediaObject]): Html {
  const each = media["x-item-schema"];
  const shape = each ?? media.schema;
  const kind = html` <span class="soft">${type}${each === undefined ? "" : ", each event's data"}</span>`;
  if (shape === undefined || shape.type === "string") return html`<p>${title}${kind}</p>`;
  return html`<details><summary>${title}${kind}</summary>
${schemaTable(shape, "answer")}
${media.example === undefined ? "" : html`<pre tabindex="0" role="region" aria-label="Example of the answer"><code>${JSON.stringify(media.example, null, 2)}</code></pre>`}</details>`;
}

function refusalRow(status: string, codes: readonly RefusalCode[]): Html {
  return html`<tr><td>${status}</td><td class="codes">${codes.map((code) => html`<a href="/errors#${code}" title="${refusals[code].title}">${code}</a> `)}</td></tr>`;
}
