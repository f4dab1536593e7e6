// What a filter of the live log demands, as SQL; and which of its parts to walk by: the one that leaves the fewest rows.
import type { Expression, ExpressionBuilder, Kysely, RawBuilder, SqlBool } from "kysely";
import { sql } from "kysely";
import { parseId } from "../rules/ids.ts";
import type { LogClause, LogField, LogFilter } from "../rules/log-filter.ts";
import type { LogScope } from "./request-questions.ts";
import { keyOf, type RequestRow, type RequestsSchema } from "./request-rows.ts";

type Builder = ExpressionBuilder<RequestsSchema, "requests">;
type Column = keyof RequestRow;

export interface PartContext {
  readonly db: Kysely<RequestsSchema>;
  readonly scope: LogScope;
  readonly filter: LogFilter;
  /** The operator that does not mind case. */
  readonly like: RawBuilder<unknown>;
}

/** A range of one index, which is in the order of time. */
export interface Branch {
  range(eb: Builder): Expression<SqlBool>[];
}

export interface Part {
  readonly reads: readonly Column[];
  holds(eb: Builder): Expression<SqlBool>;
  /** The ranges that hold all rows of this part; null where only looking at each row tells. */
  readonly branches: (() => Promise<readonly Branch[]>) | null;
}

const columnOf: Readonly<Record<LogField, Column>> = {
  surface: "surface",
  method: "method",
  endpoint: "endpoint",
  tool: "tool",
  connection: "connection",
  accountId: "account_id",
  identifier: "identifier",
  tokenId: "token_id",
  tokenName: "token_name",
  agent: "agent",
  refusal: "refusal",
};
const searched = ["path", "tool", "endpoint", "identifier", "id", "upstream_request_id"] as const;

export function partsOf(context: PartContext): readonly Part[] {
  const { filter, scope } = context;
  const own: readonly LogClause[] =
    scope.account === null ? [] : [{ kind: "equal", alternatives: [{ field: "accountId", value: scope.account }] }];
  return [
    ...[...own, ...filter.clauses].map((clause) =>
      clause.kind === "status" ? statusPart(context, clause) : equalPart(context, clause),
    ),
    ...filter.words.map((word) => (parseId("request", word) === undefined ? wordPart(context, word) : idPart(word))),
  ];
}

function equalPart({ scope }: PartContext, { alternatives }: Extract<LogClause, { kind: "equal" }>): Part {
  const pairs = alternatives.map(({ field, value }) => [columnOf[field], value] as const);
  return {
    reads: pairs.map(([column]) => column),
    holds: (eb) => eb.or(pairs.map(([column, value]) => eb(column, "=", value as never))),
    branches: async () => Promise.resolve(pairs.map(([column, value]) => keyed(scope, column, value))),
  };
}

function statusPart(context: PartContext, { ranges }: Extract<LogClause, { kind: "status" }>): Part {
  const within = ({ least, most }: { readonly least: number; readonly most: number }, eb: Builder) =>
    eb.and([eb("status", ">=", least), eb("status", "<=", most)]);
  return {
    reads: ["status"],
    holds: (eb) => eb.or(ranges.map((range) => within(range, eb))),
    async branches() {
      const there = new Set<number>();
      for (const range of ranges) for (const status of await statusesIn(context, range)) there.add(status);
      return [...there].map((status) => keyed(context.scope, "status", status));
    },
  };
}

/** Each status that there is, by leaps through the index: the order of time holds only under one status. */
async function statusesIn({ db, scope }: PartContext, range: { readonly least: number; readonly most: number }) {
  const found: number[] = [];
  for (let from = range.least; ; ) {
    const row = await db
      .selectFrom("requests")
      .select("status")
      .where("project_key", "=", keyOf(scope.project))
      .where("status", ">=", from)
      .where("status", "<=", range.most)
      .orderBy("status")
      .limit(1)
      .executeTakeFirst();
    if (row === undefined) return found;
    found.push(row.status);
    from = row.status + 1;
  }
}

function keyed({ project }: LogScope, column: Column, value: string | number): Branch {
  return { range: (eb) => [eb("project_key", "=", keyOf(project)), eb(column, "=", value as never)] };
}

function idPart(id: string): Part {
  const holds = (eb: Builder): Expression<SqlBool> => eb("id", "=", id);
  const range = (eb: Builder): Expression<SqlBool>[] => [eb("id_key", "=", keyOf(id)), holds(eb)];
  return { reads: ["id"], holds, branches: async () => Promise.resolve([{ range }]) };
}

function wordPart({ like }: PartContext, word: string): Part {
  const pattern = `%${word.replaceAll(/[\\%_]/g, "\\$&")}%`;
  return {
    reads: searched,
    holds: (eb) => eb.or(searched.map((column) => sql<SqlBool>`${sql.ref(column)} ${like} ${pattern} escape '\\'`)),
    branches: null,
  };
}

/** The ranges to walk, and the parts that must be looked at on the way. */
export async function branchesOf(
  context: PartContext,
  parts: readonly Part[],
  most: number,
): Promise<{ readonly branches: readonly Branch[]; readonly rest: readonly Part[] }> {
  let best: { readonly part: Part; readonly branches: readonly Branch[]; readonly rows: number } | undefined;
  for (const part of parts) {
    const branches = await part.branches?.();
    if (branches === undefined) continue;
    // One key alone needs no choice.
    const rows = parts.length === 1 ? 0 : await rowsIn(context, branches, most);
    if (best === undefined || rows < best.rows) best = { part, branches, rows };
  }
  if (best === undefined) {
    const all = { range: (eb: Builder) => [eb("project_key", "=", keyOf(context.scope.project))] };
    return { branches: [all], rest: parts };
  }
  const chosen = best.part;
  return { branches: best.branches, rest: parts.filter((part) => part !== chosen) };
}

/** How many rows the ranges have in the time asked for, counted up to `most`. */
async function rowsIn({ db, filter }: PartContext, branches: readonly Branch[], most: number): Promise<number> {
  let rows = 0;
  for (const branch of branches) {
    const range = db
      .selectFrom("requests")
      .select("seq")
      .where((eb) =>
        eb.and([
          ...branch.range(eb),
          ...(filter.since === null ? [] : [eb("at", ">=", filter.since)]),
          ...(filter.until === null ? [] : [eb("at", "<=", filter.until)]),
        ]),
      )
      .limit(most - rows)
      .as("counted");
    const counted = await db
      .selectFrom(range)
      .select((eb) => eb.fn.countAll<number>().as("rows"))
      .executeTakeFirst();
    rows += counted?.rows ?? 0;
    if (rows >= most) return most;
  }
  return rows;
}
