// Says what an answer of GitHub's REST API means for the caller (promise 22): which refusal, in which words, and what to do next.
import { type Limit, limitIn, retryAfterSeconds } from "./github-limits.ts";
import { errorsIn, messageIn } from "./github-words.ts";
import type { NextStep, RefusalCode, RefusalContext } from "./refusal.ts";
import { publicText } from "./upstream-text.ts";

export interface GitHubReply {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Parsed JSON, or null. */
  readonly body: unknown;
  /** Whether the call was to change something. */
  readonly changes: boolean;
  readonly now: number;
  /** GitHub's web address of the connection: links to any other place are not shown. */
  readonly web: string;
  /** Client of the account, where there is one: names its page in the person's settings. */
  readonly clientId?: string;
}

/** A refusal in the making: fits `new Refusal(verdict.code, verdict)`. */
export interface GitHubRefusal extends Omit<RefusalContext, "cause" | "allow"> {
  readonly kind: "refused";
  readonly code: RefusalCode;
  readonly detail: string;
  readonly next: NextStep;
  /** OAuth scopes of which GitHub wanted one and the token has none: then scopes are what is missing. */
  readonly acceptedScopes?: readonly string[];
}

export type GitHubVerdict = { readonly kind: "ok" } | GitHubRefusal;

type Verdict = Omit<GitHubRefusal, "kind" | "acceptedScopes">;

export function classify(reply: GitHubReply): GitHubVerdict {
  const { status } = reply;
  if ((status >= 200 && status < 300) || status === 304) return { kind: "ok" };
  const verdict = singleSignOn(reply) ?? limited(reply) ?? organisation(reply) ?? permission(reply) ?? byStatus(reply);
  const acceptedScopes = status === 403 || status === 404 ? missingScopes(reply) : undefined;
  return { kind: "refused", ...verdict, ...(acceptedScopes === undefined ? {} : { acceptedScopes }) };
}

function singleSignOn({ headers, web }: GitHubReply): Verdict | null {
  const header = headers["x-github-sso"] ?? "";
  if (!/^required\b/i.test(header)) return null;
  const link = /\burl=([^\s;,]{1,2048})/i.exec(header)?.[1] ?? "";
  // The person will sign in there: nothing but the very origin we know may be shown.
  const trusted = URL.canParse(link) && new URL(link).origin === new URL(web).origin;
  const detail = "The person opens this page, signs in with the organisation and allows this application.";
  return {
    code: "sso_required",
    detail: "The organisation protects this with single sign-on, and the account has not been authorised for it.",
    next: { action: "authorize_sso", detail, ...(trusted ? { url: new URL(link).href } : {}) },
  };
}

function limited(reply: GitHubReply): Verdict | null {
  const found = limitIn({
    ...reply,
    words: [messageIn(reply.body), ...errorsIn(reply.body).map((one) => one.message)].join(" ").trim(),
  });
  return found === null ? null : limitVerdict(found);
}

function limitVerdict({ kind, retryAfterSeconds: seconds }: Limit): Verdict {
  const primary = kind === "primary";
  return {
    code: primary ? "upstream_rate_limited" : "upstream_secondary_limited",
    detail: primary ? "GitHub's rate limit of this account is used up." : "GitHub asks this account to slow down.",
    next: { action: "retry_later", detail: `Ask again in ${seconds} seconds; until then GitHub refuses.` },
    retryAfterSeconds: seconds,
  };
}

function organisation(reply: GitHubReply): Verdict | null {
  if (reply.status !== 403 || !/OAuth App access restrictions/i.test(messageIn(reply.body))) return null;
  const page =
    reply.clientId === undefined
      ? "settings/applications"
      : `settings/connections/applications/${encodeURIComponent(reply.clientId)}`;
  return {
    code: "org_approval_required",
    detail: "The organisation restricts OAuth Apps and has not approved this one.",
    next: {
      action: "request_org_approval",
      detail: "The person opens this page and asks the organisation to approve the application; an owner then decides.",
      url: `${reply.web}/${page}`,
    },
  };
}

/** A GitHub App's token that may see the place but not do this. Waiting never mends it. */
function permission(reply: GitHubReply): Verdict | null {
  if (reply.status !== 403 || !/not accessible by/i.test(messageIn(reply.body))) return null;
  const needed = neededPermissions(reply.headers["x-accepted-github-permissions"] ?? "");
  const said = publicText(messageIn(reply.body));
  return {
    code: "upstream_forbidden",
    detail: `GitHub says: ${said}.${needed === "" ? "" : ` It needs ${needed}.`}`.replace("..", "."),
    next: {
      action: "grant_permission",
      detail:
        "The owner of the GitHub App asks for the permission, and the owner of the installation accepts it; the person also needs that access.",
    },
  };
}

