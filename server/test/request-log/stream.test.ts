// The order of the live log: whoever follows it misses no record, whoever else writes.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type DatabaseKind, onEachDatabase, type ScratchDatabase, scratch } from "../support/databases.ts";
import { openRaw } from "../support/sql.ts";
import { filterOf, neighbour, type OpenedForTest, openLog, record, whole } from "./records.ts";

onEachDatabase("following the live log", (kind: DatabaseKind) => {
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

  const open = async (): Promise<OpenedForTest> => {
    const one = await openLog(scratched);
    opened.push(one);
    return one;
  };

  test("two processes write at once: a third that follows sees every record once, in a growing order", async () => {
    const [one, other, follower] = [await open(), await open(), await open()];
    const noted = new Set<string>();
    const seen: string[] = [];
    let seq = 0;
    let isDone = false;
    const write = async (log: OpenedForTest): Promise<void> => {
      for (let round = 0; round < 60; round += 1) {
        for (let n = 0; n < 30; n += 1) {
          const made = record();
          noted.add(made.id);
          log.log.note(made);
        }
        await log.log.flush();
      }
    };
    const follow = async (): Promise<void> => {
      for (let last = false; !last; ) {
        last = isDone;
        for (let from = -1; from < seq; ) {
          from = seq;
          const run = await follower.reading.requests.after(whole, { filter: filterOf(""), limit: 200, seq });
          for (const found of run.records) {
            assert.equal(found.seq > seq, true);
            seq = found.seq;
            seen.push(found.record.id);
          }
          seq = Math.max(seq, run.seq);
        }
      }
    };
    const following = follow();
    await Promise.all([write(one), write(other)]);
    isDone = true;
    await following;
    assert.equal(seen.length, noted.size);
    assert.deepEqual(new Set(seen), noted);
  });

  test("one step looks at so many rows, says how far it came, and goes on from there past a neighbour's flood", async () => {
    const log = await open();
    for (let n = 0; n < 9000; n += 1)
      log.log.note(record({ projectId: n % 4500 === 4499 ? whole.project : neighbour }));
    await log.log.flush();
    const found: number[] = [];
    let steps = 0;
    for (let seq = 0, from = -1; from < seq; steps += 1) {
      from = seq;
      const run = await log.reading.requests.after(whole, { filter: filterOf(""), limit: 10, seq });
      found.push(...run.records.map((one) => one.seq));
      ({ seq } = run);
    }
    assert.equal(found.length, 2);
    assert.equal(steps > 2, true);
  });

  if (kind === "postgres") {
    test("a batch that is not committed yet holds back every later one, so that its numbers are never passed", async () => {
      const log = await open();
      const raw = await openRaw(scratched);
      const columns =
        "id, id_key, project_id, project_key, at, surface, method, path, token_id, token_name, status, bytes_in, bytes_out, total_ms";
      await raw.run("begin");
      await raw.run("select pg_advisory_xact_lock(hashtextextended(current_schema() || '.requests', 0))");
      await raw.run(
        `insert into requests (${columns}) values ('rqr_first', 0, '${whole.project}', 0, 1, 'proxy', 'GET', '/', 't', 't', 200, 0, 0, 1)`,
      );
      const later = record();
      log.log.note(later);
      const flushed = log.log.flush();
      await sleep(300);
      const early = await log.reading.requests.after(whole, { filter: filterOf(""), limit: 10, seq: 0 });
      assert.deepEqual(early.records, []);
      await raw.run("commit");
      await flushed;
      const run = await log.reading.requests.after(whole, { filter: filterOf(""), limit: 10, seq: early.seq });
      assert.deepEqual(
        run.records.map((one) => one.record.id),
        ["rqr_first", later.id],
      );
      await raw.close();
    });
  }
});
