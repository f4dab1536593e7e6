// The door of `/v1`: authenticate, authorise, parse, do it once, answer. One handler for every row of the route table.
import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono } from "hono";
import type { z } from "zod";
import { answerOnce, type RecordedAnswer } from "../../flows/answer-once.ts";
import { authenticate } from "../../flows/authenticate.ts";
import type { House } from "../../flows/house.ts";
import { mayAdminister, mayUse, type Principal } from "../../rules/policy.ts";
import { Refusal } from "../../rules/refusal.ts";
import { traceIdOf } from "../../rules/trace.ts";
import { addressOf } from "../address.ts";
import { parseJson, readBytes } from "../body.ts";
import { newOccasion, type Occasion, problemAnswer, refusalOf, type WireAnswer } from "../problem.ts";
import type { AboutRequest, Route, RouteAnswer } from "./route.ts";
import { type StreamedAnswer, send, sendStream } from "./sending.ts";

const jsonHeaders = { "cache-control": "no-store", "content-type": "application/json" } as const;

/** Secrets shown once: never replayed under an Idempotency-Key. */
const shownOnce = ["token"];

export function mountApi(house: House, routes: readonly Route[]): Hono {
  const app = new Hono({ strict: true });
  for (const row of routes) {
    app.on(row.method, honoPath(row.path), async (context) => respond(house, row, context));
  }
  for (const path of new Set(routes.map((row) => row.path))) {
    const methods = routes.filter((row) => row.path === path).map((row) => row.method);
    app.all(honoPath(path), () => {
      const occasion = newOccasion(house);
      return send(problemAnswer(wrongMethod(methods), occasion), occasion);
    });
  }
  return app;
}

function honoPath(template: string): string {
  return template.replaceAll(/\{(\w+)\}/g, ":$1");
}

function wrongMethod(allow: readonly string[]): Refusal {
  return new Refusal("method_not_allowed", {
    allow,
    next: { action: "fix_request", detail: `Use ${allow.join(" or ")}.` },
  });
}

async function respond(house: House, row: Route, context: Context): Promise<Response> {
  const occasion = newOccasion(house);
  try {
    const answer = await admitted(house, row, { context, occasion });
    return "stream" in answer ? sendStream(answer, occasion) : send(answer, occasion);
  } catch (error) {
    return send(problemAnswer(refusalOf(error, occasion), occasion), occasion);
  }
}

interface Call {
  readonly context: Context;
  readonly occasion: Occasion;
}

async function admitted(house: House, row: Route, call: Call): Promise<WireAnswer | StreamedAnswer> {
  const { context, occasion } = call;
  const { req } = context;
  const principal = await authenticate(house, {
    authorization: req.header("authorization"),
    project: req.header("behalf-project"),
    address: addressOf(house, context.env as Partial<HttpBindings>),
  });
  authorise(row, principal);
  demandWellEncoded(req.url);
  // Read before parsing: what a key stands for is the bytes.
  const bytes = row.method === "GET" ? new Uint8Array() : await readBytes(req.raw);
  const run = async (): Promise<RouteAnswer> =>
    row.run({
      house,
      principal,
      about: aboutOf(house, call),
      params: parsed(row.params, context.req.param(), "the path"),
      query: parsed(row.query, singleValues(new URL(req.url).searchParams), "the query"),
      body: parsed(row.body, parseJson(bytes, req.header("content-type") ?? null), "the body"),
    });
  const key = req.header("idempotency-key");
  if (key !== undefined && row.method !== "GET") {
    const work = async (): Promise<RecordedAnswer> => recordedOf(await run());
    return once(house, { principal, occasion, bytes, key, context, work });
  }
  const answer = await run();
  if (answer.stream !== undefined) return { stream: answer.stream, contentType: row.produces ?? "text/plain" };
  return wireOf(recordedOf(answer));
}

function aboutOf(house: House, { context, occasion }: Call): AboutRequest {
  const { req } = context;
  return {
    requestId: occasion.requestId,
    lastEventId: req.header("last-event-id") ?? null,
    traceId: traceIdOf(req.header("traceparent")),
    address: addressOf(house, context.env as Partial<HttpBindings>),
    // Made only for those that wait: each hangs on a signal that lives as long as the server.
    get signal() {
      return AbortSignal.any([req.raw.signal, house.ending]);
    },
  };
}

