// What may be used once is taken in one statement: of any number of takers, in any number of processes, one wins.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { AccountRow, LinkRow } from "../../src/store/schema.ts";
import { type Database, openDatabase, type Store } from "../../src/store/store.ts";
import { onEachDatabase, type ScratchDatabase, scratch } from "../support/databases.ts";
import { askBoth, choiceOf, openReplica, type Replica, type Round, storeOf } from "./replica.ts";
import { accountRow, attemptRow, connectionRow, linkRow, newId, projectRow } from "./rows.ts";

onEachDatabase("fifty takers of one thing", (kind) => {
  let scratched: ScratchDatabase;
  let database: Database;
  let store: Store;
  let replicas: Replica[];
  let account: AccountRow;
  before(async () => {
    scratched = await scratch(kind);
    database = openDatabase(choiceOf(scratched));
    await database.migrate();
    store = storeOf(database);
    replicas = await Promise.all([openReplica(scratched), openReplica(scratched)]);
    const project = projectRow();
    const connection = connectionRow(project);
    account = accountRow(connection);
    await store.projects.add(project);
    await store.connections.add(connection);
    await store.accounts.ensure(account);
  });
  after(async () => {
    for (const replica of replicas) await replica.close();
    await database.close();
    await scratched.drop();
  });

  async function winners(table: string, question: string, ask: readonly unknown[]): Promise<number> {
    const round: Round = { table, question, asks: Array.from({ length: 50 }, () => ask) };
    const answers = await askBoth(replicas, round);
    assert.equal(answers.length, 50);
    return answers.filter((answer) => answer !== undefined && answer !== false).length;
  }

  async function newLink(more: Partial<LinkRow> = {}): Promise<LinkRow> {
    const link = linkRow(account, more);
    await store.links.add(link);
    return link;
  }

  test("a link is spent by one", async () => {
    const { id } = await newLink();
    assert.equal(await winners("links", "spend", [id, 1500]), 1);
    assert.equal((await store.links.find(id))?.spent_at, 1500);
  });

  test("a link is opened as often as it may be, and not once more", async () => {
    const { digest, id } = await newLink();
    assert.equal(await winners("links", "open", [digest, 1500, 20]), 20);
    assert.equal((await store.links.find(id))?.openings, 20);
  });

  test("a spent link, and one whose time is over, is not opened", async () => {
    const spent = await newLink({ spent_at: 1200 });
    const over = await newLink({ expires_at: 1500 });
    for (const { digest } of [spent, over]) assert.equal(await store.links.open(digest, 1500, 20), undefined);
    assert.notEqual(await store.links.open(over.digest, 1499, 20), undefined);
  });

  test("a state is taken by one, and by the browser that got it, in its time", async () => {
    const attempt = attemptRow(await newLink(), account);
    await store.attempts.add(attempt);
    const { state_digest } = attempt;
    assert.equal(await store.attempts.take(state_digest, "another browser", 1500), undefined);
    assert.equal(await store.attempts.take(state_digest, "a browser", 2000), undefined);
    assert.equal((await store.attempts.find(attempt.id))?.status, "STARTED");
    assert.equal(await winners("attempts", "take", [state_digest, "a browser", 1999]), 1);
    assert.equal((await store.attempts.find(attempt.id))?.status, "TAKEN");
  });

  test("a taken state has one outcome", async () => {
    const attempt = attemptRow(await newLink(), account, { status: "TAKEN" });
    await store.attempts.add(attempt);
    assert.equal(await winners("attempts", "settle", [attempt.id, { status: "VERIFYING", credential: "bhs1" }]), 1);
  });

  test("a waiting authorization is confirmed by one, and its tokens leave the row", async () => {
    const waiting = { status: "VERIFYING", credential: "bhs1.k1.x", auth_request_digest: "ticket" } as const;
    const attempt = attemptRow(await newLink(), account, waiting);
    await store.attempts.add(attempt);
    assert.equal((await store.attempts.waiting(account.project_id, "ticket"))?.id, attempt.id);
    assert.equal(await store.attempts.waiting(projectRow().id, "ticket"), undefined);
    assert.equal(await winners("attempts", "close", [attempt.id, "DONE"]), 1);
    assert.equal((await store.attempts.find(attempt.id))?.credential, null);
    assert.equal(await store.attempts.waiting(account.project_id, "ticket"), undefined);
  });

  test("a revocation is sent by one at a time, and again only after its hold", async () => {
    const id = newId("revocation");
    await store.revocations.add({
      id,
      project_id: account.project_id,
      account_id: account.id,
      payload: "bhs1.k1.x",
      whole_grant: 0,
      erase_account: 0,
      tries: 0,
      next_at: 1000,
      give_up_at: 9000,
      created_at: 1000,
    });
    assert.equal(await store.revocations.take(id, 999, 2000), undefined);
    assert.equal(await winners("revocations", "take", [id, 1000, 2000]), 1);
    assert.equal(await store.revocations.take(id, 1999, 3000), undefined);
    assert.equal((await store.revocations.take(id, 2000, 3000))?.tries, 2);
  });

  test("an idempotency key is begun by one, and anew only when it has expired", async () => {
    const row = {
      key_digest: "k",
      project_id: account.project_id,
      body_digest: "b",
      state: "started",
      started_at: 1000,
      deadline_at: 1500,
      status: null,
      answer: null,
      expires_at: 2000,
    } as const;
    assert.equal(await winners("idempotency", "begin", [row]), 1);
    await store.idempotency.answer("k", { status: 201, answer: "bhs1.k1.first" });
    await store.idempotency.answer("k", { status: 500, answer: "bhs1.k1.second" });
    await store.idempotency.drop("k");
    assert.equal((await store.idempotency.find("k"))?.answer, "bhs1.k1.first");
    assert.equal(await store.idempotency.begin({ ...row, started_at: 1999 }), false);
    assert.equal(await winners("idempotency", "begin", [{ ...row, started_at: 2000, expires_at: 3000 }]), 1);
    assert.equal((await store.idempotency.find("k"))?.state, "started");
  });

  test("a fact about the database is put once, and the first value stays", async () => {
    const asks = Array.from({ length: 50 }, (_, at) => ["admin_token_issued", String(at)]);
    const answers = await askBoth(replicas, { table: "meta", question: "putOnce", asks });
    assert.equal(answers.filter((answer) => answer === true).length, 1);
    const kept = await store.meta.find("admin_token_issued");
    assert.equal(await store.meta.putOnce("admin_token_issued", "late"), false);
    assert.equal(await store.meta.find("admin_token_issued"), kept);
  });

  test("a connection is named by one, and changed by one of those who read it", async () => {
    const [project] = [projectRow()];
    await store.projects.add(project);
    const asks = Array.from({ length: 20 }, () => [connectionRow(project)]);
    const added = await askBoth(replicas, { table: "connections", question: "add", asks });
    assert.equal(added.filter((answer) => answer === true).length, 1);
    const row = await store.connections.byName(project.id, "github");
    assert.ok(row !== undefined);
    assert.equal(await winners("connections", "change", [row.id, row.updated_at, { updated_at: 1001 }]), 1);
  });
});