/** `a=read,b=write; c=read` in words: comma is and, semicolon is or. Empty when the header is not in its grammar. */
function neededPermissions(header: string): string {
  const grammar = /^[a-z_]{1,64}=(?:read|write|admin)$/;
  const sets = header
    .slice(0, 1024)
    .split(";")
    .map((set) => set.split(",").map((one) => one.trim()));
  if (!sets.flat().every((one) => grammar.test(one))) return "";
  return sets.map((set) => set.map((one) => one.replace("=", ": ")).join(" and ")).join(", or ");
}

/** The scopes GitHub would accept; undefined unless it named some and the token has none of them. */
function missingScopes({ headers }: GitHubReply): readonly string[] | undefined {
  const held = headers["x-oauth-scopes"];
  const accepted = scopesIn(headers["x-accepted-oauth-scopes"] ?? "");
  if (held === undefined || accepted.length === 0) return undefined;
  const has = scopesIn(held);
  return accepted.some((scope) => has.includes(scope)) ? undefined : accepted;
}

function scopesIn(header: string): string[] {
  return header
    .split(",")
    .map((scope) => scope.trim())
    .filter((scope) => /^[a-z_:]{1,64}$/.test(scope));
}

interface Meaning {
  readonly code: RefusalCode;
  readonly detail: string;
  /** GitHub's own words help the caller here, and say nothing but what it asked for. */
  readonly quotes: boolean;
  readonly next: NextStep;
}

const correct: NextStep = { action: "correct_input", detail: "Change the input as the errors say and ask again." };
const read: NextStep = {
  action: "read_first",
  detail: "Read its current state, apply the change to that and ask again.",
};
const check: NextStep = {
  action: "check_names",
  detail: "Check the names, and that the connected account can see it.",
};
const access: NextStep = { action: "ask_for_access", detail: "Someone with enough rights there has to allow it." };
const invalid: Meaning = {
  code: "upstream_invalid",
  detail: "GitHub found the request invalid.",
  quotes: true,
  next: correct,
};

const meanings: Readonly<Record<number, Meaning>> = {
  401: {
    code: "upstream_unauthorized",
    detail: "GitHub does not accept the credential of this account.",
    quotes: false,
    next: { action: "reconnect", detail: "The person connects the account again." },
  },
  403: {
    code: "upstream_forbidden",
    detail: "GitHub does not allow this account to do that.",
    quotes: true,
    next: access,
  },
  404: {
    code: "upstream_not_found",
    detail: "GitHub knows nothing by that name, or the connected account may not see it.",
    quotes: false,
    next: check,
  },
  409: { code: "upstream_conflict", detail: "GitHub reports a conflict.", quotes: true, next: read },
  410: {
    code: "upstream_not_found",
    detail: "GitHub says that this is gone or switched off.",
    quotes: true,
    next: check,
  },
  423: { code: "upstream_conflict", detail: "GitHub reports that this is locked.", quotes: true, next: read },
  451: { code: "upstream_forbidden", detail: "GitHub withholds this for legal reasons.", quotes: true, next: access },
};

function byStatus(reply: GitHubReply): Verdict {
  if (reply.status >= 500 || reply.status < 200) return unavailable(reply);
  if (reply.status < 400) {
    return {
      code: "upstream_not_found",
      detail: "GitHub points to another place, which is not followed from here.",
      next: check,
    };
  }
  const { code, detail, quotes, next } = meanings[reply.status] ?? invalid;
  const said = quotes ? publicText(messageIn(reply.body)) : "";
  const errors = reply.status === 422 ? errorsIn(reply.body) : [];
  return {
    code,
    detail: said === "" ? detail : `${detail} It says: ${said}`,
    next: shaStep(reply) ?? next,
    ...(errors.length > 0 ? { errors } : {}),
  };
}

/** The contents API: an update without `sha` is 422, one with a stale `sha` is 409. */
function shaStep(reply: GitHubReply): NextStep | undefined {
  const message = messageIn(reply.body);
  const missing = reply.status === 422 && /"sha" wasn't supplied/.test(message);
  const stale = reply.status === 409 && /does not match [0-9a-f]{4,64}|but expected [0-9a-f]{4,64}/i.test(message);
  if (!missing && !stale) return undefined;
  return {
    action: "fetch_file_first",
    detail: "Fetch the file with github_file_contents_get and send its sha with the update.",
  };
}

function unavailable(reply: GitHubReply): Verdict {
  const seconds = retryAfterSeconds(reply);
  const next = reply.changes
    ? { action: "check_outcome", detail: "Look whether it was done before asking again." }
    : { action: "retry_later", detail: "Ask again in a while; nothing was changed." };
  return {
    code: "upstream_unavailable",
    detail: `GitHub failed with status ${reply.status}.`,
    next,
    outcome: reply.changes ? "unknown" : "nothing",
    ...(seconds === undefined ? {} : { retryAfterSeconds: seconds }),
  };
}
