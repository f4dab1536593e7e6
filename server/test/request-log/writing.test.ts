// Notes of the live log: taken at once, written in batches elsewhere, bounded, counted, without secrets, for seven days.
import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { RequestQueue } from "../../src/store/request-queue.ts";
import { type DatabaseKind, onEachDatabase, type ScratchDatabase, scratch } from "../support/databases.ts";
import { openRaw, type RawDatabase } from "../support/sql.ts";
import { account, filterOf, type OpenedForTest, openLog, project, readAll, record, whole } from "./records.ts";

const dayMs = 86_400_000;

/** The tables of the live log, wherever they are. */
async function rawLog(scratched: ScratchDatabase): Promise<RawDatabase> {
  if (scratched.kind === "postgres") return openRaw(scratched);
  return openRaw({ ...scratched, choice: { kind: "sqlite", file: join(scratched.folder, "requests.db") } });
}

test("beyond what the queue holds notes are dropped and counted, and the log says so once", async () => {
  const warnings: unknown[] = [];
  let written = 0;
  let isOpen = (): void => undefined;
  const gate = new Promise<void>((resolve) => (isOpen = resolve));
  const queue = new RequestQueue({
    now: () => Date.now(),
    warn: (...said) => void warnings.push(said),
    async write(rows) {
      await gate;
      written += rows.length;
    },
  });
  const one = record();
  for (let n = 0; n < 50_300; n += 1) queue.note(one);
  assert.equal(queue.dropped, 300);
  isOpen();
  await queue.flush();
  assert.deepEqual([written, queue.dropped], [50_000, 300]);
  assert.deepEqual(warnings, [["Request records were lost", { records: 300 }]]);
});

