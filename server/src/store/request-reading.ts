// Questions to the live log. Every one of them is bounded: it walks one range of one index, and only so far.
import { type ExpressionBuilder, type Kysely, sql } from "kysely";
import type { LogFilter } from "../rules/log-filter.ts";
import type { LogPosition, RequestRecord } from "../rules/request-record.ts";
import { type Branch, branchesOf, type Part, type PartContext, partsOf } from "./request-parts.ts";
import type { RequestReading } from "./request-questions.ts";
import { keyOf, type RequestRow, type RequestsSchema, recordOf } from "./request-rows.ts";
import { headroomOf, statsOf } from "./request-stats.ts";

/** So many rows are looked at for one page, and for one step of a stream. */
const scanMax = 4000;
const stepMax = 4000;
const leastShare = 250;

type Builder = ExpressionBuilder<RequestsSchema, "requests">;
type Found = Pick<RequestRow, "seq" | "at">;

export function requestReading(db: Kysely<RequestsSchema>, kind: "sqlite" | "postgres"): RequestReading {
  const like = sql.raw(kind === "sqlite" ? "like" : "ilike");
  return {
    async page(scope, ask) {
      const context: PartContext = { db, scope, like, filter: ask.filter };
      const { branches, rest } = await branchesOf(context, partsOf(context), scanMax);
      const share = rest.length === 0 ? ask.limit + 1 : Math.max(Math.floor(scanMax / branches.length), leastShare);
      const walks: Walk[] = [];
      for (const branch of branches) walks.push(await walk(context, { ...ask, branch, rest, share }));
      const { found, next } = merged(walks, ask.limit);
      return { records: await recordsAt(db, found), next };
    },
    async find(scope, id) {
      let query = db.selectFrom("requests").selectAll().where("id_key", "=", keyOf(id)).where("id", "=", id);
      query = query.where("project_id", "=", scope.project);
      if (scope.account !== null) query = query.where("account_id", "=", scope.account);
      const row = await query.executeTakeFirst();
      return row === undefined ? undefined : recordOf(row);
    },
    newest: async () => (await ends(db)).most,
    async after(scope, ask) {
      const { least, most } = await ends(db);
      const from = Math.max(ask.seq, least - 1);
      const upTo = Math.min(most, from + stepMax);
      if (upTo <= from) return { records: [], seq: ask.seq };
      const parts = partsOf({ db, scope, like, filter: ask.filter });
      const rows = await db
        .selectFrom("requests")
        .selectAll()
        .where("seq", ">", from)
        .where("seq", "<=", upTo)
        .where((eb) => eb.and([eb("project_id", "=", scope.project), ...whole(eb, parts, ask.filter)]))
        .orderBy("seq")
        .limit(ask.limit)
        .execute();
      const last = rows.length === ask.limit ? rows.at(-1)?.seq : undefined;
      return { records: rows.map((row) => ({ seq: row.seq, record: recordOf(row) })), seq: last ?? upTo };
    },
    stats: async (scope, ask) => statsOf(db, scope, ask),
    headroom: async (scope, now) => headroomOf(db, scope, now),
  };
}

async function ends(db: Kysely<RequestsSchema>): Promise<{ readonly least: number; readonly most: number }> {
  const row = await db
    .selectNoFrom((eb) => [
      eb.selectFrom("requests").select("seq").orderBy("seq").limit(1).as("least"),
      eb.selectFrom("requests").select("seq").orderBy("seq", "desc").limit(1).as("most"),
    ])
    .executeTakeFirst();
  return { least: row?.least ?? 0, most: row?.most ?? 0 };
}

function whole(eb: Builder, parts: readonly Part[], { since, until }: LogFilter): ReturnType<Part["holds"]>[] {
  const times = [
    ...(since === null ? [] : [eb("at", ">=", since)]),
    ...(until === null ? [] : [eb("at", "<=", until)]),
  ];
  return [...parts.map((part) => part.holds(eb)), ...times];
}

interface WalkAsk {
  readonly branch: Branch;
  readonly rest: readonly Part[];
  readonly share: number;
  readonly limit: number;
  readonly after: LogPosition | null;
}

interface Walk {
  readonly found: readonly Found[];
  /** Where it gave up; null when it saw the end, or enough. */
  readonly stopped: Found | null;
}

/** The newest rows of a branch for which the rest holds too, among the first `share` of its range. */
async function walk(context: PartContext, { branch, rest, share, limit, after }: WalkAsk): Promise<Walk> {
  const { db, scope, filter } = context;
  const range = db
    .selectFrom("requests")
    .where((eb) => eb.and([...branch.range(eb), ...rangeOf(eb, filter, after)]))
    .orderBy("at", "desc")
    .orderBy("seq", "desc");
  const read = ["seq", "at", "project_id", ...new Set(rest.flatMap((part) => part.reads))] as const;
  const found = await db
    .selectFrom(range.select(read).limit(share).as("requests"))
    .select(["seq", "at"])
    .where((eb) => {
      // The alias has the columns that the rest reads, under the names that it knows.
      const inner = eb as unknown as Builder;
      return inner.and([inner("project_id", "=", scope.project), ...rest.map((part) => part.holds(inner))]);
    })
    .orderBy("at", "desc")
    .orderBy("seq", "desc")
    .limit(limit + 1)
    .execute();
  if (found.length > limit) return { found, stopped: null };
  const last = await range
    .select(["seq", "at"])
    .offset(share - 1)
    .limit(1)
    .executeTakeFirst();
  return { found, stopped: last ?? null };
}

function rangeOf(eb: Builder, filter: LogFilter, after: LogPosition | null): ReturnType<typeof eb.and>[] {
  const newest = Math.min(filter.until ?? Number.MAX_SAFE_INTEGER, after?.at ?? Number.MAX_SAFE_INTEGER);
  return [
    ...(filter.since === null ? [] : [eb("at", ">=", filter.since)]),
    ...(newest === Number.MAX_SAFE_INTEGER ? [] : [eb("at", "<=", newest)]),
    ...(after === null ? [] : [eb.or([eb("at", "<", after.at), eb("seq", "<", after.seq)])]),
  ];
}

function newerFirst(left: Found, right: Found): number {
  return right.at - left.at || right.seq - left.seq;
}

/** What all branches know for sure, newest first: nothing older than where one of them gave up. */
function merged(walks: readonly Walk[], limit: number): { readonly found: Found[]; readonly next: LogPosition | null } {
  const floor = walks.flatMap(({ stopped }) => (stopped === null ? [] : [stopped])).toSorted(newerFirst)[0];
  const bySeq = new Map(walks.flatMap(({ found }) => found).map((row) => [row.seq, row]));
  const known = [...bySeq.values()]
    .filter((row) => floor === undefined || newerFirst(row, floor) <= 0)
    .toSorted(newerFirst);
  const found = known.slice(0, limit);
  const next = known.length > limit ? found.at(-1) : floor;
  return { found, next: next === undefined ? null : { at: next.at, seq: next.seq } };
}

async function recordsAt(db: Kysely<RequestsSchema>, found: readonly Found[]): Promise<RequestRecord[]> {
  if (found.length === 0) return [];
  const wanted = found.map(({ seq }) => seq);
  const rows = await db.selectFrom("requests").selectAll().where("seq", "in", wanted).execute();
  return rows.toSorted(newerFirst).map(recordOf);
}
