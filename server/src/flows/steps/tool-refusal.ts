// What GitHub's answer means for the caller of a tool, with what only we know: scopes asked for by now, where the App is installed.
import { classify, type GitHubRefusal, type GitHubVerdict } from "../../rules/github-answer.ts";
import { Refusal } from "../../rules/refusal.ts";
import { linkUrl, unusable } from "../../rules/unusable.ts";
import type { AccountRow } from "../../store/schema.ts";
import { needsOf } from "../../tools/catalogue.ts";
import type { ToolRequest } from "../../tools/request.ts";
import type { Tool } from "../../tools/tool.ts";
import type { GitHubAnswer } from "../../upstream/github.ts";
import type { Installation } from "../../upstream/provider.ts";
import type { Lent } from "../../vault/lend.ts";
import type { House } from "../house.ts";

type Needs = Pick<House, "now" | "origin">;

interface Answered {
  readonly answer: GitHubAnswer;
  readonly lent: Lent;
  readonly prepared: {
    readonly tool: Tool;
    readonly input: Readonly<Record<string, unknown>>;
    readonly request: ToolRequest;
  };
}

/** Undefined when the answer is good. */
export function toolRefusal(needs: Needs, answered: Answered): Refusal | undefined {
  const verdict = verdictOn(needs, answered);
  if (verdict.kind === "ok") return undefined;
  return (
    scopeMissing(needs, verdict, answered) ?? notInstalled(verdict, answered) ?? new Refusal(verdict.code, verdict)
  );
}

/** After a 401 that stood: the account's own state where that says more. */
export function after401(needs: Needs, account: AccountRow, answered: Answered): Refusal {
  if (account.status !== "ACTIVE") return unusable(account, answered.lent.connection.name, needs.origin);
  const verdict = verdictOn(needs, answered);
  return verdict.kind === "refused"
    ? new Refusal(verdict.code, verdict)
    : new Refusal("upstream_unauthorized", { next: { action: "retry", detail: "Try again later." } });
}

function verdictOn(needs: Needs, { answer, lent, prepared }: Answered): GitHubVerdict {
  const { provider } = lent;
  const reply = { status: answer.status, headers: answer.headers, body: answer.json, now: needs.now() };
  const { changes } = prepared.tool;
  return classify({ ...reply, changes, web: provider.hosts.web, clientId: provider.clientId });
}

function isHidden(verdict: GitHubRefusal): boolean {
  return verdict.code === "upstream_not_found" || verdict.code === "upstream_forbidden";
}

/** Scopes that the connection asks for today and the account was connected without (design §10.7). */
function scopeMissing(needs: Needs, verdict: GitHubRefusal, { lent, prepared }: Answered): Refusal | undefined {
  const { account, connection, provider } = lent;
  if (!provider.preset.sendsScopes || !isHidden(verdict)) return undefined;
  const held = JSON.parse(account.scopes) as string[];
  // GitHub names what it accepts on reads only; for writes our own table says it.
  const groups = [
    ...(verdict.acceptedScopes === undefined ? [] : [verdict.acceptedScopes]),
    ...needsOf(prepared.tool, prepared.input).scopes,
  ];
  const lacking = groups
    .filter((group) => !group.some((scope) => held.includes(scope)))
    .flatMap((group) => group.filter((scope) => provider.scopes.includes(scope)));
  if (lacking.length === 0) return undefined;
  return new Refusal("account_scope_missing", {
    detail: `The account was connected before the connection asked for: ${[...new Set(lacking)].join(", ")}.`,
    outcome: "done",
    next: {
      action: "reconnect",
      method: "POST",
      url: linkUrl(needs.origin, connection.name, account.identifier),
      detail: "Make a link and have the person authorise again.",
    },
  });
}

function notInstalled(verdict: GitHubRefusal, { lent, prepared }: Answered): Refusal | undefined {
  const { provider, account } = lent;
  const owner = prepared.request.repository?.owner.toLowerCase();
  if (!provider.preset.installations || !isHidden(verdict) || owner === undefined) return undefined;
  const places = account.installations === null ? [] : (JSON.parse(account.installations) as Installation[]);
  if (places.some((place) => place.account.toLowerCase() === owner)) return undefined;
  const slug = provider.settings.app_slug;
  const url = slug === undefined ? {} : { url: `${provider.hosts.web}/apps/${slug}/installations/new` };
  const detail =
    "As far as we know the GitHub App is not installed for this owner; an owner or administrator can install it.";
  return new Refusal(verdict.code, { ...verdict, next: { action: "install_app", detail, ...url } });
}
