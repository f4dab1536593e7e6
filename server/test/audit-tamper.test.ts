// Checkpoints find what the chain alone cannot: an older state put back whole, history that goes on from it, and forged claims.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { checkpointAudit } from "../src/flows/checkpoint-audit.ts";
import { createCheckpoint } from "../src/flows/create-checkpoint.ts";
import { walkChain } from "../src/flows/steps/walk-chain.ts";
import { verifyAudit } from "../src/flows/verify-audit.ts";
import { type Checkpoint, checkpointText, parseCheckpoints } from "../src/rules/audit-checkpoint.ts";
import type { AuditReading } from "../src/store/audit-reading.ts";
import { putBack } from "./support/audit.ts";
import { onEachDatabase } from "./support/databases.ts";
import { openHouse, type TestHouse } from "./support/house.ts";
import { makeConnection } from "./support/person.ts";
import { openRaw, type RawDatabase, type RawRow } from "./support/sql.ts";

const tables = ["audit_events", "audit_heads", "audit_checkpoints"];

onEachDatabase("with checkpoints a verification finds", (kind) => {
  let house: TestHouse;
  let raw: RawDatabase;
  let made = 0;
  before(async () => {
    house = await openHouse({ kind });
    raw = await openRaw(house.database);
    await makeConnection(house);
    await grow(3);
  });
  after(async () => {
    await raw.close();
    await house.close();
  });

  async function grow(events: number): Promise<void> {
    for (let n = 0; n < events; n += 1) {
      const { status } = await house.call("PUT", `/v1/connections/github/accounts/user_${(made += 1)}`);
      assert.equal(status, 201);
    }
  }

  async function state(): Promise<Record<string, RawRow[]>> {
    return Object.fromEntries(Object.entries(await raw.dump()).filter(([table]) => tables.includes(table)));
  }

  const checkpoint = async (chain = house.project): Promise<Checkpoint> =>
    (await createCheckpoint(house.behalf.house, chain)).checkpoint;
  const faults = async (saved: readonly Checkpoint[] = []): Promise<string[]> =>
    (await verifyAudit(house.behalf.house, saved)).faults.map(
      ({ chain, seq, fault }) => `${chain === house.project ? "project" : chain} ${seq} ${fault}`,
    );

  /** Does something, verifies against what was saved, and puts the audit back as it was. */
  async function faultsAfter(deed: () => Promise<void>, saved: readonly Checkpoint[] = []): Promise<string[]> {
    const kept = await state();
    await deed();
    const found = await faults(saved);
    await putBack(raw, tables, kept);
    assert.deepEqual(await faults(saved), []);
    return found;
  }

  test("nothing, where nothing was done", async () => {
    const saved = [await checkpoint(), await checkpoint("instance")];
    await grow(2);
    assert.deepEqual(await faults(saved), []);
    assert.ok((await verifyAudit(house.behalf.house, saved)).checkpoints >= 4);
  });

  test("a tail that was cut together with the record of its end, put back from an older copy", async () => {
    const older = await state();
    await grow(2);
    const saved = await checkpoint();
    const restore = async () =>
      putBack(raw, tables, { ...older, audit_checkpoints: (await state())["audit_checkpoints"] ?? [] });
    const message = `project ${saved.seq - 1} is missing, although the checkpoint of ${saved.at} says the chain reached event ${saved.seq}`;
    // The checkpoint in the database stayed, so it is enough.
    assert.deepEqual(await faultsAfter(restore), [message]);
  });

  test("an older database put back whole, when a checkpoint was kept elsewhere", async () => {
    const older = await state();
    await grow(3);
    const saved = await checkpoint();
    const message = `project ${saved.seq - 2} is missing, although the checkpoint of ${saved.at} says the chain reached event ${saved.seq}`;
    assert.deepEqual(await faultsAfter(async () => putBack(raw, tables, older), [saved]), [message]);
  });

  test("history that went on from an older database, as long as before and longer", async () => {
    const older = await state();
    await grow(2);
    const saved = await checkpoint();
    const other = async () => {
      await putBack(raw, tables, older);
      await grow(4);
    };
    const message = `project ${saved.seq} is another one than the checkpoint of ${saved.at} saw`;
    assert.deepEqual(await faultsAfter(other, [saved]), [message]);
  });

  test("a whole chain that is gone with every trace of it", async () => {
    const saved = await checkpoint();
    const drop = async () => {
      for (const table of tables) await raw.run(`delete from ${table} where chain = '${house.project}'`);
    };
    const message = `project 1 is missing, although the checkpoint of ${saved.at} says the chain reached event ${saved.seq}`;
    assert.deepEqual(await faultsAfter(drop, [saved]), [message]);
  });

  test("a chain that nothing in the database knows of any more", async () => {
    const lost = { chain: `prj_${"0".repeat(32)}`, seq: 5, hash: "A".repeat(43), at: "2026-01-31T12:00:00.000Z" };
    const saved = { ...lost, signature: house.behalf.house.checkpointSigner.sign(checkpointText(lost)) };
    const says = `is missing, although the checkpoint of ${lost.at} says the chain reached event 5`;
    assert.deepEqual(await faults([saved]), [`${lost.chain} 1 ${says}`]);
  });

  test("edits, insertions, deletions and exchanges, as it does without checkpoints", async () => {
    const { seq: end } = await checkpoint();
    const at = (seq: number) => `where chain = '${house.project}' and seq = ${seq}`;
    const edit = async () => raw.run(`update audit_events set details = '{"a":1}' ${at(4)}`);
    assert.deepEqual(await faultsAfter(edit), ["project 4 was edited"]);
    const drop = async () => raw.run(`delete from audit_events ${at(4)}`);
    assert.deepEqual(await faultsAfter(drop), ["project 4 is missing"]);
    const swap = async () => {
      for (const [to, from] of [
        [90, 4],
        [4, 5],
        [5, 90],
      ] as const)
        await raw.run(`update audit_events set seq = ${to} ${at(from)}`);
    };
    assert.deepEqual(await faultsAfter(swap), ["project 4 does not follow the event before it"]);
    const cut = async () => raw.run(`delete from audit_events ${at(end)}`);
    assert.match((await faultsAfter(cut)).join(), new RegExp(`^project ${end} is missing, although the checkpoint`));
  });

  test("a forged checkpoint, in every member, in a file and in the database, and refuses it by its name", async () => {
    const saved = await checkpoint();
    const end = saved.seq;
    const forged = "is named by a forged checkpoint: this instance did not sign it";
    for (const change of [
      { seq: end + 7 },
      { seq: end - 1 },
      { hash: "A".repeat(43) },
      { at: "2026-01-01T00:00:00.000Z" },
      { signature: "A".repeat(86) },
      { chain: "instance" },
    ]) {
      const claim = { ...saved, ...change };
      const chain = claim.chain === "instance" ? "instance" : "project";
      assert.deepEqual(await faults([claim]), [`${chain} ${claim.seq} ${forged}`]);
    }
    const edit = async () => raw.run(`update audit_checkpoints set hash = '${"A".repeat(43)}' where seq = ${end}`);
    assert.deepEqual(await faultsAfter(edit), [`project ${end} ${forged}`]);
    // The checkpoint of one chain says nothing of another.
    const move = async () =>
      raw.run(`update audit_checkpoints set chain = 'instance' where seq = ${end} and chain = '${house.project}'`);
    assert.deepEqual(await faultsAfter(move), [`instance ${end} ${forged}`]);
  });

  test("a forged checkpoint at the end, which nobody is handed: ours takes its place, and the log says so", async () => {
    const deeds = {
      demand: async () => checkpoint(),
      hour: async () => {
        await checkpointAudit(house.behalf.house, "now");
        return checkpoint();
      },
    };
    for (const deed of Object.values(deeds)) {
      await grow(1);
      const [head] = await raw.rows(`select seq from audit_heads where chain = '${house.project}'`);
      await raw.run(`insert into audit_checkpoints (chain, seq, hash, at, signature)
        values ('${house.project}', ${Number(head?.["seq"])}, '${"A".repeat(43)}', 1, '${"A".repeat(86)}')`);
      const lines = house.lines.length;
      const saved = await deed();
      assert.notEqual(saved.hash, "A".repeat(43));
      assert.deepEqual(await faults([saved]), []);
      const said = house.lines.slice(lines).join("");
      assert.match(said, /forged checkpoint/);
      assert.ok(said.includes(saved.signature));
    }
    assert.deepEqual(await checkpoint(), await checkpoint());
  });

  test("nothing to sign: an end that was cut gets no checkpoint, by the hour or on demand", async () => {
    await grow(1);
    const kept = await state();
    const saved = await checkpoint();
    const last = `where chain = '${house.project}' and seq = ${saved.seq}`;
    await raw.run(`delete from audit_events ${last}`);
    await assert.rejects(checkpoint(), { code: "conflict" });
    const lines = house.lines.length;
    await checkpointAudit(house.behalf.house, "now");
    assert.ok(
      !house.lines.slice(lines).some((line) => line.includes('"audit checkpoint"') && line.includes(house.project)),
    );
    await putBack(raw, tables, kept);
    assert.deepEqual(await faults(), []);
  });
});

