// Where checkpoints of the audit are kept, and which chains have grown since their last.
import { type Kysely, sql } from "kysely";
import type { AuditCheckpointRow, Schema } from "./schema.ts";

/** The end of a chain, with everything that proves it. */
export interface ChainEnd {
  readonly chain: string;
  readonly seq: number;
  /** HMAC over the end (`headText`). */
  readonly head: string;
  /** Hash of the last event; null when it is gone. */
  readonly hash: string | null;
  /** The furthest event that a checkpoint names; null without any. */
  readonly marked: number | null;
}

export interface Checkpoints {
  /** Chains whose end no checkpoint names, in the order of their names. */
  grown(after: string, limit: number): Promise<readonly ChainEnd[]>;
  end(chain: string): Promise<ChainEnd | undefined>;
  /** The one that stands at this event. */
  checkpoint(chain: string, seq: number): Promise<AuditCheckpointRow | undefined>;
  checkpointed(): Promise<readonly string[]>;
  /** What is there stays: the earlier statement says more. */
  addCheckpoints(rows: readonly AuditCheckpointRow[]): Promise<void>;
  /** True for the one process whose turn it is: nobody has begun a round since. */
  beginRound(since: number, now: number): Promise<boolean>;
}

const round = "audit_checkpoint_round";

export function checkpointTable(db: Kysely<Schema>): Checkpoints {
  const ends = () =>
    db
      .selectFrom("audit_heads as head")
      .leftJoin("audit_events as event", (on) =>
        on.onRef("event.chain", "=", "head.chain").onRef("event.seq", "=", "head.seq"),
      )
      .select((eb) => [
        "head.chain",
        "head.seq",
        "head.hash as head",
        "event.hash as hash",
        eb
          .selectFrom("audit_checkpoints as mark")
          .whereRef("mark.chain", "=", "head.chain")
          .select((own) => own.fn.max("mark.seq").as("seq"))
          .as("marked"),
      ]);
  return {
    async grown(after, limit) {
      return ends()
        .leftJoin("audit_checkpoints as own", (on) =>
          on.onRef("own.chain", "=", "head.chain").onRef("own.seq", "=", "head.seq"),
        )
        .where("own.seq", "is", null)
        .where("head.chain", ">", after)
        .orderBy("head.chain")
        .limit(limit)
        .execute();
    },
    async end(chain) {
      return ends().where("head.chain", "=", chain).executeTakeFirst();
    },
    async checkpoint(chain, seq) {
      const own = db.selectFrom("audit_checkpoints").selectAll().where("chain", "=", chain);
      return own.where("seq", "=", seq).executeTakeFirst();
    },
    async checkpointed() {
      const rows = await db.selectFrom("audit_checkpoints").select("chain").distinct().execute();
      return rows.map((row) => row.chain);
    },
    async addCheckpoints(rows) {
      if (rows.length === 0) return;
      await db
        .insertInto("audit_checkpoints")
        .values(rows)
        .onConflict((conflict) => conflict.columns(["chain", "seq"]).doNothing())
        .execute();
    },
    async beginRound(since, now) {
      const last = await db.selectFrom("meta").select("value").where("name", "=", round).executeTakeFirst();
      if (last !== undefined && Number(last.value) > since) return false;
      const taken = await db
        .insertInto("meta")
        .values({ name: round, value: String(now) })
        .onConflict((conflict) =>
          conflict
            .column("name")
            .doUpdateSet({ value: String(now) })
            .where(sql<number>`cast(meta.value as bigint)`, "<=", since),
        )
        .returning("name")
        .executeTakeFirst();
      return taken !== undefined;
    },
  };
}
