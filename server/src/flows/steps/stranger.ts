// Counts the requests of somebody who has not shown a valid token, by address: pages a person opens, and failed sign-ins.
import { addressGroup } from "../../rules/client-address.ts";
import type { House } from "../house.ts";
import { tooMany } from "./admit.ts";

/** Refuses the address that asks too often; null is an address nobody knows, which is not counted. */
export async function admitStranger(
  needs: Pick<House, "ephemeral" | "vault" | "addressLimit">,
  address: string | null,
): Promise<void> {
  if (address === null || needs.addressLimit === 0) return;
  const key = needs.vault.digest("limit", "address", addressGroup(address));
  const limit = { name: "address-minute", key, most: needs.addressLimit, windowMs: 60_000, kind: "stranger" } as const;
  const admission = await needs.ephemeral.limiter.admit([limit]);
  if (admission.kind === "refused") throw tooMany(admission.by, admission.standings);
}