onEachDatabase("a long verification", (kind) => {
  let house: TestHouse;
  before(async () => {
    house = await openHouse({ kind });
    const { store } = house.behalf.house;
    const actor = { kind: "system", task: "test" } as const;
    await store.change(async (_, record) => {
      for (let n = 0; n < 3000; n += 1) record({ chain: "instance", name: "key.added", actor, subject: `k${n}` });
      return Promise.resolve();
    });
  });
  after(async () => house.close());

  test("lets others have their turn, and ends when nobody waits for it any more", async () => {
    const { house: powers } = house.behalf;
    const needs = { ...powers, chains: powers.store.audit };
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 1);
    assert.equal((await walkChain(needs, { chain: "instance" })).events > 3000, true);
    clearInterval(timer);
    assert.ok(turns >= 5, `others had ${turns} turns`);
    const gone = new AbortController();
    setTimeout(() => gone.abort(), 5);
    let pages = 0;
    const chains = {
      ...powers.store.audit,
      after: (async (...ask) => ((pages += 1), await powers.store.audit.after(...ask))) as AuditReading["after"],
    };
    await assert.rejects(walkChain({ ...needs, chains }, { chain: "instance", signal: gone.signal }), {
      code: "unavailable",
    });
    assert.ok(pages < 16, `${pages} pages were read`);
  });
});

