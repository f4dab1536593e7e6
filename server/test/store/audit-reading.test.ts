// Pages of the audit hold what was asked, all of it and once, whatever index answers and however clocks disagree.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Actor, AuditName } from "../../src/rules/audit.ts";
import { newestFirst } from "../../src/rules/audit-filter.ts";
import type { AuditPageAsk, AuditReading } from "../../src/store/audit-reading.ts";
import type { AuditEventRow } from "../../src/store/schema.ts";
import { type Database, openDatabase, type Store } from "../../src/store/store.ts";
import { onEachDatabase, type ScratchDatabase, scratch } from "../support/databases.ts";
import { choiceOf, link } from "./replica.ts";
import { newId, projectRow } from "./rows.ts";

type Filter = Omit<AuditPageAsk, "chain" | "limit" | "after">;

const count = 2400;

onEachDatabase("pages of the audit", (kind) => {
  let scratched: ScratchDatabase;
  let database: Database;
  let store: Store;
  let reading: AuditReading;
  let all: readonly AuditEventRow[];
  const project = projectRow();
  const other = projectRow();
  const accounts = Array.from({ length: 5 }, () => newId("account"));
  const token = { kind: "token", id: newId("token"), name: "a; token" } as const;
  const person = { kind: "person", attempt: newId("attempt") } as const;
  const actors: readonly Actor[] = [token, person, { kind: "system", task: "refresh" }, token];
  const names: readonly AuditName[] = ["account.refreshed", "account.refreshed", "account.expired", "token.created"];
  let time = 0;

  before(async () => {
    scratched = await scratch(kind);
    database = openDatabase(choiceOf(scratched));
    await database.migrate();
    store = database.withChain({ link, newId: () => newId("event"), now: () => time });
    reading = store.audit;
    for (let n = 0; n < count; n += 100) {
      await store.change(async (_, record) => {
        for (let at = n; at < n + 100; at += 1) {
          // Two clocks, one of them a minute behind, and several events a millisecond.
          time = 1_000_000 + Math.floor(at / 3) - (at % 7 === 0 ? 60_000 : 0);
          const subject = accounts[at % 11 === 0 ? 0 : 1 + (at % 4)] ?? "";
          const entry = { name: names[at % 4] ?? "token.created", actor: actors[at % 5] ?? token, subject };
          record({ chain: project.id, ...entry });
          if (at % 50 === 0) record({ chain: other.id, ...entry });
        }
        return Promise.resolve();
      });
    }
    all = (await store.audit.after(project.id, 0, 5000)).toSorted(newestFirst);
    assert.equal(all.length, count);
  });
  after(async () => {
    await database.close();
    await scratched.drop();
  });

  async function everyPage(filter: Filter, limit: number): Promise<AuditEventRow[]> {
    const rows: AuditEventRow[] = [];
    let ask: AuditPageAsk = { chain: project.id, limit, ...filter };
    for (let pages = 0; pages < 3000; pages += 1) {
      const page = await reading.page(ask);
      assert.ok(page.rows.length <= limit);
      rows.push(...page.rows);
      if (page.next === null) return rows;
      ask = { ...ask, after: page.next };
    }
    throw new Error("The pages do not end");
  }

  const isOf = (row: AuditEventRow, filter: Filter): boolean => {
    const who = JSON.parse(row.actor) as Record<string, string>;
    const { names: wanted = [row.name], subject = row.subject, since = 0, until = row.at + 1, actor } = filter;
    if (!wanted.includes(row.name) || row.subject !== subject || row.at < since || row.at >= until) return false;
    if (actor === undefined) return true;
    return "kind" in actor ? who["kind"] === actor.kind : Object.values(who).slice(1).includes(actor.who);
  };

  const one = { who: token.id };
  const filters: Record<string, Filter> = {
    "no filter": {},
    "one name": { names: ["account.expired"] },
    "a family of names": { names: ["account.created", "account.refreshed", "account.expired", "account.linked"] },
    "a name nobody used": { names: ["key.rotated"] },
    "no name at all": { names: [] },
    "a subject": { subject: accounts[0] ?? "" },
    "a token": { actor: one },
    "an attempt": { actor: { who: person.attempt } },
    "a task": { actor: { who: "refresh" } },
    "a kind": { actor: { kind: "system" } },
    times: { since: 1_000_100, until: 1_000_300 },
    "times of the clock that is behind": { since: 940_000, until: 940_500 },
    "a name and a subject": { names: ["account.expired"], subject: accounts[0] ?? "" },
    "names, a kind and times": {
      names: ["account.refreshed", "account.expired"],
      actor: { kind: "person" },
      since: 1_000_050,
    },
    "names and a kind": { names: ["account.refreshed", "account.expired"], actor: { kind: "person" } },
    "a subject and a token": { subject: accounts[2] ?? "", actor: one },
    everything: { names: ["token.created"], subject: accounts[3] ?? "", actor: one, since: 0, until: 2_000_000 },
    "what never met": { names: ["account.refreshed"], actor: { who: "nobody" } },
  };

  for (const [what, filter] of Object.entries(filters)) {
    test(`${what}: all that fits, newest first, each once`, async () => {
      const expected = all.filter((row) => isOf(row, filter));
      for (const limit of [7, 100, 400]) assert.deepEqual(await everyPage(filter, limit), expected);
    });
  }

  test("another chain's events are never among them", async () => {
    const theirs = await reading.page({ chain: other.id, limit: 100 });
    assert.equal(theirs.rows.length, count / 50);
    assert.ok(theirs.rows.every((row) => row.chain === other.id));
  });

  test("the parts of an export are the chain in its order, and with times just what lies between", async () => {
    const parts = async (span: { since?: number; until?: number }): Promise<AuditEventRow[]> => {
      const rows: AuditEventRow[] = [];
      for (let from: number | null = 0; from !== null; ) {
        const part: Awaited<ReturnType<AuditReading["part"]>> = await reading.part({
          chain: project.id,
          after: from,
          ...span,
        });
        rows.push(...part.rows);
        from = part.through;
      }
      return rows;
    };
    const ordered = all.toSorted((left, right) => left.seq - right.seq);
    assert.deepEqual(await parts({}), ordered);
    const span = { since: 1_000_100, until: 1_000_300 };
    assert.deepEqual(
      await parts(span),
      ordered.filter((row) => isOf(row, span)),
    );
  });
});
