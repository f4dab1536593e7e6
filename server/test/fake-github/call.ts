// What a REST route receives, what it answers, and the refusals it may throw.

import type { Ask } from "./exchange.ts";
import { isRecord } from "./exchange.ts";
import type { Account, Actor, Token } from "./model.ts";
import type { World } from "./world.ts";

export interface Route {
  method: string;
  /** With {names}; a last {path} or {ref} takes all that follows. Also the key of the permission table. */
  path: string;
  /** Page and anchor under https://docs.github.com/rest/. */
  docs: string;
  /** X-Accepted-OAuth-Scopes, as recorded; default "". */
  scopes?: string;
  handle(call: Call): Answer;
}

export interface Answer {
  status: number;
  json?: unknown;
  raw?: { type: string; data: Buffer };
  headers?: Record<string, string>;
  lastModified?: number;
  /** Searches say no-cache and carry no ETag (recorded). */
  uncached?: boolean;
  /** Archive redirects come from another service: no scopes, no media type (recorded). */
  foreign?: boolean;
}

export interface Media {
  /** raw, html, object, diff, patch, or null for plain JSON. */
  param: string | null;
  header: string;
}

export interface Call {
  world: World;
  ask: Ask;
  actor: Actor;
  route: Route;
  method: string;
  params: Record<string, string>;
  query: URLSearchParams;
  media: Media;
  version: string;
  /** Path Link headers are built on: GitHub writes /repositories/{id} there. */
  linkPath: string;
  now: number;
}

export class Failure extends Error {
  readonly status: number;
  readonly body: Record<string, unknown> | null;
  readonly headers: Record<string, string>;

  constructor(status: number, body: Record<string, unknown> | null, headers: Record<string, string> = {}) {
    super(`GitHub would answer ${status}`);
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

const DOCS = "https://docs.github.com/rest";

/** Message, documentation_url, status: the shape of every REST error (github-facts 3.9). */
export function failure(status: number, message: string, docs = "", headers: Record<string, string> = {}): Failure {
  const url = docs.startsWith("https://") ? docs : `${DOCS}${docs === "" ? "" : `/${docs}`}`;
  return new Failure(status, { message, documentation_url: url, status: String(status) }, headers);
}

export function notFound(call: Pick<Call, "route">): Failure {
  return failure(404, "Not Found", call.route.docs);
}

export interface FieldError {
  resource: string;
  field?: string;
  code: string;
  message?: string;
  value?: unknown;
}

export function invalid(call: Call, ...errors: FieldError[]): Failure {
  return new Failure(422, {
    message: "Validation Failed",
    errors,
    documentation_url: `${DOCS}/${call.route.docs}`,
    status: "422",
  });
}

/** "Invalid request." texts name the missing field in quotes. */
export function notSupplied(call: Call, field: string): Failure {
  return failure(422, `Invalid request.\n\n"${field}" wasn't supplied.`, call.route.docs);
}

export function jsonBody(call: Call): Record<string, unknown> {
  if (call.ask.body.length === 0) return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(call.ask.body.toString("utf8"));
  } catch {
    throw failure(400, "Problems parsing JSON", call.route.docs);
  }
  if (!isRecord(parsed)) throw failure(400, "Body should be a JSON object", call.route.docs);
  return parsed;
}

/** A text field, undefined when absent or null; another type is GitHub's 422 for a schema mismatch. */
export function textField(call: Call, body: Record<string, unknown>, field: string): string | undefined {
  const value = body[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  throw failure(
    422,
    `Invalid request.\n\nFor 'properties/${field}', ${JSON.stringify(value)} is not a string.`,
    call.route.docs,
  );
}

export function signedIn(call: Call): { user: Account; token: Token } {
  if (call.actor.kind === "user") return call.actor;
  throw failure(401, "Requires authentication", call.route.docs);
}

export function json(status: number, body: unknown, more: Omit<Answer, "status" | "json"> = {}): Answer {
  return { status, json: body, ...more };
}

export function page<T>(call: Call, items: T[], shape: (item: T) => unknown): Answer {
  const { slice, headers } = cut(call, items);
  return { status: 200, json: slice.map(shape), headers };
}

/** per_page 1..100 (30), page from 1, Link in the order GitHub writes it: prev, next, last, first. */
export function cut<T>(call: Call, items: T[], perPageDefault = 30): { slice: T[]; headers: Record<string, string> } {
  const perPage = Math.min(100, positive(call.query.get("per_page"), perPageDefault));
  const current = positive(call.query.get("page"), 1);
  const last = Math.max(1, Math.ceil(items.length / perPage));
  const links: string[] = [];
  const link = (target: number, rel: string): void => {
    const query = new URLSearchParams(call.query);
    query.set("page", String(target));
    links.push(`<${call.world.origins.api}${call.linkPath}?${query.toString()}>; rel="${rel}"`);
  };
  if (current > 1) link(Math.min(current - 1, last), "prev");
  if (current < last) link(current + 1, "next");
  if (current < last) link(last, "last");
  if (current > 1) link(1, "first");
  const slice = items.slice((current - 1) * perPage, current * perPage);
  return { slice, headers: links.length === 0 ? {} : { Link: links.join(", ") } };
}

function positive(text: string | null, fallback: number): number {
  const value = Number.parseInt(text ?? "", 10);
  return Number.isInteger(value) && value > 0 ? value : fallback;
}
