// The database's clock: the one that all processes share.
import { type RawBuilder, sql } from "kysely";

export type DatabaseKind = "sqlite" | "postgres";

/** Whole milliseconds since 1970, rounded down; another value at each look, also inside a transaction. */
export function databaseClock(kind: DatabaseKind): RawBuilder<number> {
  return kind === "postgres"
    ? sql<number>`floor(extract(epoch from clock_timestamp()) * 1000)::bigint`
    : sql<number>`cast(unixepoch('subsec') * 1000 as integer)`;
}
