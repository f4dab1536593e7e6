// Accounts: one person's grant under a connection. Every change of state says what it expects and answers whether it happened.
import type { Kysely } from "kysely";
import { type AccountStatus, mayBecome } from "../rules/account.ts";
import type { AccountId, ConnectionId, ProjectId } from "../rules/ids.ts";
import { type Page, type PageAsk, pageOf } from "./page.ts";
import type { AccountRow, Schema } from "./schema.ts";

export interface AccountFilter {
  readonly project: ProjectId;
  readonly id?: AccountId | undefined;
  readonly connection?: ConnectionId | undefined;
  readonly identifier?: string | undefined;
  readonly status?: AccountStatus | undefined;
}

/** What a row must still be for a change to happen. */
export interface Expected {
  readonly status?: readonly AccountStatus[];
  readonly access_digest?: string | null;
  readonly refresh_digest?: string | null;
}

export type AccountChange = Partial<
  Omit<AccountRow, "id" | "project_id" | "connection_id" | "identifier" | "created_at">
>;

export type HeldDigests = Pick<AccountRow, "access_digest" | "refresh_digest">;

export interface Accounts {
  /** Adds it unless (connection, identifier) is taken; answers the row that is there now. */
  ensure(row: AccountRow): Promise<{ readonly row: AccountRow; readonly created: boolean }>;
  find(project: ProjectId, id: AccountId): Promise<AccountRow | undefined>;
  /**
   * The row, held until the transaction ends: whoever changes it waits, or was first. Always the first row a transaction locks,
   * before attempts, links and traces of the account, so that no two transactions wait for each other.
   */
  lock(project: ProjectId, id: AccountId): Promise<AccountRow | undefined>;
  /** For the house's own chores, which serve every project. */
  byId(id: AccountId): Promise<AccountRow | undefined>;
  byIdentifier(connection: ConnectionId, identifier: string): Promise<AccountRow | undefined>;
  page(filter: AccountFilter, ask: PageAsk): Promise<Page<AccountRow>>;
  /** Compare-and-set: the row as it is afterwards, or undefined when it was not as expected. */
  change(id: AccountId, expected: Expected, change: AccountChange): Promise<AccountRow | undefined>;
  /** Takes the refresh lease; undefined while another holds it. */
  takeLease(
    id: AccountId,
    lease: { readonly holder: string; readonly now: number; readonly until: number },
  ): Promise<AccountRow | undefined>;
  dropLease(id: AccountId, holder: string): Promise<void>;
  /** Takes the turn to ask the provider: false when somebody did since `before`. */
  claimCheck(id: AccountId, turn: { readonly now: number; readonly before: number }): Promise<boolean>;
  countUnauthorized(id: AccountId, accessDigest: string): Promise<number>;
  touch(id: AccountId, now: number): Promise<void>;
  /** Accounts whose tokens end before a time and may be refreshed now. */
  refreshDue(endsBefore: number, now: number, limit: number): Promise<readonly AccountRow[]>;
  probeDue(before: number, limit: number): Promise<readonly AccountRow[]>;
  /** Every account of this instance that holds a credential for the same person; the caller compares client and host. */
  ofPerson(providerUserId: string): Promise<readonly AccountRow[]>;
  /** Whether an account of this instance other than `but` holds that very access or refresh token. */
  isHeld(digests: HeldDigests, but?: AccountId): Promise<boolean>;
  /** Erases an account whose deletion is pending; false when there is none. */
  eraseEnded(id: AccountId): Promise<boolean>;
}

