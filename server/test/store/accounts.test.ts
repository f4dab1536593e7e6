// Accounts in the store: made once, changed only from where they were expected to be, leased to one at a time.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { AccountRow, ConnectionRow } from "../../src/store/schema.ts";
import { type Database, openDatabase, type Store } from "../../src/store/store.ts";
import { onEachDatabase, type ScratchDatabase, scratch } from "../support/databases.ts";
import { askBoth, choiceOf, openReplica, type Replica, storeOf } from "./replica.ts";
import { accountRow, connectionRow, projectRow } from "./rows.ts";

onEachDatabase("accounts", (kind) => {
  let scratched: ScratchDatabase;
  let database: Database;
  let store: Store;
  let replicas: Replica[];
  let connection: ConnectionRow;
  before(async () => {
    scratched = await scratch(kind);
    database = openDatabase(choiceOf(scratched));
    await database.migrate();
    store = storeOf(database);
    replicas = await Promise.all([openReplica(scratched), openReplica(scratched)]);
    const project = projectRow();
    connection = connectionRow(project);
    await store.projects.add(project);
    await store.connections.add(connection);
  });
  after(async () => {
    for (const replica of replicas) await replica.close();
    await database.close();
    await scratched.drop();
  });

  async function kept(more: Partial<AccountRow>): Promise<AccountRow> {
    return (await store.accounts.ensure(accountRow(connection, more))).row;
  }

  test("twenty callers through two processes that ask for one identifier get one account, made by one of them", async () => {
    const asks = Array.from({ length: 20 }, () => [accountRow(connection, { identifier: "wanted" })]);
    const answers = (await askBoth(replicas, { table: "accounts", question: "ensure", asks })) as {
      row: AccountRow;
      created: boolean;
    }[];
    assert.equal(answers.length, 20);
    assert.equal(new Set(answers.map(({ row }) => row.id)).size, 1);
    assert.equal(answers.filter(({ created }) => created).length, 1);
    const ask = { limit: 100, after: undefined };
    const { rows } = await store.accounts.page({ project: connection.project_id, identifier: "wanted" }, ask);
    assert.equal(rows.length, 1);
  });

  test("identifiers differ in case, accents and trailing blanks", async () => {
    const identifiers = ["Ana", "ana", "ána", "ana ", "ana\u200d", "ANA"];
    for (const identifier of identifiers) await kept({ identifier });
    for (const identifier of identifiers)
      assert.equal((await store.accounts.byIdentifier(connection.id, identifier))?.identifier, identifier);
  });

  test("a change happens only where status and tokens are as expected, and answers the row as it is then", async () => {
    const row = await kept({ identifier: "cas", status: "ACTIVE", access_digest: "a1", refresh_digest: null });
    const change = { status: "REVOKED" } as const;
    for (const expected of [
      { status: ["PENDING", "EXPIRED"] as const },
      { access_digest: "a2" },
      { access_digest: null },
      { refresh_digest: "r1" },
      { status: ["ACTIVE"] as const, access_digest: "a1", refresh_digest: "r1" },
    ])
      assert.equal(await store.accounts.change(row.id, expected, change), undefined, JSON.stringify(expected));
    assert.deepEqual(await store.accounts.byId(row.id), row);
    const expected = { status: ["ACTIVE"], access_digest: "a1", refresh_digest: null } as const;
    const changed = await store.accounts.change(row.id, expected, change);
    assert.deepEqual({ ...changed }, { ...row, status: "REVOKED" });
    assert.equal(await store.accounts.change(row.id, expected, change), undefined);
  });

  test("of fifty changes that expect the same token one happens", async () => {
    const row = await kept({ identifier: "race", status: "ACTIVE", refresh_digest: "r0" });
    const asks = Array.from({ length: 50 }, (_, at) => [
      row.id,
      { refresh_digest: "r0" },
      { refresh_digest: `r${at + 1}` },
    ]);
    const answers = await askBoth(replicas, { table: "accounts", question: "change", asks });
    const winners = answers.filter((answer) => answer !== undefined) as AccountRow[];
    assert.equal(winners.length, 1);
    assert.equal((await store.accounts.byId(row.id))?.refresh_digest, winners[0]?.refresh_digest);
  });

  test("of fifty holders one gets the lease; another only once it is over or given back", async () => {
    const { id } = await kept({ identifier: "leased", status: "ACTIVE" });
    const asks = Array.from({ length: 50 }, (_, at) => [id, { holder: `h${at}`, now: 1000, until: 2000 }]);
    const answers = await askBoth(replicas, { table: "accounts", question: "takeLease", asks });
    const [won, ...more] = answers.filter((answer) => answer !== undefined) as AccountRow[];
    assert.equal(more.length, 0);
    const holder = won?.lease_holder ?? "";
    assert.match(holder, /^h\d+$/);
    assert.equal(await store.accounts.takeLease(id, { holder, now: 1500, until: 9000 }), undefined);
    assert.equal(await store.accounts.takeLease(id, { holder: "late", now: 1999, until: 9000 }), undefined);
    assert.equal(
      (await store.accounts.takeLease(id, { holder: "late", now: 2000, until: 9000 }))?.lease_holder,
      "late",
    );
    await store.accounts.dropLease(id, holder);
    assert.equal((await store.accounts.byId(id))?.lease_holder, "late", "a holder that lost the lease drops nothing");
    await store.accounts.dropLease(id, "late");
    const next = await store.accounts.takeLease(id, { holder: "next", now: 2001, until: 9000 });
    assert.deepEqual([next?.lease_holder, next?.lease_until], ["next", 9000]);
  });

  test("401 answers are counted for the current token only, none is lost", async () => {
    const { id } = await kept({ identifier: "counted", status: "ACTIVE", access_digest: "a1" });
    const asks = Array.from({ length: 20 }, () => [id, "a1"]);
    const counts = await askBoth(replicas, { table: "accounts", question: "countUnauthorized", asks });
    assert.deepEqual(
      (counts as number[]).toSorted((a, b) => a - b),
      Array.from({ length: 20 }, (_, at) => at + 1),
    );
    assert.equal(await store.accounts.countUnauthorized(id, "a0"), 0);
    assert.equal((await store.accounts.byId(id))?.unauthorized_count, 20);
  });

  test("only an account whose deletion is pending is erased", async () => {
    const living = await kept({ identifier: "living", status: "ACTIVE" });
    const ended = await kept({ identifier: "ended", status: "DISCONNECTED", status_reason: "disconnected_by_request" });
    const going = await kept({ identifier: "going", status: "DISCONNECTED", status_reason: "deletion_pending" });
    assert.deepEqual(await Promise.all([living, ended, going].map(async ({ id }) => store.accounts.eraseEnded(id))), [
      false,
      false,
      true,
    ]);
    assert.equal(await store.accounts.eraseEnded(going.id), false);
    assert.equal(await store.accounts.find(going.project_id, going.id), undefined);
  });

  test("what is due for refreshing is active, near its end, free and not told to wait", async () => {
    const due = { status: "ACTIVE", refresh_digest: "r", expires_at: 100 } as const;
    await kept({ ...due, identifier: "due 2", expires_at: 200 });
    await kept({ ...due, identifier: "due 1" });
    await kept({ ...due, identifier: "late", expires_at: 500 });
    await kept({ ...due, identifier: "waiting", refresh_not_before: 51 });
    await kept({ ...due, identifier: "held", lease_holder: "x", lease_until: 51 });
    await kept({ ...due, identifier: "expired", status: "EXPIRED" });
    await kept({ ...due, identifier: "without", refresh_digest: null });
    const names = (rows: readonly AccountRow[]) => rows.map(({ identifier }) => identifier);
    assert.deepEqual(names(await store.accounts.refreshDue(500, 50, 10)), ["due 1", "due 2"]);
    assert.deepEqual(names(await store.accounts.refreshDue(500, 50, 1)), ["due 1"]);
  });

  test("an account of another project is not found by its id", async () => {
    const row = await kept({ identifier: "mine" });
    assert.equal(await store.accounts.find(projectRow().id, row.id), undefined);
    assert.equal((await store.accounts.find(row.project_id, row.id))?.id, row.id);
  });
});
