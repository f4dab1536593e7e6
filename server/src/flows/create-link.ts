// Makes a single-use link with which one person connects one account.
import type * as Wire from "@behalf/sdk";
import { linkLifeMs } from "../rules/account.ts";
import type { Principal } from "../rules/policy.ts";
import { Refusal } from "../rules/refusal.ts";
import { isAllowedUrl, parseWebUrl } from "../rules/urls.ts";
import type { ConnectionRow } from "../store/schema.ts";
import type { House } from "./house.ts";
import { type AccountAddress, accountAt } from "./steps/addressed.ts";
import { iso } from "./steps/views.ts";

type Needs = Pick<House, "store" | "vault" | "now" | "newId" | "origin">;

export interface LinkRequest {
  /** Where the person is sent to be confirmed; needed with custom verification. */
  readonly verify_url?: string | undefined;
  /** The caller's own text, given back at `verify_url`. */
  readonly state?: string | undefined;
  /** Where the person goes once connected. */
  readonly return_url?: string | undefined;
}

export async function createLink(
  needs: Needs,
  principal: Principal,
  ask: { readonly address: AccountAddress; readonly request: LinkRequest },
): Promise<Wire.Link> {
  const { connection, account } = await accountAt(needs, principal, ask.address);
  if (needs.vault.provider(connection).preset.client === "none") throw importOnly(connection, account.identifier);
  checkUrls(connection, ask.request);
  const ticket = needs.vault.issueTicket("link");
  const now = needs.now();
  const row = {
    id: needs.newId("link"),
    project_id: account.project_id,
    account_id: account.id,
    digest: ticket.digest,
    verify_url: normalForm(ask.request.verify_url),
    caller_state: ask.request.state ?? null,
    return_url: normalForm(ask.request.return_url),
    openings: 0,
    created_at: now,
    expires_at: now + linkLifeMs,
    spent_at: null,
  };
  await needs.store.change(async (tables) => {
    // The account may be on its way out since it was found: a link to it would lead nowhere.
    const living = await tables.accounts.lock(account.project_id, account.id);
    if (living === undefined || living.status_reason === "deletion_pending") throw beingDeleted();
    await tables.links.add(row);
  });
  return { link: `${needs.origin}/connect/${ticket.plain}`, expires_at: iso(now + linkLifeMs) };
}

function importOnly(connection: ConnectionRow, identifier: string): Refusal {
  return new Refusal("not_supported", {
    detail: "Nobody authorises through this connection: a person makes a token at the provider, and you bring it.",
    next: {
      action: "import",
      method: "POST",
      detail: `Bring it with POST /v1/connections/${connection.name}/accounts/${encodeURIComponent(identifier)}/import {access_token}.`,
    },
  });
}

function beingDeleted(): Refusal {
  return new Refusal("conflict", {
    detail: "This account is being deleted.",
    next: { action: "create_account", method: "PUT", detail: "Make the account anew with PUT, then ask for a link." },
  });
}

/** As the check understood it: in the caller's own spelling a laxer reader may see another host, or a line break. */
function normalForm(url: string | undefined): string | null {
  return url === undefined ? null : (parseWebUrl(url)?.href ?? null);
}

function checkUrls(connection: ConnectionRow, request: LinkRequest): void {
  const origins = JSON.parse(connection.verify_url_origins) as string[];
  const errors: { path: string; message: string }[] = [];
  if (connection.verification === "custom" && request.verify_url === undefined) {
    errors.push({ path: "verify_url", message: "is needed, since this connection has custom verification" });
  }
  for (const member of ["verify_url", "return_url"] as const) {
    const url = request[member];
    if (url === undefined || isAllowedUrl(url, origins)) continue;
    errors.push({
      path: member,
      message: `must be an https URL on one of the connection's verify_url_origins: ${origins.join(", ") || "(none)"}`,
    });
  }
  if (errors.length === 0) return;
  throw new Refusal("invalid_input", {
    detail: "The link cannot be made like this.",
    errors,
    next: {
      action: "fix_input",
      detail: "Correct the members named in `errors`, or allow the origin with PATCH on the connection.",
    },
  });
}
