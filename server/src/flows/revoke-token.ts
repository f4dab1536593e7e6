// Revokes a token and everything minted with it.
import { actorOf, projectOf } from "../rules/caller.ts";
import type { TokenId } from "../rules/ids.ts";
import type { Principal } from "../rules/policy.ts";
import { Refusal } from "../rules/refusal.ts";
import type { House } from "./house.ts";

export async function revokeToken(
  needs: Pick<House, "store" | "now">,
  principal: Principal,
  id: TokenId,
): Promise<void> {
  const project = projectOf(principal);
  await needs.store.change(async (tables, record) => {
    const token = await tables.tokens.find(project, id);
    const own = principal.scopes.includes("admin") || (await tables.tokens.isWithin(id, principal.tokenId));
    if (token === undefined || !own) {
      throw new Refusal("not_found", {
        detail: "There is no such token within your reach.",
        next: { action: "list_tokens", method: "GET", detail: "`GET /v1/tokens` lists the tokens you may revoke." },
      });
    }
    for (const ended of await tables.tokens.revokeTree(id, needs.now())) {
      record({ chain: project, name: "token.revoked", actor: actorOf(principal), subject: ended });
    }
  });
}