onEachDatabase("checkpoints by the hour", (kind) => {
  let house: TestHouse;
  before(async () => {
    house = await openHouse({ kind });
    await checkpointAudit(house.behalf.house, "due");
  });
  after(async () => house.close());

  const logged = (): Checkpoint[] => [
    ...parseCheckpoints(house.lines.filter((line) => line.includes('"audit checkpoint"')).join("")).checkpoints,
  ];

  test("are made of every chain that grew, by one process, once an hour, and written into the log", async () => {
    const first = logged();
    assert.deepEqual(first.map(({ chain }) => chain).toSorted(), ["instance", house.project].toSorted());
    const other = await house.replica();
    await house.call("POST", "/v1/tokens", { body: { name: "t", scopes: ["tools"] } });
    assert.equal(await checkpointAudit(other.house, "due"), 0);
    house.fake.clock.advance(3_600_001);
    const made = await Promise.all([house.behalf, other].map(async (one) => checkpointAudit(one.house, "due")));
    assert.deepEqual(
      made.toSorted((left, right) => left - right),
      [0, 1],
    );
    assert.deepEqual(
      logged()
        .slice(first.length)
        .map(({ chain }) => chain),
      [house.project],
    );
    house.fake.clock.advance(3_600_001);
    assert.equal(await checkpointAudit(house.behalf.house, "due"), 0);
    assert.deepEqual((await verifyAudit(house.behalf.house, logged())).faults, []);
  });

  test("at the end of a process do not wait for the hour", async () => {
    await house.call("POST", "/v1/tokens", { body: { name: "t", scopes: ["tools"] } });
    assert.equal(await checkpointAudit(house.behalf.house, "now"), 1);
    assert.equal(await checkpointAudit(house.behalf.house, "now"), 0);
  });
});
