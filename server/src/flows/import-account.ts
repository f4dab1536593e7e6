// Brings a credential that exists already: asked about at the provider, sealed, ACTIVE (design §10.20).
import type * as Wire from "@behalf/sdk";
import { deletedDetails, statusDetails } from "../rules/audit.ts";
import { actorOf } from "../rules/caller.ts";
import type { Principal } from "../rules/policy.ts";
import { Refusal } from "../rules/refusal.ts";
import type { AccountRow, ConnectionRow } from "../store/schema.ts";
import type { Record as RecordEvent, Tables } from "../store/store.ts";
import type { Installation, Provider, ProviderUser, Tokens } from "../upstream/provider.ts";
import type { House } from "./house.ts";
import {
  type AccountAddress,
  boundElsewhere,
  checkedIdentifier,
  connectionNamed,
  isBoundElsewhere,
  viewOf,
} from "./steps/addressed.ts";
import { freshAccount } from "./steps/fresh-account.ts";

type Needs = Pick<House, "store" | "vault" | "oauth" | "now" | "newId">;

export interface ImportRequest {
  readonly access_token: string;
  readonly refresh_token?: string | undefined;
  readonly expires_at?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
}

interface Brought {
  readonly provider: Provider;
  readonly tokens: Tokens;
  readonly user: ProviderUser;
  readonly scopes: readonly string[];
  readonly installations: readonly Installation[] | null;
}

export async function importAccount(
  needs: Needs,
  principal: Principal,
  ask: { readonly address: AccountAddress; readonly request: ImportRequest },
): Promise<{ readonly account: Wire.Account; readonly created: boolean }> {
  const connection = await connectionNamed(needs, principal, ask.address.connection);
  const identifier = checkedIdentifier(ask.address.identifier);
  const there = await needs.store.accounts.byIdentifier(connection.id, identifier);
  if (there === undefined ? principal.accountId !== null : isBoundElsewhere(principal, there)) throw boundElsewhere();
  const provider = needs.vault.provider(connection);
  const tokens = tokensIn(needs, provider, ask.request);
  const brought = await askAbout(needs, provider, tokens);
  const { account, created } = await needs.store.change(async (tables, record) =>
    keep(needs, { tables, record, principal }, { connection, identifier, brought }),
  );
  return { account: await viewOf(needs, connection, account), created };
}

function tokensIn(needs: Needs, { preset }: Provider, request: ImportRequest): Tokens {
  const { access_token, refresh_token = null, scopes = null } = request;
  const expires_at = request.expires_at === undefined ? null : Date.parse(request.expires_at);
  if (expires_at !== null && expires_at <= needs.now()) throw unfit("expires_at", "lies in the past");
  if (refresh_token !== null && preset.client === "none")
    throw unfit("refresh_token", "cannot be used: this connection has no client to refresh with");
  return needs.vault.tokensOf({ access_token, refresh_token, expires_at, scopes });
}

function unfit(path: string, message: string): Refusal {
  return new Refusal("invalid_input", {
    detail: "This credential cannot be brought like this.",
    errors: [{ path, message }],
    next: { action: "fix_input", detail: "Correct what `errors` names, or have the person connect by a link." },
  });
}

/** What the provider says of a token. Nothing is kept of one that it does not accept. */
async function askAbout(needs: Needs, provider: Provider, tokens: Tokens): Promise<Brought> {
  const person = await needs.oauth.person(provider, tokens.access);
  if (person.kind === "refused")
    throw unfit("access_token", "is not accepted by the provider: it is wrong or has ended");
  if (person.kind === "failed") throw unanswered(person.reason);
  const { preset } = provider;
  if (preset.tokenCheck !== "none") await demandOwnClient(needs, provider, tokens);
  const places = preset.installations ? await needs.oauth.installations(provider, tokens.access) : undefined;
  return {
    provider,
    tokens,
    user: person.user,
    // What the provider says of its token counts more than what the caller remembers.
    scopes: person.scopes ?? tokens.scopes ?? [],
    installations: places?.kind === "installations" ? places.installations : null,
  };
}