export function accountsTable(db: Kysely<Schema>): Accounts {
  const rows = () => db.selectFrom("accounts").selectAll();
  return {
    async ensure(row) {
      const added = await db
        .insertInto("accounts")
        .values(row)
        .onConflict((conflict) => conflict.columns(["connection_id", "identifier"]).doNothing())
        .returningAll()
        .executeTakeFirst();
      if (added !== undefined) return { row: added, created: true };
      const there = await rows()
        .where("connection_id", "=", row.connection_id)
        .where("identifier", "=", row.identifier)
        .executeTakeFirstOrThrow();
      return { row: there, created: false };
    },
    async find(project, id) {
      return rows().where("id", "=", id).where("project_id", "=", project).executeTakeFirst();
    },
    async lock(project, id) {
      return db
        .updateTable("accounts")
        .set((eb) => ({ lease_until: eb.ref("lease_until") }))
        .where("id", "=", id)
        .where("project_id", "=", project)
        .returningAll()
        .executeTakeFirst();
    },
    async byId(id) {
      return rows().where("id", "=", id).executeTakeFirst();
    },
    async byIdentifier(connection, identifier) {
      return rows().where("connection_id", "=", connection).where("identifier", "=", identifier).executeTakeFirst();
    },
    async page(filter, ask) {
      let query = rows().where("project_id", "=", filter.project);
      if (filter.id !== undefined) query = query.where("id", "=", filter.id);
      if (filter.connection !== undefined) query = query.where("connection_id", "=", filter.connection);
      if (filter.identifier !== undefined) query = query.where("identifier", "=", filter.identifier);
      if (filter.status !== undefined) query = query.where("status", "=", filter.status);
      return pageOf(query, ask);
    },
    async change(id, expected, change) {
      let query = db.updateTable("accounts").set(change).where("id", "=", id);
      // Whatever the caller expects, no row leaves the status machine.
      const lawful = change.status === undefined ? undefined : mayBecome(change.status);
      for (const statuses of [expected.status, lawful]) {
        if (statuses !== undefined) query = query.where("status", "in", [...statuses]);
      }
      for (const column of ["access_digest", "refresh_digest"] as const) {
        const value = expected[column];
        if (value === null) query = query.where(column, "is", null);
        else if (value !== undefined) query = query.where(column, "=", value);
      }
      return query.returningAll().executeTakeFirst();
    },
    ...leases(db),
    ...sweeps(db),
    async claimCheck(id, { now, before }) {
      const result = await db
        .updateTable("accounts")
        .set({ check_asked_at: now })
        .where("id", "=", id)
        .where("check_asked_at", "<=", before)
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },
    async countUnauthorized(id, accessDigest) {
      const row = await db
        .updateTable("accounts")
        .set((eb) => ({ unauthorized_count: eb("unauthorized_count", "+", 1) }))
        .where("id", "=", id)
        .where("access_digest", "=", accessDigest)
        .returning("unauthorized_count")
        .executeTakeFirst();
      return row?.unauthorized_count ?? 0;
    },
    async touch(id, now) {
      await db.updateTable("accounts").set({ last_used_at: now }).where("id", "=", id).execute();
    },
    async ofPerson(providerUserId) {
      return rows().where("provider_user_id", "=", providerUserId).where("credential", "is not", null).execute();
    },
    async isHeld({ access_digest, refresh_digest }, but) {
      let query = db
        .selectFrom("accounts")
        .select("id")
        .where("credential", "is not", null)
        .where((eb) => eb.or([eb("access_digest", "=", access_digest), eb("refresh_digest", "=", refresh_digest)]));
      if (but !== undefined) query = query.where("id", "!=", but);
      return (await query.limit(1).executeTakeFirst()) !== undefined;
    },
    async eraseEnded(id) {
      const result = await db
        .deleteFrom("accounts")
        .where("id", "=", id)
        .where("status", "=", "DISCONNECTED")
        .where("status_reason", "=", "deletion_pending")
        .executeTakeFirst();
      return result.numDeletedRows === 1n;
    },
  };
}

function leases(db: Kysely<Schema>): Pick<Accounts, "takeLease" | "dropLease"> {
  return {
    async takeLease(id, { holder, now, until }) {
      return db
        .updateTable("accounts")
        .set({ lease_holder: holder, lease_until: until })
        .where("id", "=", id)
        .where((eb) => eb.or([eb("lease_holder", "is", null), eb("lease_until", "<=", now)]))
        .returningAll()
        .executeTakeFirst();
    },
    async dropLease(id, holder) {
      await db
        .updateTable("accounts")
        .set({ lease_holder: null, lease_until: 0 })
        .where("id", "=", id)
        .where("lease_holder", "=", holder)
        .execute();
    },
  };
}

function sweeps(db: Kysely<Schema>): Pick<Accounts, "refreshDue" | "probeDue"> {
  const active = () => db.selectFrom("accounts").selectAll().where("status", "=", "ACTIVE");
  return {
    async refreshDue(endsBefore, now, limit) {
      return active()
        .where("refresh_digest", "is not", null)
        .where("expires_at", "<", endsBefore)
        .where("refresh_not_before", "<=", now)
        .where("lease_until", "<=", now)
        .orderBy("expires_at")
        .limit(limit)
        .execute();
    },
    async probeDue(before, limit) {
      // One that could not be asked waits for its next turn, so that it does not crowd out the others.
      return active()
        .where("check_asked_at", "<=", before)
        .where("checked_at", "<", before)
        .orderBy("checked_at")
        .limit(limit)
        .execute();
    },
  };
}
