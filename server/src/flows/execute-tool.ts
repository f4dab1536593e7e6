// Runs a named tool as a person: checks the input and the caller's limits, lends a credential, calls GitHub once, says what came of it.
import { type GitHubRefusal, classify } from "../rules/github-answer.ts";
import { type Principal, mayCall } from "../rules/policy.ts";
import { Refusal } from "../rules/refusal.ts";
import { linkUrl, unusable } from "../rules/unusable.ts";
import type { AccountRow } from "../store/schema.ts";
import { type ToolRequest, requestOf } from "../tools/request.ts";
import type { Tool } from "../tools/tool.ts";
import type { GitHubAnswer } from "../upstream/github.ts";
import type { Failure } from "../upstream/exchange.ts";
import type { Hosts, Installation } from "../upstream/provider.ts";
import type { Lent } from "../vault/lend.ts";
import { borrow } from "./steps/borrow.ts";
import type { House } from "./house.ts";
import { knownTool } from "./steps/known-tool.ts";
import { resolveAccount } from "./steps/resolve-account.ts";
import { upstreamFailure } from "./steps/upstream-failure.ts";

type Needs = Pick<House, "store" | "vault" | "github" | "presets" | "now" | "newId" | "origin" | "background" | "checkInput" | "log">;

export interface ToolCall {
  readonly name: string;
  readonly connection?: string | undefined;
  readonly identifier?: string | undefined;
  readonly input: unknown;
  /** Groups the calls of one run in the caller's own words; logged. */
  readonly run_id?: string | undefined;
}

const timeoutMs = 30_000;

export async function executeTool(needs: Needs, principal: Principal, call: ToolCall) {
  const tool = knownTool(call.name);
  const checked = needs.checkInput(tool, call.input);
  if (checked.kind === "bad") {
    throw new Refusal("invalid_input", {
      detail: `The input does not fit the tool ${tool.name}.`,
      errors: checked.errors,
      next: { action: "fix_input", method: "GET", url: `${needs.origin}/v1/tools/${tool.name}`, detail: "The tool's input_schema says what fits." },
    });
  }
  const request = requestOf(tool, checked.input);
  const repository = request.repository ?? "none";
  const verdict = mayCall(principal.limits, { tool: tool.name, method: tool.method, changes: tool.changes, repository });
  if (verdict.kind === "refuse") {
    throw new Refusal(verdict.code, {
      detail: verdict.detail,
      next: { action: "use_other_token", detail: "Stay within the limits of this token, or ask for one that allows this." },
    });
  }
  const resolved = await resolveAccount(needs, principal, call);
  if (resolved === undefined && tool.needsAccount) throw accountNeeded();
  const execution_id = needs.newId("execution");
  const started = needs.now();
  const data =
    resolved === undefined
      ? await callAnonymously(needs, principal, { tool, request, call })
      : await callAs(needs, await borrow(needs, resolved), { tool, request });
  const { tokenId } = principal;
  needs.log.info("tool", { execution_id, tool: tool.name, token: tokenId, account: resolved?.account.id, run_id: call.run_id, ms: needs.now() - started });
  return { execution_id, data };
}

function accountNeeded(): Refusal {
  return new Refusal("invalid_input", {
    detail: "This tool acts as a person, and the call names nobody.",
    errors: [{ path: "identifier", message: "is needed, with `connection` where several connections exist" }],
    next: { action: "name_account", detail: "Send `connection` and `identifier`, or use a token bound to an account." },
  });
}

interface Prepared {
  readonly tool: Tool;
  readonly request: ToolRequest;
}

async function callAnonymously(needs: Needs, principal: Principal, { tool, request, call }: Prepared & { readonly call: ToolCall }) {
  const hosts = await anonymousHosts(needs, principal, call.connection);
  const { method, path, query } = request;
  const answer = await needs.github.call({ hosts, method, path, query, credential: null, timeoutMs });
  if (answer.kind === "failed") throw upstreamFailure(answer, tool.changes);
  const verdict = classify({ status: answer.status, headers: answer.headers, body: answer.json, changes: tool.changes, now: needs.now(), web: hosts.web });
  if (verdict.kind === "refused") throw new Refusal(verdict.code, verdict);
  return answer.json;
}