/** A token of another client lives as well, but this connection could neither refresh nor revoke it. */
async function demandOwnClient(needs: Needs, provider: Provider, tokens: Tokens): Promise<void> {
  const answer = await needs.oauth.check(provider, tokens.access);
  if (answer === "unknown") throw unanswered("token_check");
  if (answer !== "dead") return;
  throw new Refusal("invalid_input", {
    detail: "The provider knows this token, but not as one of this connection's client.",
    errors: [{ path: "access_token", message: "was not issued to the client of this connection" }],
    next: {
      action: "choose_connection",
      detail:
        "Bring it under a connection of the client that it was issued to, or of the preset github-pat for a personal access token. If it is this client's, correct the client secret with PATCH.",
    },
  });
}

function unanswered(reason: string): Refusal {
  if (reason === "user_url_missing") {
    return new Refusal("not_supported", {
      detail: "This connection does not say where the provider tells whose token it is.",
      next: { action: "fix_connection", method: "PATCH", detail: "Set `settings.user_url` of the connection." },
    });
  }
  return new Refusal("upstream_unavailable", {
    detail: "The provider did not say whose token this is and whether it lives. Nothing was changed.",
    outcome: "nothing",
    retryAfterSeconds: 15,
    next: { action: "retry", detail: "Try again later. If it stays so, check hosts and client of the connection." },
  });
}

interface Change {
  readonly tables: Tables;
  readonly record: RecordEvent;
  readonly principal: Principal;
}

interface Placed {
  readonly connection: ConnectionRow;
  readonly identifier: string;
  readonly brought: Brought;
}

async function keep(
  needs: Needs,
  change: Change,
  placed: Placed,
): Promise<{ readonly account: AccountRow; readonly created: boolean }> {
  const { tables, record, principal } = change;
  const { row, created } = await getOrMake(needs, change, placed);
  if (isBoundElsewhere(principal, row)) throw boundElsewhere();
  const actor = actorOf(principal);
  const imported = await needs.vault.adoptImport({ tables, record }, { ...placed.brought, account: row, actor });
  if (imported.kind === "imported") return { account: imported.account, created };
  throw notKept[imported.kind]();
}

async function getOrMake(
  needs: Needs,
  { tables, record, principal }: Change,
  { connection, identifier }: Placed,
): Promise<{ readonly row: AccountRow; readonly created: boolean }> {
  const event = { chain: connection.project_id, actor: actorOf(principal) } as const;
  const there = await tables.accounts.byIdentifier(connection.id, identifier);
  // A deletion that waits for its provider keeps its place in the queue, not its name.
  if (there?.status_reason === "deletion_pending" && (await tables.accounts.eraseEnded(there.id)))
    record({ ...event, name: "account.deleted", subject: there.id, details: deletedDetails });
  const fresh = freshAccount(needs, connection, identifier);
  const result = await tables.accounts.ensure(fresh);
  if (result.created) record({ ...event, name: "account.created", subject: fresh.id, details: statusDetails(fresh) });
  return result;
}

function mismatch(): Refusal {
  return new Refusal("account_mismatch", {
    detail: "Another person's account of this provider is connected here. Nothing was changed.",
    next: {
      action: "delete_account",
      method: "DELETE",
      detail: "Delete the account first, or use another identifier.",
    },
  });
}

function leaving(): Refusal {
  return new Refusal("conflict", {
    detail: "This account is being deleted at this very moment.",
    next: { action: "retry", detail: "Repeat the import: it makes the account anew." },
  });
}

/** Says nothing of where: that may be another project. */
function held(): Refusal {
  return new Refusal("conflict", {
    detail:
      "Another account already holds this credential. The end of one would be the end of both. Nothing was changed.",
    next: {
      action: "connect",
      detail:
        "Have the person connect by a link, which brings a credential of its own, or delete the other account first.",
    },
  });
}

const notKept = { mismatch, held, gone: leaving } as const;
