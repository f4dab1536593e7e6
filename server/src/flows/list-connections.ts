// Lists the connections of a project.
import type * as Wire from "@behalf/sdk";
import { projectOf } from "../rules/caller.ts";
import type { CursorPosition } from "../rules/cursor.ts";
import type { Principal } from "../rules/policy.ts";
import type { House } from "./house.ts";
import { connectionView, pageView } from "./steps/views.ts";

export async function listConnections(
  needs: Pick<House, "store" | "vault">,
  principal: Principal,
  ask: { readonly limit: number; readonly after: CursorPosition | undefined },
): Promise<Wire.Page<Wire.Connection>> {
  const page = await needs.store.connections.page(projectOf(principal), ask);
  return pageView(page, (row) => connectionView(row, needs.vault.redirectUri(row)));
}
