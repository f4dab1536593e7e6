// Authorizations in progress.
import type { Kysely } from "kysely";
import type { AccountId, AttemptId, ProjectId } from "../rules/ids.ts";
import type { AttemptRow, Schema } from "./schema.ts";

export type AttemptOutcome = Pick<
  AttemptRow,
  "status" | "auth_request_digest" | "credential" | "grant_facts" | "provider_user_id" | "expires_at"
>;

export interface Attempts {
  add(row: AttemptRow): Promise<void>;
  find(id: AttemptId): Promise<AttemptRow | undefined>;
  /** What a state belongs to, whatever became of it. */
  byState(digest: string): Promise<AttemptRow | undefined>;
  /** Takes a state once, and only from the browser that was given it. */
  take(stateDigest: string, browserDigest: string, now: number): Promise<AttemptRow | undefined>;
  /** Codes being swapped for tokens just now: whose they are nobody knows yet. */
  inTheAir(now: number): Promise<readonly AttemptRow[]>;
  /** TAKEN → its outcome; false when it is no longer taken. */
  settle(id: AttemptId, outcome: Partial<AttemptOutcome>): Promise<boolean>;
  /** Ends what has begun and is not settled: whoever comes back finds nobody. */
  abandon(account: AccountId): Promise<void>;
  waiting(project: ProjectId, authRequestDigest: string): Promise<AttemptRow | undefined>;
  /** VERIFYING → DONE or FAILED once; false when somebody else did. The sealed credential leaves the row. */
  close(id: AttemptId, status: "DONE" | "FAILED"): Promise<boolean>;
  /** Whether another attempt of the account still waits to be confirmed. */
  othersWaiting(account: AccountId, except: AttemptId): Promise<boolean>;
  waitingOf(account: AccountId): Promise<readonly AttemptRow[]>;
  /** Unconfirmed attempts of a provider user, in every project. */
  waitingFor(providerUserId: string): Promise<readonly AttemptRow[]>;
  /** Unconfirmed attempts whose time is over. */
  overdue(now: number, limit: number): Promise<readonly AttemptRow[]>;
  eraseOlderThan(time: number): Promise<void>;
}

export function attemptsTable(db: Kysely<Schema>): Attempts {
  const waiting = () => db.selectFrom("attempts").selectAll().where("status", "=", "VERIFYING");
  return {
    async add(row) {
      await db.insertInto("attempts").values(row).execute();
    },
    async find(id) {
      return db.selectFrom("attempts").selectAll().where("id", "=", id).executeTakeFirst();
    },
    async byState(digest) {
      return db.selectFrom("attempts").selectAll().where("state_digest", "=", digest).executeTakeFirst();
    },
    async take(stateDigest, browserDigest, now) {
      return db
        .updateTable("attempts")
        .set({ status: "TAKEN" })
        .where("state_digest", "=", stateDigest)
        .where("browser_digest", "=", browserDigest)
        .where("status", "=", "STARTED")
        .where("expires_at", ">", now)
        .returningAll()
        .executeTakeFirst();
    },
    async inTheAir(now) {
      return db
        .selectFrom("attempts")
        .selectAll()
        .where("status", "=", "TAKEN")
        .where("expires_at", ">", now)
        .execute();
    },
    async settle(id, outcome) {
      const result = await db
        .updateTable("attempts")
        .set(outcome)
        .where("id", "=", id)
        .where("status", "=", "TAKEN")
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },
    async abandon(account) {
      await db
        .updateTable("attempts")
        .set({ status: "FAILED" })
        .where("account_id", "=", account)
        .where("status", "in", ["STARTED", "TAKEN"])
        .execute();
    },
    async waiting(project, authRequestDigest) {
      return waiting()
        .where("project_id", "=", project)
        .where("auth_request_digest", "=", authRequestDigest)
        .executeTakeFirst();
    },
    async close(id, status) {
      const result = await db
        .updateTable("attempts")
        .set({ status, credential: null })
        .where("id", "=", id)
        .where("status", "=", "VERIFYING")
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },
    async othersWaiting(account, except) {
      const row = await waiting()
        .where("account_id", "=", account)
        .where("id", "!=", except)
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    },
    async waitingOf(account) {
      return waiting().where("account_id", "=", account).execute();
    },
    async waitingFor(providerUserId) {
      return waiting().where("provider_user_id", "=", providerUserId).execute();
    },
    async overdue(now, limit) {
      return waiting().where("expires_at", "<=", now).limit(limit).execute();
    },
    async eraseOlderThan(time) {
      await db.deleteFrom("attempts").where("expires_at", "<", time).where("status", "!=", "VERIFYING").execute();
    },
  };
}
