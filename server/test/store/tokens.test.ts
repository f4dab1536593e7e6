// Gateway tokens in the store: a revocation takes everything below with it, and a child cannot slip in while it runs.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ProjectRow, TokenRow } from "../../src/store/schema.ts";
import { type Database, openDatabase, type Store } from "../../src/store/store.ts";
import { onEachDatabase, type ScratchDatabase, scratch } from "../support/databases.ts";
import { choiceOf, storeOf } from "./replica.ts";
import { accountRow, connectionRow, projectRow, tokenRow } from "./rows.ts";

onEachDatabase("the tree of tokens", (kind) => {
  let scratched: ScratchDatabase;
  let database: Database;
  let store: Store;
  let project: ProjectRow;
  before(async () => {
    scratched = await scratch(kind);
    database = openDatabase(choiceOf(scratched));
    await database.migrate();
    store = storeOf(database);
    project = projectRow();
    await store.projects.add(project);
  });
  after(async () => {
    await database.close();
    await scratched.drop();
  });

  async function grown(parent: TokenRow | null, more: Partial<TokenRow> = {}): Promise<TokenRow> {
    const row = tokenRow({ project_id: project.id, parent_id: parent?.id ?? null, ...more });
    await store.tokens.add(row);
    return row;
  }

  const isLiving = async ({ id }: TokenRow) => (await store.tokens.find(project.id, id))?.revoked_at === null;

  test("a revocation ends the token, its children at any depth, and nobody else", async () => {
    const root = await grown(null);
    const chain = [root];
    for (let depth = 0; depth < 30; depth += 1) chain.push(await grown(chain.at(-1) ?? null));
    const [, child] = chain;
    const side = await grown(child ?? null);
    const sibling = await grown(root);
    const stranger = await grown(null);
    const ended = await store.tokens.revokeTree(child?.id ?? root.id, 2000);
    assert.deepEqual([...ended].toSorted(), [...chain.slice(1), side].map(({ id }) => id).toSorted());
    for (const row of [root, sibling, stranger]) assert.equal(await isLiving(row), true);
    for (const row of [...chain.slice(1), side]) assert.equal(await isLiving(row), false);
  });

  test("what ended before keeps its time, and what lives below it ends all the same", async () => {
    const root = await grown(null);
    const middle = await grown(root, { revoked_at: 1111 });
    const leaf = await grown(middle);
    assert.deepEqual([...(await store.tokens.revokeTree(root.id, 2000))].toSorted(), [root.id, leaf.id].toSorted());
    assert.equal((await store.tokens.find(project.id, middle.id))?.revoked_at, 1111);
    assert.deepEqual(await store.tokens.revokeTree(root.id, 3000), []);
  });

  test("a token is within itself and those above it, and within no other", async () => {
    const root = await grown(null);
    const child = await grown(root);
    const leaf = await grown(child);
    const other = await grown(null);
    const within = async (row: TokenRow, of: TokenRow) => store.tokens.isWithin(row.id, of.id);
    assert.deepEqual(
      await Promise.all([within(leaf, root), within(leaf, leaf), within(root, leaf), within(leaf, other)]),
      [true, true, false, false],
    );
    const page = await store.tokens.page(project.id, root.id, { limit: 10, after: undefined });
    assert.deepEqual(page.rows.map(({ id }) => id).toSorted(), [root.id, child.id, leaf.id].toSorted());
  });

  test("a revoked token is not held, and two that hold it wait for each other", async () => {
    const root = await grown(null);
    assert.equal((await store.tokens.lockLiving(root.id))?.id, root.id);
    await store.tokens.revokeTree(root.id, 2000);
    assert.equal(await store.tokens.lockLiving(root.id), undefined);
  });

  test("while a child is being added under a held parent the revocation waits, and then ends the child too", async () => {
    const root = await grown(null);
    const child = tokenRow({ project_id: project.id, parent_id: root.id });
    const steps: string[] = [];
    const adding = store.change(async (tables) => {
      assert.notEqual(await tables.tokens.lockLiving(root.id), undefined);
      steps.push("held");
      await new Promise((resolve) => setImmediate(resolve));
      await tables.tokens.add(child);
      steps.push("added");
    });
    while (!steps.includes("held")) await new Promise((resolve) => setImmediate(resolve));
    const revoking = store.change(async (tables) => {
      await tables.tokens.revokeTree(root.id, 2000);
      steps.push("revoked");
    });
    await Promise.all([adding, revoking]);
    assert.deepEqual(steps, ["held", "added", "revoked"]);
    assert.equal(await isLiving(root), false);
    assert.equal(await isLiving(child), false, "the child outlived its parent");
  });

  test("tokens of an account are its living ones", async () => {
    const connection = connectionRow(project);
    await store.connections.add(connection);
    const { row: account } = await store.accounts.ensure(accountRow(connection));
    const bound = await grown(null, { account_id: account.id });
    await grown(null, { account_id: account.id, revoked_at: 1 });
    await grown(null);
    assert.deepEqual(await store.tokens.boundTo(account.id), [bound.id]);
  });

  test("the last use only moves forward", async () => {
    const { id } = await grown(null);
    for (const now of [5000, 4000, 6000, 1]) await store.tokens.touch(id, now);
    assert.equal((await store.tokens.find(project.id, id))?.last_used_at, 6000);
  });

  test("an instance token is not found among those of a project, nor the other way", async () => {
    const instance = await grown(null, { project_id: null });
    const own = await grown(null);
    assert.equal(await store.tokens.find(project.id, instance.id), undefined);
    assert.equal(await store.tokens.find(null, own.id), undefined);
    assert.equal(await store.tokens.find(projectRow().id, own.id), undefined);
  });
});
