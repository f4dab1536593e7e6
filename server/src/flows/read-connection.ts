// Shows one connection, never its secret.
import type { Principal } from "../rules/policy.ts";
import { connectionView } from "./steps/views.ts";
import { connectionNamed } from "./steps/addressed.ts";
import type { House } from "./house.ts";

export async function readConnection(needs: Pick<House, "store" | "vault">, principal: Principal, name: string) {
  const row = await connectionNamed(needs, principal, name);
  return connectionView(row, needs.vault.redirectUri(row));
}
