// Figures of the live log from counts made at writing: their cost depends on the window, not on how many calls there were.
import { type Kysely, sql } from "kysely";
import type { AccountId } from "../rules/ids.ts";
import {
  type Count,
  type CountKind,
  type Figures,
  figuresOf,
  labelsOf,
  slotOf,
  statsWindows,
  windowStart,
} from "../rules/tally.ts";
import type { HeadroomFacts, LogScope, StatsAsk } from "./request-questions.ts";
import { keyOf, type RequestsSchema } from "./request-rows.ts";

/** A caller bound to an account has no counts of its own: so many of its newest records are counted. */
const countedMax = 20_000;
const headroomMax = 100;

export async function statsOf(
  db: Kysely<RequestsSchema>,
  scope: LogScope,
  { window, now }: StatsAsk,
): Promise<Figures & { readonly complete: boolean }> {
  const from = windowStart(window, now);
  if (scope.account === null)
    return { ...figuresOf(window, from, await projectCounts(db, scope, { window, from })), complete: true };
  const { counts, complete } = await accountCounts(db, { ...scope, account: scope.account }, { window, from });
  return { ...figuresOf(window, from, counts), complete };
}

type Span = { readonly window: StatsAsk["window"]; readonly from: number };

async function projectCounts(db: Kysely<RequestsSchema>, scope: LogScope, { window, from }: Span): Promise<Count[]> {
  const { slotMs, bucketMs } = statsWindows[window];
  // Into buckets already here: four times fewer rows for the week.
  const slot = sql<number>`(slot / ${sql.lit(bucketMs)}) * ${sql.lit(bucketMs)}`;
  const rows = await db
    .selectFrom("request_counts")
    .select([slot.as("slot"), "kind", "label", sql<number>`cast(sum(count) as bigint)`.as("count")])
    .where("project_id", "=", scope.project)
    .where("width", "=", slotMs)
    .where("slot", ">=", from)
    .groupBy([slot, "kind", "label"])
    .execute();
  return rows.map((row) => ({ ...row, kind: row.kind as CountKind }));
}

async function accountCounts(
  db: Kysely<RequestsSchema>,
  scope: LogScope & { readonly account: AccountId },
  { window, from }: Span,
): Promise<{ readonly counts: Count[]; readonly complete: boolean }> {
  const rows = await db
    .selectFrom("requests")
    .select(["at", "surface", "status", "refusal", "total_ms as totalMs", "upstream_ms as upstreamMs"])
    .select("project_id as projectId")
    .where("project_key", "=", keyOf(scope.project))
    .where("account_id", "=", scope.account)
    .where("at", ">=", from)
    .where("project_id", "=", scope.project)
    .orderBy("at", "desc")
    .limit(countedMax)
    .execute();
  const counts = rows.flatMap((row) =>
    labelsOf(row).map(([kind, label]) => ({
      slot: slotOf(row.at, statsWindows[window].slotMs),
      kind,
      label,
      count: 1,
    })),
  );
  return { counts, complete: rows.length < countedMax };
}

/** The least first, of those whose limit has not been renewed since. */
export async function headroomOf(
  db: Kysely<RequestsSchema>,
  scope: LogScope,
  now: number,
): Promise<readonly HeadroomFacts[]> {
  let query = db
    .selectFrom("request_headroom")
    .select(["account_id as accountId", "connection", "identifier", "resource", "remaining", "at"])
    .select(["most as limit", "reset_at as resetAt"])
    .where("project_id", "=", scope.project)
    .where("reset_at", ">", now);
  if (scope.account !== null) query = query.where("account_id", "=", scope.account);
  return query.orderBy("remaining").orderBy("account_id").orderBy("resource").limit(headroomMax).execute();
}
