// Carries one raw call to its upstream with a lent credential, and streams the answer back: upstream's answer is the caller's answer.
import type { ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { responseHeaders } from "../../rules/headers.ts";
import { blockIn, rateFacts, resourceOf } from "../../rules/headroom.ts";
import { toOurs } from "../../rules/links.ts";
import { isReadMethod } from "../../rules/policy.ts";
import { upstreamRequestId } from "../../rules/upstream-text.ts";
import type { ForwardAnswer } from "../../upstream/forward-types.ts";
import type { Hosts } from "../../upstream/hosts.ts";
import type { Lent } from "../../vault/lend.ts";
import type { House } from "../house.ts";
import { borrow, trust } from "./borrow.ts";
import { demandHeadroom, headroomKey } from "./headroom.ts";
import type { CallNote } from "./noted.ts";
import type { Resolved } from "./resolve-account.ts";
import { upstreamFailure } from "./upstream-failure.ts";

export type Relaying = Pick<
  House,
  "store" | "vault" | "forward" | "now" | "elapsed" | "origin" | "background" | "log" | "headroom"
>;

/** Where a call goes, and where the links of its answer lead. */
export interface Way {
  /** Origin and base path of the upstream, no trailing slash. */
  readonly base: string;
  /** Checked path and query below it. */
  readonly target: string;
  /** Our address of that base. */
  readonly ours: string;
  /** Path below GitHub's API root, decoded, where it is one: says which part of the account's limit the call uses. */
  readonly github: readonly string[] | null;
}

export interface RelayedCall {
  readonly resolved: Resolved;
  readonly wayAt: (hosts: Hosts) => Way;
  readonly method: string;
  /** Already chosen by the rules: raw name and value pairs. */
  readonly headers: readonly string[];
  /** A buffer can be sent again after a 401; a stream cannot. */
  readonly body: Readable | Uint8Array | null;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly response: ServerResponse;
  readonly note: CallNote;
}

export async function relay(needs: Relaying, call: RelayedCall): Promise<void> {
  const { note, resolved } = call;
  note.resolved = resolved;
  const hosts = JSON.parse(resolved.connection.hosts) as Hosts;
  const { github } = call.wayAt(hosts);
  if (github !== null) demandHeadroom(needs, resolved.account, resourceOf(github));
  const asked = needs.elapsed();
  const lent = await borrow(needs, resolved);
  note.lent = lent;
  note.credentialMs = needs.elapsed() - asked;
  const { answer, used } = await sendOnce(needs, lent, call);
  note.lent = used;
  if (answer.status !== 401) trust(needs, used);
  learn(needs, { answer, used, call });
  const { base, ours } = call.wayAt(used.provider.hosts);
  const headers = responseHeaders(answer.headers, (url) => toOurs(url, base, ours));
  note.status = answer.status;
  const passed = await answer.stream(call.response, headers);
  if (!passed.complete) needs.log.debug("A proxied answer was cut", { account: used.account.id, bytes: passed.bytes });
}

async function sendOnce(
  needs: Relaying,
  lent: Lent,
  call: RelayedCall,
): Promise<{ readonly answer: ForwardAnswer; readonly used: Lent }> {
  const first = await send(needs, lent, call);
  const isReplayable = call.body === null || call.body instanceof Uint8Array;
  if (first.status !== 401) return { answer: first, used: lent };
  const doubt = await needs.vault.doubt(lent).catch((error: unknown) => {
    // An answer that is neither passed on nor discarded would hold its connection for ever.
    first.discard();
    throw error;
  });
  if (doubt.kind === "stands" || !isReplayable) return { answer: first, used: lent };
  first.discard();
  return { answer: await send(needs, doubt.loan, call), used: doubt.loan };
}

async function send(needs: Relaying, lent: Lent, call: RelayedCall): Promise<ForwardAnswer> {
  const { base, target } = call.wayAt(lent.provider.hosts);
  const { method, headers, body, timeoutMs, signal, note } = call;
  const started = needs.elapsed();
  const answer = await needs.forward({
    base,
    method,
    target,
    headers,
    body,
    credential: lent.credential,
    timeoutMs,
    signal,
    meter: note,
  });
  if (answer.kind === "failed") {
    note.upstreamMs = needs.elapsed() - started;
    throw upstreamFailure(answer, !isReadMethod(method));
  }
  const { times } = answer;
  note.queueMs = times.connected - times.started;
  note.upstreamMs = times.answered - Math.max(times.sent, times.connected);
  note.upstreamStatus = answer.status;
  return answer;
}

interface Answered {
  readonly answer: ForwardAnswer;
  readonly used: Lent;
  readonly call: RelayedCall;
}

function learn(needs: Relaying, { answer, used, call }: Answered): void {
  const headers = namedHeaders(answer.headers);
  call.note.upstreamRequestId = upstreamRequestId(headers["x-github-request-id"]);
  // Whoever runs another upstream must not be able to stop an account's calls to GitHub.
  if (call.wayAt(used.provider.hosts).github === null) return;
  const rate = rateFacts(headers);
  call.note.rate = rate;
  // The body streams past unread, so only the head speaks.
  const block = blockIn({ status: answer.status, headers, words: "", now: needs.now() });
  needs.headroom.learn(headroomKey(used.account), { rate, block });
}

const telling = /^(?:x-ratelimit-(?:limit|remaining|reset|resource)|retry-after|x-github-request-id)$/i;

function namedHeaders(raw: readonly string[]): Record<string, string> {
  const out: Record<string, string> = {};
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? "";
    if (telling.test(name)) out[name.toLowerCase()] = raw[at + 1] ?? "";
  }
  return out;
}
