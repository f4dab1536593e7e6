// Walks the way a call through an endpoint would take and says what happens at each step; calls upstream only when asked to.
import type * as Wire from "@behalf/sdk";
import { freshness } from "../rules/account.ts";
import { projectOf } from "../rules/caller.ts";
import { endpointHeaders } from "../rules/endpoint.ts";
import { resourceOf } from "../rules/headroom.ts";
import { isReadMethod, type Principal } from "../rules/policy.ts";
import { Refusal } from "../rules/refusal.ts";
import { unusable } from "../rules/unusable.ts";
import type { EndpointRow } from "../store/gateway-rows.ts";
import type { AccountRow, ConnectionRow } from "../store/schema.ts";
import type { House } from "./house.ts";
import { admitted } from "./steps/admit.ts";
import { borrow } from "./steps/borrow.ts";
import { connectionOf, endpointAccount, endpointNamed, headerRulesOf, livingEndpoint } from "./steps/endpoint-parts.ts";
import { endpointUrl } from "./steps/endpoint-view.ts";
import { demandMethod, demandReach, wayOf } from "./steps/endpoint-way.ts";
import { demandHeadroom } from "./steps/headroom.ts";
import { type CallFacts, type CallNote, type Noting, noted } from "./steps/noted.ts";
import { upstreamFailure } from "./steps/upstream-failure.ts";

type Needs = Noting &
  Pick<
    House,
    "store" | "vault" | "forward" | "presets" | "mayReach" | "origin" | "background" | "ephemeral" | "headroom"
  >;

export interface EndpointTestAsk {
  readonly name: string;
  readonly method: string;
  /** Below the endpoint, with its query. */
  readonly path: string;
  readonly call: boolean;
  readonly signal: AbortSignal;
  readonly facts: Pick<CallFacts, "requestId" | "traceId" | "address">;
}

interface Subject {
  readonly needs: Needs;
  readonly principal: Principal;
  readonly ask: EndpointTestAsk;
  readonly endpoint: EndpointRow;
  readonly connection: ConnectionRow;
}

type Step = readonly [name: string, look: (subject: Subject) => Promise<string> | string];

const steps: readonly Step[] = [
  [
    "endpoint",
    async ({ needs, endpoint }) => {
      await livingEndpoint(needs, endpoint.project_id, endpoint.slug);
      return `The endpoint ${endpoint.slug} is active.`;
    },
  ],
  [
    "method",
    ({ endpoint, ask }) => {
      demandMethod(endpoint, ask.method);
      return `${ask.method} is allowed.`;
    },
  ],
  [
    "path",
    ({ needs, principal, ask, endpoint, connection }) => {
      demandReach(needs, principal, { call: { method: ask.method, target: ask.path }, endpoint, connection });
      return "The path stays below the upstream, and your token may make this call.";
    },
  ],
  ["limits", ({ endpoint }) => limitsOf(endpoint)],
  [
    "account",
    async (subject) => {
      const account = await accountFor(subject);
      return `The account ${JSON.stringify(account.identifier)} of ${subject.connection.name} is connected.`;
    },
  ],
  ["credential", async (subject) => credentialWords(await accountFor(subject), subject.needs.now())],
  [
    "address",
    ({ needs, endpoint }) => {
      if (needs.mayReach(new URL(endpoint.upstream_url)))
        return "The upstream's name is allowed; its address is checked when the connection is made.";
      throw new Refusal("upstream_blocked", {
        detail: "The address of the upstream is not one that may be called.",
        next: { action: "contact_operator", detail: "The operator can allow it with BEHALF_ALLOW_UPSTREAM." },
      });
    },
  ],
];

export async function testEndpoint(
  needs: Needs,
  principal: Principal,
  ask: EndpointTestAsk,
): Promise<Wire.EndpointTest> {
  if (ask.call && !isReadMethod(ask.method)) {
    throw new Refusal("invalid_input", {
      detail: "A test calls upstream with reading methods only.",
      errors: [{ path: "call", message: "needs the method GET, HEAD or OPTIONS" }],
      next: { action: "fix_input", detail: "Test writes without `call`." },
    });
  }
  const endpoint = await endpointNamed(needs, projectOf(principal), ask.name);
  const subject = { needs, principal, ask, endpoint, connection: await connectionOf(needs, endpoint) };
  const taken: Wire.EndpointTestStep[] = [];
  for (const [step, look] of steps) {
    const outcome = await outcomeOf(async () => look(subject));
    taken.push({ step, ...outcome });
    if (!outcome.ok) return { ok: false, steps: taken, request: null, answer: null };
  }
  const request = requestOf(subject);
  if (!ask.call) return { ok: true, steps: taken, request, answer: null };
  const { outcome, answer } = await called(subject);
  return { ok: outcome.ok, steps: [...taken, { step: "call", ...outcome }], request, answer };
}

