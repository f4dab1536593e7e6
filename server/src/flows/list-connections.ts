// Lists the connections of a project.
import { projectOf } from "../rules/caller.ts";
import type { CursorPosition } from "../rules/cursor.ts";
import type { Principal } from "../rules/policy.ts";
import { connectionView, pageView } from "./steps/views.ts";
import type { House } from "./house.ts";

export async function listConnections(
  needs: Pick<House, "store" | "vault">,
  principal: Principal,
  ask: { readonly limit: number; readonly after: CursorPosition | undefined },
) {
  const page = await needs.store.connections.page(projectOf(principal), ask);
  return pageView(page, (row) => connectionView(row, needs.vault.redirectUri(row)));
}
