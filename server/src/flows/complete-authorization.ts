// The provider sends the person back: takes the state once, swaps the code, learns who it is, and connects or waits for the application.
import { linkLifeMs } from "../rules/account.ts";
import { statusDetails } from "../rules/audit.ts";
import { Refusal } from "../rules/refusal.ts";
import type { AccountRow, AttemptRow, ConnectionRow, LinkRow } from "../store/schema.ts";
import type { GrantAnswer, Provider, Tokens } from "../upstream/provider.ts";
import type { GrantFacts } from "../vault/adopt.ts";
import type { House } from "./house.ts";

type Needs = Pick<House, "store" | "vault" | "oauth" | "now" | "log">;

export interface Callback {
  readonly query: URLSearchParams;
  /** The browser's binding cookie. */
  readonly browser: string | undefined;
  /** From `/oauth/callback/{con_id}`; undefined on the shared path. */
  readonly connectionId: string | undefined;
}

export type Completed =
  | {
      readonly kind: "connected";
      readonly connection: ConnectionRow;
      readonly account: AccountRow;
      readonly attempt: AttemptRow;
      readonly returnUrl: string | null;
    }
  /** Custom verification: the application has to say who this is. */
  | { readonly kind: "verify"; readonly location: string };

interface Taken {
  readonly attempt: AttemptRow;
  readonly link: LinkRow;
  readonly connection: ConnectionRow;
  readonly provider: Provider;
  readonly state: string;
}

export async function completeAuthorization(needs: Needs, callback: Callback): Promise<Completed> {
  const taken = await take(needs, callback);
  const denied = callback.query.get("error");
  if (denied !== null) throw await fail(needs, taken, new Refusal("forbidden", deniedContext(denied)), "denied");
  const { attempt, provider } = taken;
  const place = { project: attempt.project_id, table: "attempts", row: attempt.id, column: "verifier" };
  const verifier = needs.vault.openText(place, attempt.verifier);
  const answer = await needs.oauth.exchange(provider, { callback: callback.query, state: taken.state, verifier });
  if (answer.kind !== "granted") throw await fail(needs, taken, exchangeRefusal(answer), reasonOf(answer));
  const facts = await learn(needs, taken, answer.tokens);
  return taken.connection.verification === "none"
    ? connect(needs, taken, { tokens: answer.tokens, facts })
    : awaitVerification(needs, taken, { tokens: answer.tokens, facts });
}

async function take(needs: Needs, callback: Callback): Promise<Taken> {
  const state = callback.query.get("state") ?? "";
  const digest = needs.vault.digest("state", state);
  const attempt = await needs.store.attempts.byState(digest);
  const connection = attempt === undefined ? undefined : await needs.store.connections.find(attempt.connection_id);
  if (attempt === undefined || connection === undefined) throw spent();
  const provider = needs.vault.provider(connection);
  // Mix-up defence (RFC 9700 §4.4): an answer that comes in at another provider's door is not this provider's answer.
  const expected = provider.preset.callback === "own" ? connection.id : undefined;
  if (callback.connectionId !== expected) throw spent();
  const browser = callback.browser === undefined ? "" : needs.vault.digest("browser", callback.browser);
  if (!needs.vault.same(browser, attempt.browser_digest)) {
    throw new Refusal("forbidden", {
      detail: "This authorization was started in another browser.",
      next: {
        action: "new_link",
        detail: "Open the link and finish in one browser, with cookies allowed. Nothing was connected.",
      },
    });
  }
  return needs.store.change(async (tables) => {
    await tables.accounts.lock(attempt.project_id, attempt.account_id);
    const won = await tables.attempts.take(digest, browser, needs.now());
    const link = won === undefined ? undefined : await tables.links.spend(won.link_id, needs.now());
    if (won === undefined || link === undefined) throw spent();
    return { attempt: won, link, connection, provider, state };
  });
}

function spent(): Refusal {
  return new Refusal("link_spent", {
    detail: "This authorization is over: it was finished before, took too long, or was not started here.",
    next: { action: "new_link", detail: "Go back to the application that sent you here and start again." },
  });
}

async function fail(needs: Needs, taken: Taken, refusal: Refusal, reason: string): Promise<Refusal> {
  const { attempt } = taken;
  await needs.store.change(async (tables, record) => {
    await tables.attempts.settle(attempt.id, { status: "FAILED" });
    const actor = { kind: "person", attempt: attempt.id } as const;
    record({
      chain: attempt.project_id,
      name: "account.link_failed",
      actor,
      subject: attempt.account_id,
      details: { reason },
    });
  });
  return refusal;
}

function deniedContext(error: string) {
  const known =
    error === "access_denied"
      ? "You, or the provider on your behalf, said no."
      : "The provider ended the authorization.";
  return {
    detail: `${known} Nothing was connected.`,
    next: { action: "new_link", detail: "If you change your mind, start again in the application." },
  };
}

type NotGranted = Exclude<GrantAnswer, { kind: "granted" }>;

function reasonOf(answer: NotGranted): string {
  return answer.kind === "failed" ? answer.reason : answer.error;
}

