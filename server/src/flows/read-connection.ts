// Shows one connection, never its secret.
import type * as Wire from "@behalf/sdk";
import type { Principal } from "../rules/policy.ts";
import type { House } from "./house.ts";
import { connectionNamed } from "./steps/addressed.ts";
import { connectionView } from "./steps/views.ts";

export async function readConnection(
  needs: Pick<House, "store" | "vault">,
  principal: Principal,
  name: string,
): Promise<Wire.Connection> {
  const row = await connectionNamed(needs, principal, name);
  return connectionView(row, needs.vault.redirectUri(row));
}
