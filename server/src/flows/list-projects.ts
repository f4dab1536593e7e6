// Lists projects.
import type * as Wire from "@behalf/sdk";
import { instanceOnly } from "../rules/caller.ts";
import type { CursorPosition } from "../rules/cursor.ts";
import type { Principal } from "../rules/policy.ts";
import type { House } from "./house.ts";
import { pageView, projectView } from "./steps/views.ts";

export async function listProjects(
  needs: Pick<House, "store">,
  principal: Principal,
  ask: { readonly limit: number; readonly after: CursorPosition | undefined },
): Promise<Wire.Page<Wire.Project>> {
  if (!principal.isInstance) throw instanceOnly();
  const page = await needs.store.projects.page(ask);
  return pageView(page, projectView);
}
