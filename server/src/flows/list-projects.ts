// Lists projects.
import type * as Wire from "@behalf/sdk";
import type { CursorPosition } from "../rules/cursor.ts";
import type { Principal } from "../rules/policy.ts";
import { Refusal } from "../rules/refusal.ts";
import type { House } from "./house.ts";
import { pageView, projectView } from "./steps/views.ts";

export async function listProjects(
  needs: Pick<House, "store">,
  principal: Principal,
  ask: { readonly limit: number; readonly after: CursorPosition | undefined },
): Promise<Wire.Page<Wire.Project>> {
  if (!principal.isInstance)
    throw new Refusal("scope_missing", { detail: "Projects are listed with the instance token only." });
  const page = await needs.store.projects.page(ask);
  return pageView(page, projectView);
}
