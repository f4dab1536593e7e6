// Keys rotate while servers run: every sealed value is opened and sealed anew, nothing is lost to a crash, and then the old key may go.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { compose } from "../src/compose.ts";
import { readConfig } from "../src/config.ts";
import { systemRandom } from "../src/crypto/random.ts";
import { databaseOf, openStore } from "../src/opening.ts";
import { start, systemWorld } from "../src/start.ts";
import { sealedColumns } from "../src/store/reseal.ts";
import { type Rotated, rotate } from "../src/vault/reseal.ts";
import { onEachDatabase } from "./support/databases.ts";
import { adminToken, call, freePort, newKey, openHouse, plainSettings, type TestHouse } from "./support/house.ts";
import { connect, makeConnection } from "./support/person.ts";
import { envelopes, fill, openAll, ringText, rotateHere } from "./support/sealed.ts";
import { openRaw, quoted } from "./support/sql.ts";

onEachDatabase("keys rotate", (kind) => {
  let house: TestHouse;
  const [k1, k2, k3] = [newKey("k1"), newKey("k2"), newKey("k3")];
  beforeEach(async () => {
    house = await openHouse({ kind, keys: [k1] });
    for (const login of ["octo", "hubot"]) house.fake.user({ login });
    await makeConnection(house);
    // Most rotations here are of a database whose servers have ended.
    await house.behalf.house.vault.forgetKeys();
  });
  afterEach(async () => house.close());

  test("the list of sealed columns is complete: a filled database has envelopes in these columns and in no others", async () => {
    await fill(house);
    const found = new Set((await envelopes(house.database)).map(({ place }) => place));
    const listed = sealedColumns.map(({ table, column }) => `${table}.${column}`);
    assert.deepEqual([...found].toSorted(), [...listed, "sealing_keys.check_value"].toSorted());
  });

  test("afterwards the newest key opens everything, the old one is not needed, and the audit says so once", async () => {
    await fill(house);
    const count = await openAll(house.database, [k1]);
    const rotated = await rotateHere(house.database, [k2, k1]);
    assert.deepEqual(rotated, { kind: "done", values: count - 1, retired: ["k1"] });
    assert.equal(await openAll(house.database, [k2]), count);
    assert.deepEqual(new Set((await envelopes(house.database)).map(({ key }) => key)), new Set(["k2"]));
    assert.deepEqual(await rotateHere(house.database, [k2]), { kind: "done", values: 0, retired: [] });
    const raw = await openRaw(house.database);
    const rows = await raw.rows("select subject, details from audit_events where name = 'key.rotated'");
    await raw.close();
    assert.deepEqual(rows, [{ subject: "k2", details: JSON.stringify({ retired: ["k1"], values: count - 1 }) }]);
    await assert.rejects(rotateHere(house.database, [k1]), { name: "WrongKeys", message: /sealed with key "k2"/ });
    // Of several old keys every one goes at once, and an id that comes back is a new key in the audit too.
    assert.deepEqual(await rotateHere(house.database, [k3, k2, newKey("k1")]), {
      kind: "done",
      values: count - 1,
      retired: ["k2"],
    });
    const anew = newKey("k1");
    assert.equal((await rotateHere(house.database, [anew, k3])).kind, "done");
    assert.equal(await openAll(house.database, [anew]), count);
    assert.deepEqual((await house.behalf.verifyAudit()).faults, []);
  });

  test("a value that no key opens is named and keeps the old key in use; everything else is sealed anew", async () => {
    await fill(house);
    const raw = await openRaw(house.database);
    const [account] = await raw.rows("select id, credential from accounts where credential is not null order by id");
    const [secret] = await raw.rows("select client_secret from connections");
    await raw.run(
      `update accounts set credential = ${quoted(secret?.["client_secret"] ?? "")} where id = ${quoted(account?.["id"] ?? "")}`,
    );
    const rotated = await rotateHere(house.database, [k2, k1]);
    assert.deepEqual(rotated, { kind: "stuck", values: [`accounts.credential of ${account?.["id"]}`] });
    await assert.rejects(rotateHere(house.database, [k2]), { name: "WrongKeys", message: /sealed with key "k1"/ });
    await raw.run(
      `update accounts set credential = ${quoted(account?.["credential"] ?? "")} where id = ${quoted(account?.["id"] ?? "")}`,
    );
    await raw.close();
    assert.deepEqual(await rotateHere(house.database, [k2, k1]), { kind: "done", values: 1, retired: ["k1"] });
  });

  test("no server runs on with a ring that lacks the newest key, or seals with an old one", async () => {
    await fill(house);
    const { rings } = house.behalf.house.store;
    for (const keys of [["k1"], ["k1", "k2"]]) {
      await rings.note("other", keys);
      const rotated = await rotateHere(house.database, [k2, k1]);
      assert.equal(rotated.kind, "others");
      assert.deepEqual(
        rotated.servers.map((one) => one.keys),
        [keys],
      );
      assert.equal(
        (await envelopes(house.database)).every(({ key, place }) => key === "k1" || place.startsWith("sealing")),
        true,
      );
    }
    await silence(121_000);
    assert.equal((await rotateHere(house.database, [k2, k1])).kind, "done");
  });

  test("a server whose clock is a day behind is waited for, and once it has ended is not", async () => {
    await fill(house);
    house.fake.clock.advance(-24 * 3_600_000);
    await house.behalf.house.vault.noteKeys();
    assert.equal((await rotateHere(house.database, [k2, k1])).kind, "others");
    await house.behalf.house.vault.forgetKeys();
    assert.equal((await rotateHere(house.database, [k2, k1])).kind, "done");
  });

  test("a rotation that ends while a server proves its keys waits for it; one whose start was refused is not waited for", async () => {
    await fill(house);
    const database = databaseOf({ database: house.database.choice });
    let meanwhile: Rotated | undefined;
    const sealingKeys = async (): ReturnType<typeof database.meta.sealingKeys> => {
      meanwhile ??= await rotateHere(house.database, [k2, k1]);
      return database.meta.sealingKeys();
    };
    const config = { ...plainSettings, url: house.origin, allowUpstream: { hosts: [], ranges: [] }, adminToken: null };
    const { log, now } = house.behalf.house;
    const world = { log, now, random: systemRandom, sleep: async () => Promise.resolve() };
    const starting = compose(
      { ...config, keys: [k1] },
      { ...database, meta: { ...database.meta, sealingKeys } },
      world,
    );
    await assert.rejects(starting, { name: "WrongKeys", message: /sealed with key "k2"/ });
    assert.equal(meanwhile?.kind, "others");
    assert.deepEqual(await database.rings.heardWithin(120_000), []);
    assert.equal((await rotateHere(house.database, [k2, k1])).kind, "done");
    await database.close();
  });

  test("a server that is slow with its chores goes on saying that it lives", async () => {
    await fill(house);
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const path = /^\/applications/;
    house.fake.fault({ origin: "api", path, kind: "hold", before: true, release: released, times: 99 });
    house.fake.clock.advance(3_600_000);
    const environment = {
      BEHALF_ADMIN_TOKEN: adminToken,
      BEHALF_DATABASE_URL: house.database.url,
      BEHALF_KEYS: ringText([k1]),
      BEHALF_ALLOW_UPSTREAM: "127.0.0.0/8",
      BEHALF_LOG_LEVEL: "silent",
      BEHALF_PORT: String(await freePort()),
    };
    const config = readConfig(environment, { read: () => "" });
    const serving = await start(config, {
      ...systemWorld(config),
      now: () => house.fake.clock.now(),
      sweepEveryMs: 50,
    });
    const { rings } = house.behalf.house.store;
    const isHeard = async (): Promise<boolean> => (await rings.heardWithin(60_000)).length > 0;
    try {
      // The sweep waits for the provider from its first round on.
      while (house.fake.callsTo("api", "DELETE", path).length < 2) await sleep(20);
      await silence(121_000);
      for (let at = 0; at < 100 && !(await isHeard()); at += 1) await sleep(20);
      assert.equal(await isHeard(), true);
    } finally {
      release();
      await serving.stop();
    }
    assert.equal(await isHeard(), false);
  });

  test("values that never stop changing end a rotation with the advice to run it again", async () => {
    await fill(house);
    const stored = databaseOf({ database: house.database.choice });
    const { ring, store } = await openStore(stored, [k2, k1], { now: () => Date.now(), random: systemRandom });
    const swap = async (): Promise<boolean> => Promise.resolve(false);
    const powers = { ring, columns: sealedColumns, now: () => Date.now(), progress: () => undefined };
    const rotated = await rotate({ ...powers, store: { ...store, sealed: { ...store.sealed, swap } } });
    assert.deepEqual(rotated, { kind: "unfinished", values: 0 });
    await stored.close();
  });

  /** Moves what every server last said into the past. */
  async function silence(ms: number): Promise<void> {
    const raw = await openRaw(house.database);
    for (const { name, value } of await raw.rows("select name, value from meta where name like 'server:%'")) {
      const { keys, at } = JSON.parse(String(value)) as { keys: string[]; at: number };
      const past = JSON.stringify({ keys, at: at - ms });
      await raw.run(`update meta set value = ${quoted(past)} where name = ${quoted(name ?? "")}`);
    }
    await raw.close();
  }

  test("a server that was not heard and still seals with a retired key brings it back into use", async () => {
    await fill(house);
    assert.equal((await rotateHere(house.database, [k2, k1])).kind, "done");
    await house.behalf.house.vault.noteKeys();
    await assert.rejects(rotateHere(house.database, [k2]), { name: "WrongKeys", message: /sealed with key "k1"/ });
    await house.behalf.house.vault.forgetKeys();
  });

  test("while two servers refresh, connect, patch and revoke, nothing fails and nothing stays behind", async () => {
    const town = await openHouse({ kind, keys: [k2, k1] });
    try {
      town.fake.user({ login: "octo" });
      const old = await rotateBack(town);
      assert.ok(old > 0);
      const other = await town.replica();
      const faults: string[] = [];
      const ask = async (origin: string, method: string, path: string, body?: unknown): Promise<void> => {
        const answer = await call(origin, method, path, { token: town.token, ...(body === undefined ? {} : { body }) });
        if (answer.status >= 400) faults.push(`${method} ${path}: ${answer.text}`);
      };
      const over = new AbortController();
      const work = async (origin: string, side: number): Promise<void> => {
        for (let at = 0; !over.signal.aborted || at < 3; at += 1) {
          const account = `/v1/connections/github/accounts/p${(at * 2 + side) % 20}`;
          await ask(origin, "POST", `${account}/refresh`);
          await ask(origin, "POST", `${account}/link`, {});
          await ask(origin, "PATCH", "/v1/connections/spare", { client_secret: `changed-${at}` });
          await ask(origin, "POST", "/v1/tokens", { name: "t", scopes: ["tools"] });
        }
      };
      const working = Promise.all([work(town.origin, 0), work(other.origin, 1)]);
      const rotated = await rotateHere(town.database, [k2, k1]);
      over.abort();
      await working;
      assert.deepEqual(
        faults.filter((fault) => !fault.includes("changed this connection at the same time")),
        [],
      );
      assert.equal(rotated.kind, "done");
      assert.ok(rotated.values >= 40, JSON.stringify(rotated));
      await openAll(town.database, [k2]);
      assert.deepEqual((await town.behalf.verifyAudit()).faults, []);
    } finally {
      await town.close();
    }
  });

  test("what a server writes between our look and our write stays, and is looked at again", async () => {
    const town = await openHouse({ kind, keys: [k2, k1] });
    try {
      town.fake.user({ login: "octo" });
      await rotateBack(town, 1);
      const stored = databaseOf({ database: town.database.choice });
      const opened = await openStore(stored, [k2, k1], { now: () => Date.now(), random: systemRandom });
      const { notUnder } = opened.store.sealed;
      let refreshed = 0;
      const interrupted: typeof notUnder = async (column, keyId, page) => {
        const values = await notUnder(column, keyId, page);
        if (column.table === "accounts" && (refreshed += 1) === 1) {
          const answer = await town.call("POST", "/v1/connections/github/accounts/p0/refresh");
          assert.equal(answer.status, 200, answer.text);
        }
        return values;
      };
      const store = { ...opened.store, sealed: { ...opened.store.sealed, notUnder: interrupted } };
      const powers = {
        ring: opened.ring,
        store,
        columns: sealedColumns,
        now: () => Date.now(),
        progress: () => undefined,
      };
      assert.equal((await rotate(powers)).kind, "done");
      await stored.close();
      assert.ok(refreshed >= 1);
      const headers = { connection_name: "github", identifier: "p0" };
      assert.equal((await town.call("GET", "/proxy/user", { headers })).status, 200);
      await openAll(town.database, [k2]);
    } finally {
      await town.close();
    }
  });

  /** Accounts and a spare connection, all of it sealed with the older key. */
  async function rotateBack(town: TestHouse, accounts = 20): Promise<number> {
    await makeConnection(town);
    const hosts = { web: town.fake.web, api: town.fake.api };
    const spare = { name: "spare", preset: "github-app", client_id: "x", client_secret: "y", hosts };
    assert.equal((await town.call("POST", "/v1/connections", { body: spare })).status, 201);
    for (let at = 0; at < accounts; at += 1) await connect(town, `p${at}`);
    await town.behalf.house.vault.forgetKeys();
    const rotated = await rotateHere(town.database, [k1, k2]);
    await town.behalf.house.vault.noteKeys();
    assert.equal(rotated.kind, "done");
    return rotated.values;
  }
});
