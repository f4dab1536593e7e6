// Lists in pages: newest last, cursor = where the page before ended.
import type { SelectQueryBuilder } from "kysely";
import type { Schema } from "./schema.ts";

export interface PageAsk {
  readonly limit: number;
  readonly after: Position | undefined;
}

/** The last row of a page: rows are ordered by (created_at, id). */
export interface Position {
  readonly created_at: number;
  readonly id: string;
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly more: boolean;
}

type Listed = "projects" | "tokens" | "connections" | "accounts" | "endpoints";

export async function pageOf<Table extends Listed, Row extends Position>(
  query: SelectQueryBuilder<Schema, Table, Row>,
  ask: PageAsk,
): Promise<Page<Row>> {
  // Kysely cannot see that each listed table has these two columns: the one place where its types are widened.
  let ordered = query as unknown as SelectQueryBuilder<Schema, "projects", Row>;
  const { after } = ask;
  if (after !== undefined) {
    ordered = ordered.where((eb) =>
      eb.or([
        eb("created_at", ">", after.created_at),
        eb.and([eb("created_at", "=", after.created_at), eb("id", ">", after.id as never)]),
      ]),
    );
  }
  const rows = await ordered
    .orderBy("created_at")
    .orderBy("id")
    .limit(ask.limit + 1)
    .execute();
  return { rows: rows.slice(0, ask.limit), more: rows.length > ask.limit };
}
