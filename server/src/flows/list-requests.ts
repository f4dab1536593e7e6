// Lists calls of the live log, newest first.
import type * as Wire from "@behalf/sdk";
import type { Principal } from "../rules/policy.ts";
import { type LogPosition, logCursorOf } from "../rules/request-record.ts";
import type { Reading } from "../store/reading.ts";
import { filterAsked, logScopeOf, requestView } from "./steps/log-ask.ts";

interface Needs {
  readonly reading: Pick<Reading, "requests">;
  readonly now: () => number;
}

export interface RequestsAsk {
  readonly filter: string;
  readonly limit: number;
  readonly after: LogPosition | null;
}

export async function listRequests(
  needs: Needs,
  principal: Principal,
  ask: RequestsAsk,
): Promise<Wire.Page<Wire.RequestRecord>> {
  const filter = filterAsked(ask.filter, needs.now());
  const scope = logScopeOf(principal);
  const { records, next } = await needs.reading.requests.page(scope, { filter, limit: ask.limit, after: ask.after });
  return { items: records.map(requestView), next_cursor: next === null ? null : logCursorOf(next) };
}
