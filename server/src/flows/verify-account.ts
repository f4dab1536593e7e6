// The application confirms which person authorised: only then is the account usable.
import type * as Wire from "@behalf/sdk";
import { actorOf, projectOf } from "../rules/caller.ts";
import type { Principal } from "../rules/policy.ts";
import { Refusal } from "../rules/refusal.ts";
import type { AttemptRow, ConnectionRow } from "../store/schema.ts";
import type { GrantFacts } from "../vault/adopt.ts";
import type { House } from "./house.ts";
import { boundElsewhere, viewOf } from "./steps/addressed.ts";

type Needs = Pick<House, "store" | "vault" | "now">;

export interface Verification {
  readonly auth_request_id: string;
  readonly identifier: string;
}

export async function verifyAccount(needs: Needs, principal: Principal, ask: Verification): Promise<Wire.Account> {
  const project = projectOf(principal);
  const attempt = await needs.store.attempts.waiting(project, needs.vault.digest("auth-request", ask.auth_request_id));
  const account = attempt === undefined ? undefined : await needs.store.accounts.find(project, attempt.account_id);
  const connection = account === undefined ? undefined : await needs.store.connections.find(account.connection_id);
  if (attempt === undefined || account === undefined || connection === undefined || attempt.expires_at <= needs.now())
    throw unknown();
  if (principal.accountId !== null && principal.accountId !== account.id) throw boundElsewhere();
  if (account.identifier !== ask.identifier.normalize("NFC")) {
    throw new Refusal("verification_mismatch", {
      detail: "The link was made for another identifier than the person who is signed in at your application.",
      next: { action: "new_link", detail: "Do not connect this person. Make a link for their own identifier." },
    });
  }
  const adopted = await confirm(needs, principal, { attempt, connection });
  return viewOf(needs, connection, adopted);
}

async function confirm(
  needs: Needs,
  principal: Principal,
  { attempt, connection }: { readonly attempt: AttemptRow; readonly connection: ConnectionRow },
) {
  const tokens = needs.vault.openAttempt(attempt);
  if (tokens === undefined || attempt.grant_facts === null) throw unknown();
  const facts = JSON.parse(attempt.grant_facts) as GrantFacts;
  const adopted = await needs.store.change(async (tables, record) => {
    await tables.accounts.lock(attempt.project_id, attempt.account_id);
    if (!(await tables.attempts.close(attempt.id, "DONE"))) throw unknown();
    return needs.vault.adopt(
      { tables, record },
      {
        attempt,
        provider: needs.vault.provider(connection),
        tokens: {
          ...tokens,
          expiresAt: facts.expiresAt,
          refreshExpiresAt: facts.refreshExpiresAt,
          scopes: facts.scopes,
        },
        facts,
        mayReplaceUser: true,
        actor: actorOf(principal),
      },
    );
  });
  if (adopted.kind !== "adopted") throw unknown();
  return adopted.account;
}

function unknown(): Refusal {
  return new Refusal("not_found", {
    detail: "No authorization waits under this auth_request_id: it is unknown, was used, or is older than 10 minutes.",
    next: { action: "new_link", detail: "Make a new link and have the person authorise again." },
  });
}
