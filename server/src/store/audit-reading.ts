// Reads of the audit that may take longer than a point read: they run where the data path does not wait for them (design §10.15).
import type { Kysely, SelectQueryBuilder } from "kysely";
import { type AuditPosition, newestFirst } from "../rules/audit-filter.ts";
import { actorColumns } from "./audit-actor.ts";
import type { AuditCheckpointRow, AuditEventRow, AuditHeadRow, Schema } from "./schema.ts";

export interface AuditPageAsk {
  readonly chain: string;
  /** Any of these. */
  readonly names?: readonly string[] | undefined;
  readonly subject?: string | undefined;
  readonly actor?: { readonly kind: string } | { readonly who: string } | undefined;
  /** Milliseconds; `since` belongs to the time asked for, `until` does not. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  readonly after?: AuditPosition | undefined;
  readonly limit: number;
}

export interface AuditPage {
  readonly rows: readonly AuditEventRow[];
  /** Where to go on; null at the end. A page with fewer rows than were asked for need not be the last. */
  readonly next: AuditPosition | null;
}

export interface ExportAsk {
  readonly chain: string;
  readonly after: number;
  readonly since?: number | undefined;
  readonly until?: number | undefined;
}

/** Arguments and answers cross a thread: plain data only. */
export interface AuditReading {
  page(ask: AuditPageAsk): Promise<AuditPage>;
  /** The next part of a chain in its order; `through` is where it ended, null at the end of the chain. */
  part(ask: ExportAsk): Promise<{ readonly rows: readonly AuditEventRow[]; readonly through: number | null }>;
  head(chain: string): Promise<AuditHeadRow | undefined>;
  /** In the order of the chain; null: from whatever comes first, which need not be the first that we wrote. */
  after(chain: string, seq: number | null, limit: number): Promise<readonly AuditEventRow[]>;
  checkpoints(chain: string, after: number | null, limit: number): Promise<readonly AuditCheckpointRow[]>;
  newestCheckpoints(chain: string, before: number | null, limit: number): Promise<readonly AuditCheckpointRow[]>;
}

/** Rows looked at for one page at most: what no index answers alone must not hold up the reads of others. */
const scanMax = 4000;
const scanStep = 1000;
const partRows = 500;

export function auditReading(db: Kysely<Schema>): AuditReading {
  const events = () => db.selectFrom("audit_events").selectAll();
  const checkpoints = () => db.selectFrom("audit_checkpoints").selectAll();
  const after: AuditReading["after"] = async (chain, seq, limit) => {
    const own = events().where("chain", "=", chain).orderBy("seq").limit(limit);
    return (seq === null ? own : own.where("seq", ">", seq)).execute();
  };
  return {
    page: async (ask) => pageFrom(db, ask),
    async part(ask) {
      const rows = await after(ask.chain, ask.after, partRows);
      const last = rows.length < partRows ? undefined : rows.at(-1);
      return { rows: rows.filter((row) => isWithin(row, ask)), through: last?.seq ?? null };
    },
    async head(chain) {
      return db.selectFrom("audit_heads").selectAll().where("chain", "=", chain).executeTakeFirst();
    },
    after,
    async checkpoints(chain, from, limit) {
      const own = checkpoints().where("chain", "=", chain).orderBy("seq").limit(limit);
      return (from === null ? own : own.where("seq", ">", from)).execute();
    },
    async newestCheckpoints(chain, before, limit) {
      const own = checkpoints().where("chain", "=", chain).orderBy("seq", "desc").limit(limit);
      return (before === null ? own : own.where("seq", "<", before)).execute();
    },
  };
}

type Events = SelectQueryBuilder<Schema, "audit_events", AuditEventRow>;

/** One index answers, chosen by what there is fewest of; what it cannot tell is looked at row by row, up to a bound. */
async function pageFrom(db: Kysely<Schema>, ask: AuditPageAsk): Promise<AuditPage> {
  const sources = sourcesOf(db, ask);
  const isExact = isAnswered(ask);
  const step = isExact ? ask.limit + 1 : scanStep;
  const rows: AuditEventRow[] = [];
  let from = ask.after;
  for (let scanned = 0; ; scanned += step) {
    const chunk = await merged(sources, { ...ask, after: from }, step);
    rows.push(...chunk.rows.filter((row) => isExact || fits(row, ask)));
    from = chunk.through;
    if (rows.length > ask.limit || from === undefined || scanned + step >= scanMax) break;
  }
  const shown = rows.slice(0, ask.limit);
  const last = shown.at(-1);
  if (rows.length > shown.length && last !== undefined) return { rows: shown, next: positionOf(last) };
  return { rows: shown, next: from ?? null };
}

/** The newest rows of several sources in one order, as far as every source has told all it has. */
async function merged(
  sources: readonly Events[],
  ask: AuditPageAsk,
  limit: number,
): Promise<{ readonly rows: readonly AuditEventRow[]; readonly through: AuditPosition | undefined }> {
  const found: AuditEventRow[] = [];
  const ends: AuditPosition[] = [];
  for (const source of sources) {
    const rows = await within(source, ask).orderBy("at", "desc").orderBy("seq", "desc").limit(limit).execute();
    const last = rows.at(-1);
    if (rows.length === limit && last !== undefined) ends.push(positionOf(last));
    found.push(...rows);
  }
  const through = ends.toSorted(newestFirst)[0];
  const told = through === undefined ? found : found.filter((row) => newestFirst(row, through) <= 0);
  return { rows: told.toSorted(newestFirst), through };
}

function within(source: Events, { since, until, after }: AuditPageAsk): Events {
  let query = source;
  if (since !== undefined) query = query.where("at", ">=", since);
  if (until !== undefined) query = query.where("at", "<", until);
  if (after === undefined) return query;
  return query.where("at", "<=", after.at).where((eb) => eb.or([eb("at", "<", after.at), eb("seq", "<", after.seq)]));
}

/** Each has an index of its own in migration 0002, in the order of the list. */
function sourcesOf(db: Kysely<Schema>, ask: AuditPageAsk): readonly Events[] {
  const own = db.selectFrom("audit_events").selectAll().where("chain", "=", ask.chain);
  const { subject, actor, names } = ask;
  if (subject !== undefined) return [own.where("subject", "=", subject)];
  if (actor !== undefined && "who" in actor) return [own.where(actorColumns(db).who, "=", actor.who)];
  if (names !== undefined) return names.map((name) => own.where("name", "=", name));
  if (actor !== undefined) return [own.where(actorColumns(db).kind, "=", actor.kind)];
  return [own];
}

/** Whether one index tells all that was asked. */
function isAnswered({ subject, actor, names }: AuditPageAsk): boolean {
  return [subject, actor, names].filter((part) => part !== undefined).length <= 1;
}

function fits(row: AuditEventRow, { subject, actor, names }: AuditPageAsk): boolean {
  if (subject !== undefined && row.subject !== subject) return false;
  if (names !== undefined && !names.includes(row.name)) return false;
  if (actor === undefined) return true;
  const { kind, id, attempt, task } = JSON.parse(row.actor) as Readonly<Record<string, string | undefined>>;
  return "kind" in actor ? kind === actor.kind : (id ?? attempt ?? task) === actor.who;
}

function isWithin({ at }: AuditEventRow, { since, until }: ExportAsk): boolean {
  return (since === undefined || at >= since) && (until === undefined || at < until);
}

function positionOf({ at, seq }: AuditEventRow): AuditPosition {
  return { at, seq };
}
