// Lists in pages: whoever walks the cursor sees every row that was there once, however many came at the same moment.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { cursorOf, parseCursor } from "../../src/rules/cursor.ts";
import type { ProjectRow } from "../../src/store/schema.ts";
import { type Database, openDatabase, type Store } from "../../src/store/store.ts";
import { onEachDatabase, type ScratchDatabase, scratch } from "../support/databases.ts";
import { choiceOf, storeOf } from "./replica.ts";
import { accountRow, connectionRow, projectRow, tokenRow } from "./rows.ts";

onEachDatabase("pages", (kind) => {
  let scratched: ScratchDatabase;
  let database: Database;
  let store: Store;
  before(async () => {
    scratched = await scratch(kind);
    database = openDatabase(choiceOf(scratched));
    await database.migrate();
    store = storeOf(database);
  });
  after(async () => {
    await database.close();
    await scratched.drop();
  });

  async function newProject(): Promise<ProjectRow> {
    const project = projectRow();
    await store.projects.add(project);
    return project;
  }

  /** Walks the tokens of a project page by page, doing something between two pages. */
  async function walk(project: ProjectRow, limit: number, between = async (): Promise<void> => {}): Promise<string[]> {
    const seen: string[] = [];
    let position: { created_at: number; id: string } | undefined;
    for (;;) {
      const page = await store.tokens.page(project.id, null, { limit, after: position });
      assert.ok(page.rows.length <= limit);
      seen.push(...page.rows.map(({ id }) => id));
      const last = page.rows.at(-1);
      if (!page.more || last === undefined) return seen;
      position = parseCursor(cursorOf(last));
      assert.notEqual(position, undefined);
      await between();
    }
  }

  test("of rows with one time each is seen once, whatever the size of a page", async () => {
    const project = await newProject();
    const rows = Array.from({ length: 25 }, (_, at) =>
      tokenRow({ project_id: project.id, created_at: 1000 + (at >> 3) }),
    );
    for (const row of rows) await store.tokens.add(row);
    const all = rows.map(({ id }) => id).toSorted();
    for (const limit of [1, 2, 7, 8, 24, 25, 26]) {
      const seen = await walk(project, limit);
      assert.deepEqual(seen.toSorted(), all, `limit ${limit}`);
    }
  });

  test("rows that are added with the same time while the cursor walks hide none and double none", async () => {
    const project = await newProject();
    const rows = Array.from({ length: 40 }, () => tokenRow({ project_id: project.id }));
    for (const row of rows) await store.tokens.add(row);
    const seen = await walk(project, 3, async () => {
      await store.tokens.add(tokenRow({ project_id: project.id }));
      await store.tokens.add(tokenRow({ project_id: project.id }));
    });
    assert.equal(new Set(seen).size, seen.length, "a row was seen twice");
    for (const { id } of rows) assert.ok(seen.includes(id), `${id} was not seen`);
  });

  test("a page that holds exactly the rest says that there is no more", async () => {
    const project = await newProject();
    for (let n = 0; n < 4; n += 1) await store.tokens.add(tokenRow({ project_id: project.id }));
    assert.equal((await store.tokens.page(project.id, null, { limit: 4, after: undefined })).more, false);
    assert.equal((await store.tokens.page(project.id, null, { limit: 3, after: undefined })).more, true);
    const beyond = { created_at: 9_000_000_000_000, id: "tok_" };
    assert.deepEqual(await store.tokens.page(project.id, null, { limit: 3, after: beyond }), { rows: [], more: false });
  });

  test("accounts, connections and projects are paged alike", async () => {
    const project = await newProject();
    const connections = Array.from({ length: 5 }, (_, at) => connectionRow(project, { name: `c${at}` }));
    for (const row of connections) await store.connections.add(row);
    const [first] = connections;
    assert.ok(first !== undefined);
    for (let at = 0; at < 5; at += 1) await store.accounts.ensure(accountRow(first, { identifier: `u${at}` }));
    const start = { limit: 3, after: undefined };
    for (const read of [
      async (ask: typeof start | { limit: number; after: { created_at: number; id: string } }) =>
        store.connections.page(project.id, ask),
      async (ask: typeof start | { limit: number; after: { created_at: number; id: string } }) =>
        store.accounts.page({ project: project.id }, ask),
    ]) {
      const page = await read(start);
      const last = page.rows.at(-1);
      assert.ok(last !== undefined);
      const rest = await read({ limit: 3, after: last });
      assert.equal(new Set([...page.rows, ...rest.rows].map(({ id }) => id)).size, 5);
      assert.deepEqual([page.more, rest.more], [true, false]);
    }
    assert.ok((await store.projects.page({ limit: 100, after: undefined })).rows.length >= 4);
  });
});

test("a cursor comes back as it went out, and anything else is none", () => {
  const position = fc
    .tuple(fc.maxSafeNat(), fc.stringMatching(/^[a-z]{3}_[0-9a-f]{32}$/))
    .map(([created_at, id]) => ({ created_at, id }));
  fc.assert(fc.property(position, (at) => assert.deepEqual(parseCursor(cursorOf(at)), at)));
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: "binary" }),
        fc.base64String(),
        fc.json().map((json) => Buffer.from(json).toString("base64url")),
      ),
      (text) => {
        const at = parseCursor(text);
        if (at === undefined) return;
        assert.ok(Number.isSafeInteger(at.created_at));
        assert.equal(typeof at.id, "string");
      },
    ),
    { numRuns: 1000 },
  );
});