function authorise(row: Route, principal: Principal): void {
  const verdicts = [
    mayUse(principal, row.scope),
    ...(row.judgesAccess === true ? [] : [mayAdminister(principal.limits, row.method)]),
  ];
  for (const verdict of verdicts) {
    if (verdict.kind === "allow") continue;
    throw new Refusal(verdict.code, {
      detail: verdict.detail,
      next: { action: "use_other_token", detail: `Use a token with the scope "${row.scope}" that may do this.` },
    });
  }
}

interface KeyedCall {
  readonly principal: Principal;
  readonly occasion: Occasion;
  readonly bytes: Uint8Array;
  readonly key: string;
  readonly context: Context;
  readonly work: () => Promise<RecordedAnswer>;
}

async function once(house: House, call: KeyedCall): Promise<WireAnswer> {
  const { principal, occasion, bytes, key, context, work } = call;
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw new Refusal("invalid_request", {
      detail: "An Idempotency-Key has 1 to 255 visible ASCII characters.",
      next: { action: "fix_request", detail: "Send one key of your own, for example a UUID." },
    });
  }
  const { pathname, search } = new URL(context.req.url);
  const { answer, replayed } = await answerOnce(house, principal, {
    write: { key, method: context.req.method, path: pathname + search, body: bytes },
    work: {
      run: work,
      refused(refusal) {
        const { status, body, headers } = problemAnswer(refusal, occasion);
        return { status, body, contentType: headers["content-type"] ?? "" };
      },
      withoutSecrets,
    },
  });
  const wire = wireOf(answer);
  return replayed ? { ...wire, headers: { ...wire.headers, "idempotency-replayed": "true" } } : wire;
}

function withoutSecrets(answer: RecordedAnswer): RecordedAnswer {
  if (answer.body === "") return answer;
  const members = Object.entries(JSON.parse(answer.body) as Record<string, unknown>);
  return { ...answer, body: JSON.stringify(Object.fromEntries(members.filter(([name]) => !shownOnce.includes(name)))) };
}

function recordedOf(answer: RouteAnswer): RecordedAnswer {
  return {
    status: answer.status,
    body: answer.body === undefined ? "" : JSON.stringify(answer.body),
    contentType: "application/json",
  };
}

function wireOf(answer: RecordedAnswer): WireAnswer {
  const { "content-type": _, ...bare } = jsonHeaders;
  const headers = answer.body === "" ? bare : { ...jsonHeaders, "content-type": answer.contentType };
  return { status: answer.status, body: answer.body, headers };
}

/** Broken escapes would pass as the text they are written in, and so meet the identifier that really is that text. */
function demandWellEncoded(url: string): void {
  if (isWellEncoded(url)) return;
  throw new Refusal("invalid_request", {
    detail: "The path or the query is not well percent-encoded UTF-8 without NUL.",
    next: { action: "fix_request", detail: "Percent-encode each segment and each value once, as UTF-8." },
  });
}

function isWellEncoded(url: string): boolean {
  try {
    return !decodeURIComponent(url).includes("\0");
  } catch {
    return false;
  }
}

function singleValues(query: URLSearchParams): Record<string, string> {
  const names = [...query.keys()];
  if (new Set(names).size !== names.length) {
    throw new Refusal("invalid_request", {
      detail: "A query parameter came twice.",
      next: { action: "fix_request", detail: "Send each parameter once." },
    });
  }
  return Object.fromEntries(query);
}

function parsed(schema: z.ZodType, value: unknown, where: string): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = result.error.issues
    .slice(0, 20)
    .map((issue) => ({ path: issue.path.join("."), message: publicMessage(issue) }));
  throw new Refusal("invalid_input", {
    detail: `Something in ${where} does not fit.`,
    errors,
    next: { action: "fix_input", detail: "Correct what `errors` names; /openapi.json has the schema." },
  });
}

// Names of unknown members are the caller's own words: they may be long or hostile, so they are not repeated.
function publicMessage(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys")
    return `has ${issue.keys.length} unknown member${issue.keys.length === 1 ? "" : "s"}`;
  return issue.message.slice(0, 300);
}