onEachDatabase("writing the live log", (kind: DatabaseKind) => {
  let scratched: ScratchDatabase;
  let opened: OpenedForTest[];
  beforeEach(async () => {
    scratched = await scratch(kind);
    opened = [];
  });
  afterEach(async () => {
    for (const one of opened) await one.close();
    await scratched.drop();
  });

  const open = async (options: Parameters<typeof openLog>[1] = {}): Promise<OpenedForTest> => {
    const one = await openLog(scratched, options);
    opened.push(one);
    return one;
  };

  test("a record comes back as it was noted", async () => {
    const log = await open();
    const noted = record({
      runId: "run-1",
      agent: "bot",
      refusal: "upstream_timeout",
      status: 504,
      upstreamStatus: null,
    });
    log.log.note(noted);
    await log.log.flush();
    assert.deepEqual(await log.reading.requests.find(whole, noted.id), noted);
    const bare = record({ rate: null, endpoint: null, connection: null, accountId: null, identifier: null });
    log.log.note(bare);
    await log.log.flush();
    assert.deepEqual(await log.reading.requests.find(whole, bare.id), bare);
  });

  test("by itself a note is written within half a second, and many come in order", async () => {
    const log = await open();
    const started = Date.now();
    const noted = Array.from({ length: 2500 }, (_, n) => record({ at: started + n, path: `/x/${n}` }));
    for (const one of noted) log.log.note(one);
    const deadline = performance.now() + 10_000;
    let seen = 0;
    while (seen < noted.length && performance.now() < deadline) {
      seen = await log.reading.requests.newest();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const { records } = await readAll(log, { filter: filterOf("") });
    assert.deepEqual(
      records.map(({ id }) => id),
      noted.map(({ id }) => id).toReversed(),
    );
  });

  test("no secret of a path, a run or upstream's own words is stored, whoever made the record", async () => {
    const log = await open();
    const secret = "0123456789abcdefABCDEF0123456789abcdef";
    const path = `/x/gho_${secret}?access_token=hunter2-${secret}&code=${secret}&q=Bearer%20${secret}`;
    log.log.note(record({ path, runId: `ghp_${secret}`, upstreamRequestId: `token ${secret}` }));
    await log.log.flush();
    const raw = await rawLog(scratched);
    const dump = JSON.stringify(await raw.dump()) + raw.files();
    await raw.close();
    assert.match(dump, /\[masked\]/);
    assert.equal(dump.includes(secret) || dump.includes("hunter2"), false);
  });

  test("texts that a database cannot hold, and texts without end, cost no record", async () => {
    const log = await open();
    const odd = record({ path: `/\0a\ud800b/${"c".repeat(5000)}`, method: "X".repeat(500), runId: "\0".repeat(9) });
    log.log.note(odd);
    log.log.note(record({ tokenName: "Łukasz \u{1f600}" }));
    await log.log.flush();
    const { records } = await readAll(log, { filter: filterOf("") });
    assert.equal(records.length, 2);
    assert.equal(log.log.dropped, 0);
    const kept = records.find(({ id }) => id === odd.id);
    assert.equal(kept?.path.startsWith("/a\ufffdb/cc"), true);
    assert.deepEqual([kept.path.length, kept.method.length, kept.runId], [2047, 32, ""]);
  });

  test("closing writes what is still noted, and a note after that is counted as dropped", async () => {
    const log = await openLog(scratched);
    for (let n = 0; n < 1500; n += 1) log.log.note(record());
    await log.close();
    log.log.note(record());
    assert.equal(log.log.dropped, 1);
    const again = await open();
    assert.equal((await readAll(again, { filter: filterOf("") })).records.length, 1500);
  });

  test("what is older than seven days is erased, in batches, with its counts; what is younger stays", async () => {
    let now = Date.now();
    const log = await open({ now: () => now });
    const start = now;
    for (let n = 0; n < 6000; n += 1) log.log.note(record({ at: now }));
    for (let n = 0; n < 10; n += 1) log.log.note(record({ at: now + 2 * dayMs, accountId: account(2) }));
    await log.log.flush();
    now = start + 7 * dayMs - 1000;
    await log.erase();
    assert.equal((await log.reading.requests.stats(whole, { window: "7d", now: start })).requests, 6000);
    now = start + 8 * dayMs;
    await log.erase();
    assert.equal((await readAll(log, { filter: filterOf("") })).records.length, 10);
    const raw = await rawLog(scratched);
    const counts = await raw.rows("select cast(sum(count) as bigint) as n from request_counts where kind = 'outcome'");
    assert.deepEqual(counts, [{ n: 10 }]);
    assert.deepEqual(await raw.rows("select account_id from request_headroom"), [{ account_id: account(2) }]);
    await raw.close();
  });

  test("a number is never given twice, also when everything was erased in between", async () => {
    let now = Date.now();
    const log = await open({ now: () => now });
    log.log.note(record({ at: now }));
    await log.log.flush();
    const first = await log.reading.requests.newest();
    now += 8 * dayMs;
    await log.erase();
    assert.equal(await log.reading.requests.newest(), 0);
    log.log.note(record({ at: now }));
    await log.log.flush();
    assert.equal((await log.reading.requests.newest()) > first, true);
  });

  if (kind === "postgres") {
    test("a database that goes away costs the batches of that time, counted and said, and no call", async () => {
      const log = await open();
      const raw = await openRaw(scratched);
      await raw.run("alter table requests rename to requests_away");
      log.log.note(record());
      await log.log.flush();
      assert.equal(log.log.dropped, 1);
      assert.match(log.warnings.join(), /Request records were lost/);
      await raw.run("alter table requests_away rename to requests");
      await raw.close();
      log.log.note(record());
      await log.log.flush();
      assert.equal((await readAll(log, { filter: filterOf("") })).records.length, 1);
    });
    return;
  }

  test("nothing is started and no file is made before the first note; then the file is its owner's only", async () => {
    const log = await open();
    const file = join(scratched.folder, "requests.db");
    await log.erase();
    assert.equal(existsSync(file), false);
    log.log.note(record());
    await log.log.flush();
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(statSync(`${file}-wal`).mode & 0o777, 0o600);
  });

  test("a worker that dies is said, what it held is lost and counted, and the next note starts another", async () => {
    const log = await open({ worker: new URL("dying-worker.ts", import.meta.url) });
    log.log.note(record({ path: "/before" }));
    await log.log.flush();
    const { requests } = log.reading as unknown as { requests: { die(): Promise<void> } };
    const asked = requests.die();
    log.log.note(record({ path: "/during" }));
    const flushed = log.log.flush();
    await assert.rejects(asked, { code: "worker_died" });
    await flushed;
    assert.match(log.warnings[0] ?? "", /worker of the live log died[\s\S]*out of luck/);
    log.log.note(record({ path: "/after" }));
    await log.log.flush();
    const { records } = await readAll(log, { filter: filterOf("") });
    const paths = records.map(({ path }) => path);
    assert.equal(paths.includes("/before") && paths.includes("/after"), true);
    assert.equal(paths.length + log.log.dropped, 3);
  });

  test("an error in the worker comes back as an error with its code, and the worker lives on", async () => {
    const log = await open();
    const bad = { filter: filterOf(""), limit: Number.NaN, after: null };
    await assert.rejects(log.reading.requests.page(whole, bad), { code: "ERR_SQLITE_ERROR" });
    const { nowhere } = log.reading as unknown as { nowhere: { ask(): Promise<void> } };
    await assert.rejects(nowhere.ask(), /There is no question nowhere.ask/);
    assert.deepEqual(await log.reading.accounts.byStatus(whole), []);
    assert.deepEqual(await log.reading.audit.after(project, 0, 10), []);
    assert.deepEqual(log.warnings, []);
  });
});
