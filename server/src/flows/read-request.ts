// Shows one call of the live log.
import type * as Wire from "@behalf/sdk";
import type { Principal } from "../rules/policy.ts";
import { Refusal } from "../rules/refusal.ts";
import type { Reading } from "../store/reading.ts";
import { logScopeOf, requestView } from "./steps/log-ask.ts";

export async function readRequest(
  needs: { readonly reading: Pick<Reading, "requests"> },
  principal: Principal,
  id: string,
): Promise<Wire.RequestRecord> {
  const record = await needs.reading.requests.find(logScopeOf(principal), id);
  if (record !== undefined) return requestView(record);
  throw new Refusal("not_found", {
    detail: "The live log has no call of that id: it was never one of yours, or it is older than 7 days.",
    next: { action: "list_requests", method: "GET", detail: "`GET /v1/requests` lists the calls of this project." },
  });
}
