// Lists the tokens of a project: the caller's own and its descendants' unless it is an administrator.
import type * as Wire from "@behalf/sdk";
import { projectOf } from "../rules/caller.ts";
import type { CursorPosition } from "../rules/cursor.ts";
import type { Principal } from "../rules/policy.ts";
import type { House } from "./house.ts";
import { pageView, tokenView } from "./steps/views.ts";

export async function listTokens(
  needs: Pick<House, "store">,
  principal: Principal,
  ask: { readonly limit: number; readonly after: CursorPosition | undefined },
): Promise<Wire.Page<Wire.Token>> {
  const isAdministrator = principal.scopes.includes("admin");
  const root = isAdministrator || principal.tokenId === "environment" ? null : principal.tokenId;
  const page = await needs.store.tokens.page(projectOf(principal), root, ask);
  return pageView(page, tokenView);
}