type TestAnswer = NonNullable<Wire.EndpointTest["answer"]>;
type Outcome = { readonly ok: boolean; readonly detail: string };

async function outcomeOf(look: () => Promise<string>): Promise<Outcome> {
  try {
    return { ok: true, detail: await look() };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { detail, next } = error.context;
    return { ok: false, detail: [`${error.message} (${error.code}).`, detail, next?.detail].filter(Boolean).join(" ") };
  }
}

function limitsOf({ rate_limit_per_minute, rate_limit_per_hour }: EndpointRow): string {
  const words = [
    ...(rate_limit_per_minute === null ? [] : [`${rate_limit_per_minute} calls a minute`]),
    ...(rate_limit_per_hour === null ? [] : [`${rate_limit_per_hour} calls an hour`]),
  ];
  return words.length === 0 ? "The endpoint has no limit of its own." : `The endpoint allows ${words.join(" and ")}.`;
}

async function accountFor({ needs, principal, endpoint, connection }: Subject): Promise<AccountRow> {
  const account = await endpointAccount(needs, principal, { endpoint, connection });
  if (account.status !== "ACTIVE") throw unusable(account, connection.name, needs.origin);
  return account;
}

function credentialWords(account: AccountRow, now: number): string {
  if (freshness(account, now) === "fresh") return "The token is fresh.";
  return account.refresh_digest === null
    ? "The token is near its end and cannot be refreshed."
    : "The token is near its end: the call would refresh it first.";
}

const shownAs = "[sealed]";

/** What upstream would get from a caller that sends no headers of its own. */
function requestOf({ needs, ask, endpoint }: Subject): NonNullable<Wire.EndpointTest["request"]> {
  const { base, target } = wayOf(endpoint, { prefix: "", target: ask.path }, needs.origin);
  const names = JSON.parse(endpoint.inject_names) as string[];
  const headers = [...names.map((name) => [name, shownAs] as const), ["authorization", "Bearer [masked]"] as const];
  return { method: ask.method, url: base + target, headers };
}

async function called(
  subject: Subject,
): Promise<{ readonly outcome: Outcome; readonly answer: Wire.EndpointTest["answer"] }> {
  let answer: Wire.EndpointTest["answer"] = null;
  const outcome = await outcomeOf(async () => {
    answer = await counted(subject);
    return `Upstream answered ${answer.status} after ${answer.milliseconds} ms.`;
  });
  return { outcome, answer };
}

/** A test that calls is a call like any other: counted against every limit, and written in the log. */
async function counted(subject: Subject): Promise<TestAnswer> {
  const { needs, principal, ask, endpoint } = subject;
  const path = new URL(endpointUrl(needs.origin, endpoint)).pathname + ask.path;
  const facts = { ...ask.facts, surface: "endpoint", method: ask.method, path } as const;
  return noted(needs, principal, {
    facts,
    signal: ask.signal,
    work: async (note) => {
      note.endpoint = endpoint.slug;
      return admitted(needs, principal, { endpoint, note, work: async () => call(subject, note) });
    },
  });
}

async function call(subject: Subject, note: CallNote): Promise<TestAnswer> {
  const { needs, principal, ask, endpoint, connection } = subject;
  const account = await accountFor(subject);
  note.resolved = { connection, account };
  const asked = { method: ask.method, target: ask.path };
  const github = demandReach(needs, principal, { call: asked, endpoint, connection });
  if (github !== null) demandHeadroom(needs, account, resourceOf(github));
  const lent = await borrow(needs, { connection, account });
  note.lent = lent;
  const { base, target } = wayOf(endpoint, { prefix: "", target: ask.path }, needs.origin);
  const headers = endpointHeaders(["user-agent", "behalf", "accept", "*/*"], headerRulesOf(needs, endpoint));
  const started = needs.elapsed();
  const answer = await needs.forward({
    base,
    method: ask.method,
    target,
    headers,
    body: null,
    credential: lent.credential,
    timeoutMs: endpoint.timeout_seconds * 1000,
    signal: ask.signal,
    meter: note,
  });
  note.upstreamMs = needs.elapsed() - started;
  if (answer.kind === "failed") throw upstreamFailure(answer, false);
  answer.discard();
  note.upstreamStatus = answer.status;
  // As with any call: a 401 makes the vault ask the provider, so that the account says what is true.
  if (answer.status === 401) await needs.vault.doubt(lent);
  return {
    status: answer.status,
    milliseconds: Math.round(note.upstreamMs),
    content_type: valueOf(answer.headers, "content-type"),
    bytes: Number(valueOf(answer.headers, "content-length") ?? 0),
  };
}

function valueOf(raw: readonly string[], name: string): string | null {
  const at = raw.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === name);
  return at === -1 ? null : (raw[at + 1] ?? null);
}
