// Writes and erases records in PostgreSQL: one statement a batch, so that a process that stalls leaves nothing locked.
import { type Kysely, type RawBuilder, sql } from "kysely";
import { recordsKeptMs } from "../rules/request-record.ts";
import { minuteMs, quarterMs } from "../rules/tally.ts";
import { type Cell, columns, type RequestsSchema } from "./request-rows.ts";
import { minutesKeptMs } from "./request-sqlite.ts";
import { summaryOf } from "./request-summary.ts";

const eraseMax = 5000;
/** So much for one round of the sweep: the other chores wait for it. */
const roundsMax = 20;

/**
 * Numbers of a sequence are given before the commit, and commits come in any order: a stream that has seen 7 could miss 6.
 * So writers take turns. The lock is asked for before the first number is taken, and given back after the commit is seen.
 */
const turn = sql`select pg_advisory_xact_lock(hashtextextended(current_schema() || '.requests', 0))`;
const conflicting = sql`project_id, width, slot, kind, label`;

export async function writeToPostgres(db: Kysely<RequestsSchema>, rows: string): Promise<void> {
  const { counts, headroom } = summaryOf(JSON.parse(rows) as Cell[][]);
  const names = sql.join(columns.map(([name]) => sql.ref(name)));
  const values: RawBuilder<unknown>[] = columns.map(
    ([, type], index) => sql`(cells ->> ${sql.lit(index)})::${sql.raw(type)}`,
  );
  await sql`
    with turn as materialized (${turn}),
    written as (
      insert into requests (${names})
      select ${sql.join(values)} from turn, jsonb_array_elements(${rows}::jsonb) with ordinality as batch (cells, place)
      order by place
    ),
    counted as (
      insert into request_counts (${conflicting}, count)
      select ${conflicting}, count from turn, jsonb_to_recordset(${JSON.stringify(counts)}::jsonb)
        as batch (project_id text, width bigint, slot bigint, kind text, label text, count bigint)
      on conflict (${conflicting}) do update set count = request_counts.count + excluded.count
    )
    insert into request_headroom
      (project_id, account_id, resource, connection, identifier, most, remaining, reset_at, at)
    select project_id, account_id, resource, connection, identifier, most, remaining, reset_at, at
      from turn, jsonb_to_recordset(${JSON.stringify(headroom)}::jsonb) as batch (project_id text, account_id text,
        resource text, connection text, identifier text, most bigint, remaining bigint, reset_at bigint, at bigint)
    on conflict (project_id, account_id, resource) do update set connection = excluded.connection,
      identifier = excluded.identifier, most = excluded.most, remaining = excluded.remaining,
      reset_at = excluded.reset_at, at = excluded.at where excluded.at >= request_headroom.at`.execute(db);
}

export async function eraseInPostgres(db: Kysely<RequestsSchema>, now: number): Promise<void> {
  for (let round = 0; round < roundsMax; round += 1) {
    const { numAffectedRows = 0n } = await sql`
      delete from requests where seq in (
        select seq from (select seq, at from requests order by seq limit ${sql.lit(eraseMax)}) as oldest
        where at < ${now - recordsKeptMs})`.execute(db);
    if (numAffectedRows === 0n) break;
  }
  await db
    .deleteFrom("request_counts")
    .where("width", "=", minuteMs)
    .where("slot", "<", now - minutesKeptMs)
    .execute();
  await db
    .deleteFrom("request_counts")
    .where("width", "=", quarterMs)
    .where("slot", "<", now - recordsKeptMs - quarterMs)
    .execute();
  await db
    .deleteFrom("request_headroom")
    .where("at", "<", now - recordsKeptMs)
    .execute();
}
