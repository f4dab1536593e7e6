// A person opens a link: binds this browser to a new state and PKCE verifier, and points it at the provider.
import { linkLifeMs, openingsMax } from "../rules/account.ts";
import { Refusal } from "../rules/refusal.ts";
import type { House } from "./house.ts";

type Needs = Pick<House, "store" | "vault" | "oauth" | "now" | "newId">;

export interface Opening {
  /** Where the browser goes next. */
  readonly location: string;
  /** The value of the browser's binding cookie. */
  readonly browser: string;
}

/** Whether a link could still be opened, without touching it: what HEAD asks. */
export async function mayOpenLink(needs: Needs, plain: string): Promise<boolean> {
  const link = await needs.store.links.byDigest(needs.vault.digest("link", plain));
  return link !== undefined && link.spent_at === null && link.expires_at > needs.now() && link.openings < openingsMax;
}

export async function openLink(
  needs: Needs,
  ask: { readonly plain: string; readonly browser: string | undefined },
): Promise<Opening> {
  const now = needs.now();
  const link = await needs.store.links.open(needs.vault.digest("link", ask.plain), now, openingsMax);
  if (link === undefined) throw spent();
  const account = await needs.store.accounts.find(link.project_id, link.account_id);
  const connection = account === undefined ? undefined : await needs.store.connections.find(account.connection_id);
  if (account === undefined || connection === undefined) throw spent();
  const browser = ask.browser ?? needs.vault.issueTicket("browser").plain;
  const state = needs.vault.issueTicket("state");
  const verifier = needs.vault.issueTicket("state").plain;
  const id = needs.newId("attempt");
  const attempt = {
    id,
    project_id: link.project_id,
    connection_id: connection.id,
    account_id: account.id,
    link_id: link.id,
    status: "STARTED" as const,
    state_digest: state.digest,
    browser_digest: needs.vault.digest("browser", browser),
    verifier: needs.vault.sealText(
      { project: link.project_id, table: "attempts", row: id, column: "verifier" },
      verifier,
    ),
    auth_request_digest: null,
    credential: null,
    provider_user_id: null,
    grant_facts: null,
    created_at: now,
    expires_at: now + linkLifeMs,
  };
  await needs.store.change(async (tables) => {
    // The account may be on its way out since the link was opened: nobody could finish what starts here.
    const living = await tables.accounts.lock(link.project_id, account.id);
    if (living === undefined || living.status_reason === "deletion_pending") throw spent();
    await tables.attempts.add(attempt);
  });
  const location = await needs.oauth.authorizeUrl(needs.vault.provider(connection), { state: state.plain, verifier });
  return { location, browser };
}

function spent(): Refusal {
  return new Refusal("link_spent", {
    detail: "Links work once and for 10 minutes.",
    next: {
      action: "new_link",
      detail: "Go back to the application that sent you here and start again: it makes a new link.",
    },
  });
}
