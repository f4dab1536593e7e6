// Counts, latencies and headroom of the last minutes to the last week.
import type * as Wire from "@behalf/sdk";
import type { Principal } from "../rules/policy.ts";
import { outcomes, surfaces } from "../rules/request-record.ts";
import { type StatsWindow, statsWindows, windowStart } from "../rules/tally.ts";
import type { Reading } from "../store/reading.ts";
import type { House } from "./house.ts";
import { logScopeOf } from "./steps/log-ask.ts";
import { iso } from "./steps/views.ts";

type Needs = Pick<House, "records" | "now"> & { readonly reading: Pick<Reading, "requests" | "accounts"> };

export async function readStats(needs: Needs, principal: Principal, window: StatsWindow): Promise<Wire.Stats> {
  const scope = logScopeOf(principal);
  const now = needs.now();
  const { requests, accounts } = needs.reading;
  const [figures, headroom, byStatus] = await Promise.all([
    requests.stats(scope, { window, now }),
    requests.headroom(scope, now),
    accounts.byStatus(scope),
  ]);
  const { total, upstream } = figures;
  return {
    window,
    from: iso(windowStart(window, now)),
    to: iso(now),
    bucket_seconds: statsWindows[window].bucketMs / 1000,
    complete: figures.complete,
    requests: figures.requests,
    outcomes: countsOf(outcomes, figures.outcomes),
    surfaces: countsOf(surfaces, figures.surfaces),
    refusals: figures.refusals,
    total_ms: total,
    upstream_ms: upstream,
    series: figures.series.map(({ at, requests: count, refused, upstreamFailed, p50, p99 }) => ({
      at: iso(at),
      requests: count,
      refused,
      upstream_failed: upstreamFailed,
      p50_ms: p50,
      p99_ms: p99,
    })),
    headroom: headroom.map((one) => ({
      account_id: one.accountId,
      connection: one.connection,
      identifier: one.identifier,
      resource: one.resource,
      limit: one.limit,
      remaining: one.remaining,
      reset_at: iso(one.resetAt),
      at: iso(one.at),
    })),
    accounts: Object.fromEntries(byStatus.map(({ status, count }) => [status, count])),
    dropped_records: needs.records.dropped,
  };
}

function countsOf<Name extends string>(
  names: readonly Name[],
  counts: Readonly<Partial<Record<Name, number>>>,
): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, counts[name] ?? 0])) as Record<Name, number>;
}
