// The audit chain in the store: straight under any number of writers, and gone with the change that is rolled back.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { makeCheckpointSigner } from "../../src/crypto/checkpoint-signer.ts";
import { verifyAudit } from "../../src/flows/verify-audit.ts";
import { headText, linkText } from "../../src/rules/audit.ts";
import { type Database, openDatabase, type Store } from "../../src/store/store.ts";
import { putBack } from "../support/audit.ts";
import { onEachDatabase, type ScratchDatabase, scratch } from "../support/databases.ts";
import { openRaw, quoted } from "../support/sql.ts";
import { askBoth, choiceOf, link, openReplica, type Replica, storeOf } from "./replica.ts";
import { newId, projectRow } from "./rows.ts";

const actor = { kind: "system", task: "test" } as const;

onEachDatabase("the audit chain", (kind) => {
  let scratched: ScratchDatabase;
  let database: Database;
  let store: Store;
  let replicas: Replica[];
  const project = projectRow();
  before(async () => {
    scratched = await scratch(kind);
    database = openDatabase(choiceOf(scratched));
    await database.migrate();
    store = storeOf(database);
    replicas = await Promise.all([openReplica(scratched), openReplica(scratched)]);
    await store.change(async (tables, record) => {
      await tables.projects.add(project);
      record({ chain: "instance", name: "key.added", actor, subject: "k1" });
      record({ chain: "instance", name: "project.created", actor, subject: project.id });
      record({ chain: project.id, name: "project.created", actor, subject: project.id });
    });
  });
  after(async () => {
    for (const replica of replicas) await replica.close();
    await database.close();
    await scratched.drop();
  });

  const own = async () => (await verify()).faults.filter(({ chain }) => chain === project.id);
  const verify = async () => verifyAudit({ store, auditLink: link, checkpointSigner: makeCheckpointSigner(link) });

  test("forty changes at once, on two chains, through two processes: every link holds, none is missing", async () => {
    const asks = Array.from({ length: 40 }, () => [project.id]);
    await askBoth(replicas, { table: "change", question: "", asks });
    assert.deepEqual(await verify(), { events: 83, chains: 2, checkpoints: 0, faults: [] });
    const events = await store.audit.after(project.id, 0, 100);
    assert.deepEqual(
      events.map(({ seq }) => seq),
      Array.from({ length: 41 }, (_, at) => at + 1),
    );
  });

  test("whoever verifies while others write is told of no fault", async () => {
    const writing = askBoth(replicas, {
      table: "change",
      question: "",
      asks: Array.from({ length: 60 }, () => [project.id]),
    });
    for (let round = 0; round < 30; round += 1) {
      assert.deepEqual((await verify()).faults, []);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await writing;
    assert.equal((await verify()).events, 203);
  });

  test("a change that is rolled back leaves no event, and the next one follows as if it had not been", async () => {
    const earlier = await store.audit.heads();
    await assert.rejects(
      store.change(async (tables, record) => {
        record({ chain: project.id, name: "project.created", actor, subject: "prj_x" });
        await tables.projects.add(projectRow({ name: "never" }));
        throw new Error("changed my mind");
      }),
      { message: "changed my mind" },
    );
    assert.deepEqual(await store.audit.heads(), earlier);
    assert.deepEqual(await store.projects.ids(), [project.id]);
    assert.deepEqual((await verify()).faults, []);
  });

  // A commit of SQLite writes to the disk; one of PostgreSQL need not (store/audit-change.ts).
  if (kind === "postgres")
    test("whoever is told of a change is told of one that the disk has", async (context) => {
      const raw = await openRaw(scratched);
      context.after(async () => raw.close());
      await raw.run(`create table written (lsn pg_lsn);
      create function note_written() returns trigger language plpgsql as
        'begin insert into written values (pg_current_wal_insert_lsn()); return null; end';
      create constraint trigger note_written after insert on audit_events
        deferrable initially deferred for each row execute function note_written()`);
      for (let n = 0; n < 20; n += 1) {
        await store.change(async (_, record) => {
          record({ chain: project.id, name: "account.refreshed", actor, subject: "a" });
          return Promise.resolve();
        });
        const [row] = await raw.rows("select pg_current_wal_flush_lsn() > max(lsn) as kept from written");
        assert.equal(row?.["kept"], true, `change ${n}`);
      }
      await raw.run("drop table written cascade; drop function note_written() cascade");
    });

  test("a change whose event cannot be written is not made", async () => {
    const twice = "evt_00000000000040008000000000000000" as const;
    const clumsy = database.withChain({ link, newId: () => twice as never, now: () => 1 });
    const make = async () =>
      clumsy.change(async (tables, record) => {
        const row = projectRow();
        await tables.projects.add(row);
        record({ chain: "instance", name: "project.created", actor, subject: row.id });
        return row.id;
      });
    const made = await make();
    await assert.rejects(make());
    assert.deepEqual((await store.projects.ids()).toSorted(), [project.id, made].toSorted());
  });

  test("events of one change are linked in the order they were recorded, each over its own columns", async () => {
    const [event] = await store.audit.after(project.id, 0, 1);
    assert.deepEqual(
      { ...event, id: "", hash: "" },
      {
        chain: project.id,
        seq: 1,
        id: "",
        at: 5000,
        name: "project.created",
        actor: '{"kind":"system","task":"test"}',
        subject: project.id,
        details: "{}",
        prev: "",
        hash: "",
      },
    );
    const columns = [
      "behalf-audit-1",
      project.id,
      1,
      event?.id,
      5000,
      "project.created",
      event?.actor,
      project.id,
      "{}",
      "",
    ];
    assert.equal(event?.hash, link(JSON.stringify(columns)));
  });

  test("an end that was set back is not made good by the events that follow it", async () => {
    const raw = await openRaw(scratched);
    const kept = await raw.dump();
    const record = async () =>
      store.change(async (_, note) => {
        note({ chain: project.id, name: "account.refreshed", actor, subject: "a" });
        return Promise.resolve();
      });
    const [{ seq = 0 } = {}] = await raw.rows(`select seq from audit_heads where chain = '${project.id}'`);
    const cut = Number(seq) - 1;
    await raw.run(`delete from audit_events where chain = '${project.id}' and seq = ${seq}`);
    await raw.run(`update audit_heads set seq = ${cut}, last = (select hash from audit_events e
      where e.chain = '${project.id}' and e.seq = ${cut}) where chain = '${project.id}'`);
    for (let n = 0; n < 3; n += 1) await record();
    const faults = await own();
    await putBack(raw, ["audit_events", "audit_heads"], kept);
    await raw.close();
    assert.deepEqual(faults, [{ chain: project.id, seq, fault: "does not follow the event before it" }]);
    assert.deepEqual(await own(), []);
  });

  test("a server of the release before, which knows no `last`, appends between ours, and the chain holds", async (context) => {
    const raw = await openRaw(scratched);
    context.after(async () => raw.close());
    const record = async () =>
      store.change(async (_, note) => {
        note({ chain: project.id, name: "account.refreshed", actor, subject: "a" });
        return Promise.resolve();
      });
    await record();
    const head = await store.audit.head(project.id);
    assert.ok(head);
    const event = {
      chain: project.id,
      seq: head.seq + 1,
      id: newId("event"),
      at: 1,
      name: "account.created",
      actor: JSON.stringify(actor),
      subject: "a",
      details: "{}",
      prev: head.last,
    };
    const hash = link(linkText(event));
    const end = link(headText({ chain: project.id, seq: event.seq, hash }));
    await raw.run(`insert into audit_events (${Object.keys(event).join(", ")}, hash)
      values (${[...Object.values(event), hash].map(quoted).join(", ")})`);
    await raw.run(
      `update audit_heads set seq = ${event.seq}, hash = ${quoted(end)} where chain = ${quoted(project.id)}`,
    );
    for (let n = 0; n < 2; n += 1) await record();
    assert.deepEqual(await own(), []);
  });

  test("an event put in before the first one is named, wherever a number can be put", async (context) => {
    const raw = await openRaw(scratched);
    context.after(async () => raw.close());
    const kept = await raw.dump();
    for (const seq of ["0", "-1", "-9007199254740990"]) {
      await raw.run(`insert into audit_events (chain, seq, id, at, name, actor, subject, details, prev, hash)
        values ('${project.id}', ${seq}, '${newId("event")}', 1, 'account.deleted', '{"kind":"system"}', 'a', '{}', '', 'x')`);
      assert.deepEqual(await own(), [{ chain: project.id, seq: Number(seq), fault: "is before the first event" }]);
      await putBack(raw, ["audit_events"], kept);
    }
    await raw.run(
      `insert into audit_checkpoints (chain, seq, hash, at, signature) values ('${project.id}', 0, 'x', 1, 'y')`,
    );
    const faults = await own();
    await raw.run("delete from audit_checkpoints");
    assert.deepEqual(
      faults.map(({ seq, fault }) => [seq, fault]),
      [[0, "is named by a forged checkpoint: this instance did not sign it"]],
    );
  });

  test("the chain of the instance cannot be taken away whole and begun anew", async (context) => {
    const raw = await openRaw(scratched);
    context.after(async () => raw.close());
    const kept = await raw.dump();
    const instance = async (name: "key.added" | "token.created") =>
      store.change(async (_, note) => {
        note({ chain: "instance", name, actor, subject: "k1" });
        return Promise.resolve();
      });
    const wipe = async () => {
      for (const table of ["audit_events", "audit_heads"])
        await raw.run(`delete from ${table} where chain = 'instance'`);
    };
    await wipe();
    await instance("token.created");
    const begun = (await verify()).faults.filter(({ chain }) => chain === "instance");
    // A start whose note of the key was removed as well begins the chain as a first start does.
    await wipe();
    await instance("key.added");
    const pretended = (await verify()).faults;
    await putBack(raw, ["audit_events", "audit_heads"], kept);
    assert.deepEqual(begun, [{ chain: "instance", seq: 1, fault: "is not the coming into use of the first key" }]);
    const untold = "is of a project whose making the chain of the instance does not tell";
    assert.deepEqual(
      pretended.filter(({ chain }) => chain === project.id),
      [{ chain: project.id, seq: 1, fault: untold }],
    );
    assert.deepEqual(
      (await verify()).faults.filter(({ fault }) => fault === untold),
      [],
    );
  });

  test("a chain that was taken away whole does not begin anew with whatever happens next", async () => {
    const raw = await openRaw(scratched);
    const kept = await raw.dump();
    for (const table of ["audit_events", "audit_heads"])
      await raw.run(`delete from ${table} where chain = '${project.id}'`);
    await store.change(async (_, note) => {
      note({ chain: project.id, name: "account.refreshed", actor, subject: "a" });
      return Promise.resolve();
    });
    const faults = await own();
    await putBack(raw, ["audit_events", "audit_heads"], kept);
    await raw.close();
    assert.deepEqual(faults, [{ chain: project.id, seq: 1, fault: "is not the making of its project" }]);
  });

  test("a project that was made and has vanished with its chain is missed", async () => {
    const raw = await openRaw(scratched);
    for (const table of ["audit_events", "audit_heads"])
      await raw.run(`delete from ${table} where chain = '${project.id}'`);
    await raw.run(`delete from projects where id = '${project.id}'`);
    await raw.close();
    const { faults } = await verify();
    assert.deepEqual(
      faults.filter(({ chain }) => chain === project.id),
      [{ chain: project.id, seq: 0, fault: "has lost the record of its end" }],
    );
  });
});