/** The hosts of the connection that is named, or of the project's only GitHub connection, else github.com. */
async function anonymousHosts(needs: Needs, principal: Principal, named: string | undefined): Promise<Hosts> {
  const kinds = needs.presets.filter((preset) => preset.kind === "github");
  const project = principal.projectId;
  const rows = project === null ? [] : await needs.store.connections.ofPreset(project, kinds.map((preset) => preset.name));
  const row = named === undefined ? (rows.length === 1 ? rows[0] : undefined) : rows.find((candidate) => candidate.name === named);
  const fallback = kinds.find((preset) => preset.hosts !== null)?.hosts;
  if (row !== undefined) return JSON.parse(row.hosts) as Hosts;
  if (named !== undefined || fallback == null) {
    throw new Refusal("not_found", {
      detail: "This project has no GitHub connection of that name.",
      next: { action: "list_connections", method: "GET", detail: "`GET /v1/connections` lists the connections of this project." },
    });
  }
  return fallback;
}

async function callAs(needs: Needs, lent: Lent, prepared: Prepared): Promise<unknown> {
  const { provider, connection } = lent;
  if (provider.preset.kind !== "github") {
    throw new Refusal("not_supported", {
      detail: "GitHub tools need an account of a GitHub connection.",
      next: { action: "name_account", detail: "Name an account of a connection with the preset github or github-app." },
    });
  }
  const first = await send(needs, lent, prepared);
  let used = lent;
  let answer = first;
  if (first.kind === "answer" && first.status === 401) {
    const doubt = await needs.vault.doubt(lent);
    if (doubt.kind === "stands") throw after401(needs, doubt.account, { connection: connection.name, answer: first, lent, prepared });
    // A 401 means that nothing was done: asking once more with the new credential repeats no write.
    used = doubt.loan;
    answer = await send(needs, used, prepared);
  }
  if (answer.kind === "failed") throw upstreamFailure(answer, prepared.tool.changes);
  const verdict = verdictOn(needs, { answer, lent: used, prepared });
  if (verdict.kind === "refused") throw refusalFor(needs, verdict, { lent: used, prepared });
  return answer.json;
}

async function send(needs: Needs, lent: Lent, { request }: Prepared): Promise<GitHubAnswer | Failure> {
  const { method, path, query, json } = request;
  const { hosts } = lent.provider;
  return needs.github.call({ hosts, method, path, query, ...(json === undefined ? {} : { json }), credential: lent.credential, timeoutMs });
}

interface Answered {
  readonly answer: GitHubAnswer;
  readonly lent: Lent;
  readonly prepared: Prepared;
}

function verdictOn(needs: Needs, { answer, lent, prepared }: Answered) {
  const { provider } = lent;
  const { status, headers } = answer;
  const reply = { status, headers, body: answer.json, changes: prepared.tool.changes, now: needs.now() };
  return classify({ ...reply, web: provider.hosts.web, clientId: provider.clientId });
}

function after401(needs: Needs, account: AccountRow, context: Answered & { readonly connection: string }): Refusal {
  if (account.status !== "ACTIVE") return unusable(account, context.connection, needs.origin);
  const verdict = verdictOn(needs, context);
  return verdict.kind === "refused" ? new Refusal(verdict.code, verdict) : new Refusal("upstream_unauthorized");
}

/** Adds what only we know: scopes the connection asks for by now, and where the GitHub App is not installed. */
function refusalFor(needs: Needs, verdict: GitHubRefusal, { lent, prepared }: { readonly lent: Lent; readonly prepared: Prepared }): Refusal {
  const { account, connection, provider } = lent;
  const lacking = verdict.acceptedScopes?.filter((scope) => provider.scopes.includes(scope)) ?? [];
  if (provider.preset.sendsScopes && lacking.length > 0) {
    return new Refusal("account_scope_missing", {
      detail: `The account was connected before the connection asked for: ${lacking.join(", ")}.`,
      outcome: "done",
      next: { action: "reconnect", method: "POST", url: linkUrl(needs.origin, connection.name, account.identifier), detail: "Make a link and have the person authorise again." },
    });
  }
  const owner = prepared.request.repository?.owner.toLowerCase();
  const hidden = verdict.code === "upstream_not_found" || verdict.code === "upstream_forbidden";
  const places = account.installations === null ? [] : (JSON.parse(account.installations) as Installation[]);
  if (!provider.preset.installations || !hidden || owner === undefined || places.some((place) => place.account.toLowerCase() === owner)) {
    return new Refusal(verdict.code, verdict);
  }
  const slug = provider.settings.app_slug;
  const url = slug === undefined ? {} : { url: `${provider.hosts.web}/apps/${slug}/installations/new` };
  const detail = "The GitHub App is not installed for this owner as far as we know; an owner or administrator can install it.";
  return new Refusal(verdict.code, { ...verdict, next: { action: "install_app", detail, ...url } });
}
