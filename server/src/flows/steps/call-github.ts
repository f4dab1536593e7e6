// One tool call at GitHub: with a lent credential, or with none.
import { classify } from "../../rules/github-answer.ts";
import { messageIn } from "../../rules/github-words.ts";
import { blockIn, rateFacts } from "../../rules/headroom.ts";
import type { Principal } from "../../rules/policy.ts";
import { Refusal } from "../../rules/refusal.ts";
import type { ToolRequest } from "../../tools/request.ts";
import type { Tool } from "../../tools/tool.ts";
import type { Failure } from "../../upstream/exchange.ts";
import type { GitHubAnswer } from "../../upstream/github.ts";
import type { Hosts } from "../../upstream/hosts.ts";
import type { Lent } from "../../vault/lend.ts";
import type { House } from "../house.ts";
import { trust } from "./borrow.ts";
import { headroomKey } from "./headroom.ts";
import type { CallNote } from "./noted.ts";
import { after401, toolRefusal } from "./tool-refusal.ts";
import { upstreamFailure } from "./upstream-failure.ts";

type Needs = Pick<
  House,
  "store" | "vault" | "github" | "presets" | "now" | "elapsed" | "origin" | "background" | "headroom"
>;

export interface PreparedCall {
  readonly tool: Tool;
  readonly input: Readonly<Record<string, unknown>>;
  readonly request: ToolRequest;
  readonly note: CallNote;
}

const timeoutMs = 30_000;

/** GitHub's JSON, or the refusal that says why there is none. */
export async function callAs(needs: Needs, lent: Lent, prepared: PreparedCall): Promise<unknown> {
  if (lent.provider.preset.kind !== "github") throw notGitHub();
  const first = await send(needs, lent, prepared);
  if (first.kind === "failed") throw upstreamFailure(first, prepared.tool.changes);
  if (first.status !== 401) return read(needs, { answer: first, lent, prepared });
  const doubt = await needs.vault.doubt(lent);
  if (doubt.kind === "stands") throw after401(needs, doubt.account, { answer: first, lent, prepared });
  // A 401 means that nothing was done: asking once more with the new credential repeats no write.
  const again = await send(needs, doubt.loan, prepared);
  if (again.kind === "failed") throw upstreamFailure(again, prepared.tool.changes);
  return read(needs, { answer: again, lent: doubt.loan, prepared });
}

async function send(needs: Needs, lent: Lent, { request, note }: PreparedCall): Promise<GitHubAnswer | Failure> {
  const { method, path, query, json } = request;
  const body = json === undefined ? {} : { json };
  const { hosts } = lent.provider;
  note.lent = lent;
  note.bytesIn += json === undefined ? 0 : JSON.stringify(json).length;
  const started = needs.elapsed();
  const answer = await needs.github.call({
    hosts,
    method,
    path,
    query,
    ...body,
    credential: lent.credential,
    timeoutMs,
  });
  note.upstreamMs = needs.elapsed() - started;
  if (answer.kind === "answer") learn(needs, { answer, note, account: lent.account });
  return answer;
}

interface Heard {
  readonly answer: GitHubAnswer;
  readonly note: CallNote;
  readonly account: Lent["account"] | null;
}

function learn(needs: Needs, { answer, note, account }: Heard): void {
  const { status, headers, json, requestId } = answer;
  const rate = rateFacts(headers);
  note.upstreamStatus = status;
  note.bytesOut += answer.bytes;
  note.upstreamRequestId = requestId;
  note.rate = rate;
  if (account === null) return;
  const block = blockIn({ status, headers, words: messageIn(json), now: needs.now() });
  needs.headroom.learn(headroomKey(account), { rate, block });
}

interface Answered {
  readonly answer: GitHubAnswer;
  readonly lent: Lent;
  readonly prepared: PreparedCall;
}

function read(needs: Needs, answered: Answered): unknown {
  if (answered.answer.status !== 401) trust(needs, answered.lent);
  const refusal = toolRefusal(needs, answered);
  if (refusal !== undefined) throw refusal;
  return answered.answer.json;
}

function notGitHub(): Refusal {
  return new Refusal("not_supported", {
    detail: "GitHub tools need an account of a GitHub connection.",
    next: { action: "name_account", detail: "Name an account of a connection with the preset github or github-app." },
  });
}

type AnonymousCall = PreparedCall & { readonly connection: string | undefined };

/** For tools that need no account: asked without a credential, at the host of the project's connection. */
export async function callAnonymously(needs: Needs, principal: Principal, call: AnonymousCall): Promise<unknown> {
  const { tool, request } = call;
  const hosts = await anonymousHosts(needs, principal, call.connection);
  const { method, path, query } = request;
  const started = needs.elapsed();
  const answer = await needs.github.call({ hosts, method, path, query, credential: null, timeoutMs });
  call.note.upstreamMs = needs.elapsed() - started;
  if (answer.kind === "failed") throw upstreamFailure(answer, tool.changes);
  learn(needs, { answer, note: call.note, account: null });
  const reply = { status: answer.status, headers: answer.headers, body: answer.json, changes: tool.changes };
  const verdict = classify({ ...reply, now: needs.now(), web: hosts.web });
  if (verdict.kind === "refused") throw new Refusal(verdict.code, verdict);
  return answer.json;
}

/** The hosts of the connection that is named, or of the project's only GitHub connection, else github.com. */
async function anonymousHosts(needs: Needs, principal: Principal, named: string | undefined): Promise<Hosts> {
  const presets = needs.presets.filter((preset) => preset.kind === "github");
  const names = presets.map((preset) => preset.name);
  const rows = principal.projectId === null ? [] : await needs.store.connections.ofPreset(principal.projectId, names);
  const only = rows.length === 1 ? rows[0] : undefined;
  const row = named === undefined ? only : rows.find((candidate) => candidate.name === named);
  if (row !== undefined) return JSON.parse(row.hosts) as Hosts;
  const fallback = presets.find((preset) => preset.hosts !== null)?.hosts ?? null;
  if (named === undefined && fallback !== null) return fallback;
  throw new Refusal("not_found", {
    detail: "This project has no GitHub connection of that name.",
    next: {
      action: "list_connections",
      method: "GET",
      detail: "`GET /v1/connections` lists the connections of this project.",
    },
  });
}
