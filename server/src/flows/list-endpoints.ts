// Lists the endpoints of a project.
import type * as Wire from "@behalf/sdk";
import { projectOf } from "../rules/caller.ts";
import { type CursorPosition, cursorOf } from "../rules/cursor.ts";
import type { Principal } from "../rules/policy.ts";
import type { House } from "./house.ts";
import { connectionOf } from "./steps/endpoint-parts.ts";
import { endpointView } from "./steps/endpoint-view.ts";

export async function listEndpoints(
  needs: Pick<House, "store" | "origin" | "presets">,
  principal: Principal,
  ask: { readonly limit: number; readonly after: CursorPosition | undefined },
): Promise<Wire.Page<Wire.Endpoint>> {
  const page = await needs.store.endpoints.page(projectOf(principal), ask);
  const items: Wire.Endpoint[] = [];
  for (const row of page.rows) items.push(endpointView(needs, row, await connectionOf(needs, row)));
  const last = page.rows.at(-1);
  return { items, next_cursor: page.more && last !== undefined ? cursorOf(last) : null };
}