function exchangeRefusal(answer: NotGranted): Refusal {
  const next = { action: "new_link", detail: "Start again in the application that sent you here." };
  switch (answer.kind) {
    case "rejected":
      return new Refusal("forbidden", {
        detail: `The provider did not accept this authorization (${answer.error}).`,
        next,
      });
    case "misconfigured":
      return new Refusal("connection_misconfigured", {
        detail: `The provider does not accept this application's registration (${answer.error}).`,
        next: {
          action: "contact_operator",
          detail: "The operator has to correct client id, secret or redirect URI of the connection.",
        },
      });
    case "failed":
      return new Refusal("upstream_unavailable", { detail: "The provider could not be reached to finish.", next });
  }
}

/** Who this is, and where the GitHub App is installed. A token that names nobody is not kept. */
async function learn(needs: Needs, taken: Taken, tokens: Tokens): Promise<GrantFacts> {
  const { provider } = taken;
  const person = await needs.oauth.person(provider, tokens.access);
  if (person.kind !== "person") {
    const refusal = new Refusal("upstream_unavailable", {
      detail: "The provider did not say whose account this is. Nothing was connected.",
      next: { action: "new_link", detail: "Start again in the application that sent you here." },
    });
    await discard(needs, taken, tokens, null);
    throw await fail(needs, taken, refusal, "person_unknown");
  }
  const places = provider.preset.installations ? await needs.oauth.installations(provider, tokens.access) : undefined;
  return {
    user: person.user,
    scopes: tokens.scopes ?? person.scopes ?? [],
    expiresAt: tokens.expiresAt,
    refreshExpiresAt: tokens.refreshExpiresAt,
    installations: places?.kind === "installations" ? places.installations : null,
  };
}

/** `user`: whose tokens these are, where that is known. */
async function discard(needs: Needs, taken: Taken, tokens: Tokens, user: string | null): Promise<void> {
  const project = taken.attempt.project_id;
  const id = await needs.store.change(async (tables) =>
    needs.vault.queueRevocation(tables, { project, provider: taken.provider, tokens, user }),
  );
  await needs.vault.attemptRevocation(id);
}

interface Brought {
  readonly tokens: Tokens;
  readonly facts: GrantFacts;
}

async function connect(needs: Needs, taken: Taken, { tokens, facts }: Brought): Promise<Completed> {
  const { attempt, provider, connection, link } = taken;
  const actor = { kind: "person", attempt: attempt.id } as const;
  const adopted = await needs.store.change(async (tables, record) => {
    await tables.accounts.lock(attempt.project_id, attempt.account_id);
    // The account may have been deleted meanwhile, and the attempt with it: then nobody waits for these tokens.
    const settled = await tables.attempts.settle(attempt.id, { status: "DONE", provider_user_id: facts.user.id });
    if (!settled) return undefined;
    return needs.vault.adopt({ tables, record }, { attempt, provider, tokens, facts, mayReplaceUser: false, actor });
  });
  if (adopted === undefined) await discard(needs, taken, tokens, facts.user.id);
  if (adopted?.kind === "adopted") {
    return { kind: "connected", connection, account: adopted.account, attempt, returnUrl: link.return_url };
  }
  if (adopted?.kind !== "mismatch") throw spent();
  throw new Refusal("account_mismatch", {
    detail: "Another person's account of this provider is connected here. Nothing was changed.",
    next: {
      action: "switch_user",
      detail: "Sign in to the provider as the person who connected first, or have the application delete the account.",
    },
  });
}

async function awaitVerification(needs: Needs, taken: Taken, { tokens, facts }: Brought): Promise<Completed> {
  const { attempt, link, connection } = taken;
  const ticket = needs.vault.issueTicket("auth-request");
  const actor = { kind: "person", attempt: attempt.id } as const;
  const kept = await needs.store.change(async (tables, record) => {
    const account = await tables.accounts.lock(attempt.project_id, attempt.account_id);
    if (account === undefined || account.status_reason === "deletion_pending") return false;
    const settled = await tables.attempts.settle(attempt.id, {
      status: "VERIFYING",
      auth_request_digest: ticket.digest,
      credential: needs.vault.sealAttempt(attempt, tokens),
      provider_user_id: facts.user.id,
      grant_facts: JSON.stringify(facts),
      expires_at: needs.now() + linkLifeMs,
    });
    if (!settled) return false;
    // A live account keeps its status and credential until the new authorization is confirmed (design §10.3).
    const waiting = { status: "VERIFYING", status_reason: null, status_changed_at: needs.now() } as const;
    const moved = await tables.accounts.change(attempt.account_id, { status: ["PENDING"] }, waiting);
    const details = moved === undefined ? {} : statusDetails(moved);
    record({ chain: attempt.project_id, name: "account.linked", actor, subject: attempt.account_id, details });
    return true;
  });
  if (!kept) await discard(needs, taken, tokens, facts.user.id);
  if (!kept || link.verify_url === null) throw spent();
  const url = new URL(link.verify_url);
  url.searchParams.set("auth_request_id", ticket.plain);
  if (link.caller_state !== null) url.searchParams.set("state", link.caller_state);
  needs.log.debug("An authorization waits to be confirmed", { attempt: attempt.id, connection: connection.id });
  return { kind: "verify", location: url.href };
}
