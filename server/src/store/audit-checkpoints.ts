// Where checkpoints of the audit are kept, and where every chain ends.
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
  /** The checkpoint that stands at this end, whoever wrote it; null without one. */
  readonly kept: AuditCheckpointRow | null;
}

export interface Checkpoints {
  /** Of every chain, in the order of their names. */
  ends(after: string, limit: number): Promise<readonly ChainEnd[]>;
  end(chain: string): Promise<ChainEnd | undefined>;
  /** The one that stands at this event. */
  checkpoint(chain: string, seq: number): Promise<AuditCheckpointRow | undefined>;
  checkpointed(): Promise<readonly string[]>;
  /** What is there stays: the earlier statement says more. Answers the chains whose row is now there. */
  addCheckpoints(rows: readonly AuditCheckpointRow[]): Promise<ReadonlySet<string>>;
  /** In the place of one that was found to be none, and nothing else. */
  replaceCheckpoint(row: AuditCheckpointRow, forged: AuditCheckpointRow): Promise<void>;
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
      .leftJoin("audit_checkpoints as own", (on) =>
        on.onRef("own.chain", "=", "head.chain").onRef("own.seq", "=", "head.seq"),
      )
      .select((eb) => [
        "own.hash as kept_hash",
        "own.at as kept_at",
        "own.signature as kept_signature",
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
    async ends(after, limit) {
      const rows = await ends().where("head.chain", ">", after).orderBy("head.chain").limit(limit).execute();
      return rows.map(endIn);
    },
    async end(chain) {
      const row = await ends().where("head.chain", "=", chain).executeTakeFirst();
      return row === undefined ? undefined : endIn(row);
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
      if (rows.length === 0) return new Set();
      const added = await db
        .insertInto("audit_checkpoints")
        .values(rows)
        .onConflict((conflict) => conflict.columns(["chain", "seq"]).doNothing())
        .returning("chain")
        .execute();
      return new Set(added.map(({ chain }) => chain));
    },
    async replaceCheckpoint({ chain, seq, ...own }, forged) {
      const there = db.updateTable("audit_checkpoints").set(own).where("chain", "=", chain).where("seq", "=", seq);
      await there.where("hash", "=", forged.hash).where("signature", "=", forged.signature).execute();
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

type EndRow = Omit<ChainEnd, "kept"> & {
  readonly kept_hash: string | null;
  readonly kept_at: number | null;
  readonly kept_signature: string | null;
};

function endIn({ kept_hash: hash, kept_at: at, kept_signature: signature, ...end }: EndRow): ChainEnd {
  if (hash === null || at === null || signature === null) return { ...end, kept: null };
  return { ...end, kept: { chain: end.chain, seq: end.seq, hash, at, signature } };
}
