// Keys rotate while servers run: every sealed value is opened and sealed anew, nothing is lost to a crash, and then the old key may go.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { databaseOf, openStore } from "../src/compose.ts";
import { systemRandom } from "../src/crypto/random.ts";
import { makeKeyRing } from "../src/crypto/seal.ts";
import type { NamedKey } from "../src/settings.ts";
import { sealedColumns } from "../src/store/reseal.ts";
import { type Rotated, rotate } from "../src/vault/reseal.ts";
import { onEachDatabase, type ScratchDatabase, scratch } from "./support/databases.ts";
import { adminToken, call, clientId, newKey, openHouse, type TestHouse } from "./support/house.ts";
import { Browser, connect, makeConnection } from "./support/person.ts";
import { type Ended, runCommand, serveCommand } from "./support/processes.ts";
import { openRaw, quoted, type RawRow } from "./support/sql.ts";

const command = fileURLToPath(new URL("../src/cli.ts", import.meta.url));

function ringText(keys: readonly NamedKey[]): string {
  return keys.map(({ id, key }) => `${id}:${key.reveal()}`).join(",");
}

/** Every envelope of every text column: where it lies and which key seals it. */
async function envelopes(
  database: ScratchDatabase,
): Promise<{ place: string; key: string; row: RawRow; column: string }[]> {
  const raw = await openRaw(database);
  const dump = await raw.dump();
  await raw.close();
  return Object.entries(dump).flatMap(([table, rows]) =>
    rows.flatMap((row) =>
      Object.entries(row).flatMap(([column, value]) => {
        const key = /^bhs1\.([a-z0-9]+)\./.exec(String(value))?.[1];
        return key === undefined ? [] : [{ place: `${table}.${column}`, key, row, column }];
      }),
    ),
  );
}

/** Opens every value there is with these keys and no others: how many there were. */
async function openAll(database: ScratchDatabase, keys: readonly NamedKey[]): Promise<number> {
  const ring = makeKeyRing(keys, systemRandom);
  const found = await envelopes(database);
  for (const { place, row, column } of found) {
    const [table = ""] = place.split(".");
    const project = String(row["project_id"] ?? "instance");
    const id = String(row["id"] ?? row["key_digest"] ?? row["name"]);
    ring.open(String(row[column]), { project, table, row: id, column });
  }
  return found.length;
}

async function rotateHere(
  database: ScratchDatabase,
  keys: readonly NamedKey[],
  note: () => unknown = () => undefined,
): Promise<Rotated> {
  const store = databaseOf({ database: database.choice });
  try {
    const opened = await openStore(store, keys, { now: () => Date.now(), random: systemRandom });
    const progress = (): void => void note();
    return await rotate({ ...opened, columns: sealedColumns, now: () => Date.now(), progress });
  } finally {
    await store.close();
  }
}

onEachDatabase("keys rotate", (kind) => {
  let house: TestHouse;
  const [k1, k2, k3] = [newKey("k1"), newKey("k2"), newKey("k3")];
  beforeEach(async () => {
    house = await openHouse({ kind, keys: [k1] });
    for (const login of ["octo", "hubot"]) house.fake.user({ login });
    await makeConnection(house);
  });
  afterEach(async () => house.close());

  /** Something in every column that is ever sealed. */
  async function fill(): Promise<void> {
    await connect(house, "one");
    const custom = { verification: "custom", verify_url_origins: ["https://app.example"] };
    const members = { client_id: clientId, client_secret: "client-secret-for-tests-0123456789", ...custom };
    const hosts = { web: house.fake.web, api: house.fake.api };
    const body = { name: "careful", preset: "github-app", hosts, ...members };
    assert.equal((await house.call("POST", "/v1/connections", { body })).status, 201);
    const path = "/v1/connections/careful/accounts/two";
    await house.call("PUT", path);
    const link = await house.call("POST", `${path}/link`, { body: { verify_url: "https://app.example/v" } });
    const browser = new Browser();
    const there = await browser.get(link.json.link as string);
    await browser.get(await house.fake.approve(there.location ?? "", "hubot"));
    await connect(house, "three");
    house.fake.fault({
      origin: "api",
      method: "DELETE",
      path: /^\/applications/,
      kind: "status",
      status: 500,
      times: 9,
    });
    assert.equal((await house.call("DELETE", "/v1/connections/github/accounts/three")).status, 202);
    const minted = { body: { name: "keyed", scopes: ["tools"] }, headers: { "idempotency-key": "k" } };
    assert.equal((await house.call("POST", "/v1/tokens", minted)).status, 201);
    await addEndpoint();
  }

  async function addEndpoint(): Promise<void> {
    const [connection] = (await house.call("GET", "/v1/connections")).json.items as { id: string }[];
    const { store, vault, newId } = house.behalf.house;
    const id = newId("endpoint");
    const place = { project: house.project, table: "endpoints", row: id, column: "inject_headers" };
    await store.endpoints.add({
      id,
      project_id: house.project as never,
      slug: "api",
      name: "API",
      upstream_url: house.fake.api,
      methods: '["GET"]',
      connection_id: connection?.id as never,
      identifier: "one",
      timeout_seconds: 30,
      strip_prefix: 1,
      preserve_query: 1,
      forward_headers: "[]",
      blocked_headers: "[]",
      inject_names: '["x-key"]',
      inject_headers: vault.sealText(place, '{"x-key":"injected-secret"}'),
      rate_limit_per_minute: null,
      rate_limit_per_hour: null,
      active: 1,
      created_at: 1,
      updated_at: 1,
    });
  }

  test("the list of sealed columns is complete: a filled database has envelopes in these columns and in no others", async () => {
    await fill();
    const found = new Set((await envelopes(house.database)).map(({ place }) => place));
    const listed = sealedColumns.map(({ table, column }) => `${table}.${column}`);
    assert.deepEqual([...found].toSorted(), [...listed, "sealing_keys.check_value"].toSorted());
  });

  test("afterwards the newest key opens everything, the old one is not needed, and the audit says so once", async () => {
    await fill();
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
    await fill();
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
    await fill();
    // What the sweep of a server says, at the time of this machine: a clock that tests move is not asked.
    const note = async (keys: readonly string[], at: number): Promise<void> =>
      house.behalf.house.store.rings.note("other", { keys, at });
    for (const keys of [["k1"], ["k1", "k2"]]) {
      await note(keys, Date.now());
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
    await note(["k1"], Date.now() - 121_000);
    assert.equal((await rotateHere(house.database, [k2, k1])).kind, "done");
  });

  test("a server that was not heard and still seals with a retired key brings it back into use", async () => {
    await fill();
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

  /** Twenty accounts and a spare connection, all of it sealed with the older key. */
  async function rotateBack(town: TestHouse): Promise<number> {
    await makeConnection(town);
    const hosts = { web: town.fake.web, api: town.fake.api };
    const spare = { name: "spare", preset: "github-app", client_id: "x", client_secret: "y", hosts };
    assert.equal((await town.call("POST", "/v1/connections", { body: spare })).status, 201);
    for (let at = 0; at < 20; at += 1) await connect(town, `p${at}`);
    const rotated = await rotateHere(town.database, [k1, k2]);
    assert.equal(rotated.kind, "done");
    return rotated.values;
  }

  test("killed at twenty random moments and run again each time, every value opens at the end", async () => {
    await fill();
    await multiply(400);
    const count = await openAll(house.database, [k1]);
    let keys: readonly NamedKey[] = [k2, k1];
    let [killed, turns] = [0, 0];
    while (killed < 20) {
      const ended = await rotateAndKill(keys, 1 + Math.random() * 60);
      if (ended === "killed") killed += 1;
      // Finished before it could be killed: on to the next key.
      else keys = [newKey(`n${(turns += 1)}`), keys[0] ?? k1];
      assert.equal(await openAll(house.database, keys), (await envelopes(house.database)).length);
    }
    const last = await behalf(["keys", "rotate"], keys);
    assert.equal(last.code, 0, last.stderr);
    assert.equal(await openAll(house.database, keys.slice(0, 1)), count);
    assert.deepEqual(new Set((await envelopes(house.database)).map(({ key }) => key)), new Set([keys[0]?.id]));
    assert.deepEqual((await house.behalf.verifyAudit()).faults, []);
  });

  /** More accounts with credentials of their own. */
  async function multiply(times: number): Promise<void> {
    const { store, vault } = house.behalf.house;
    const [row] = (
      await store.accounts.page({ project: house.project as never, identifier: "one" }, { limit: 1, after: undefined })
    ).rows;
    assert.ok(row !== undefined);
    for (let at = 0; at < times; at += 1) {
      const own = { ...row, id: `acc_${randomBytes(16).toString("hex")}` as typeof row.id, identifier: `m${at}` };
      const tokens = vault.tokensOf({
        access_token: `ghu_${at}`,
        refresh_token: `ghr_${at}`,
        expires_at: null,
        scopes: null,
      });
      await store.accounts.ensure({ ...own, ...vault.sealTokens(own, tokens) });
    }
  }

  const environment = (keys: readonly NamedKey[]): Record<string, string> => ({
    BEHALF_DATABASE_URL: house.database.url,
    BEHALF_KEYS: ringText(keys),
    BEHALF_ADMIN_TOKEN: adminToken,
    BEHALF_ALLOW_UPSTREAM: "127.0.0.0/8",
  });

  const behalf = async (args: readonly string[], keys: readonly NamedKey[]): Promise<Ended> =>
    runCommand(args, environment(keys), house.database.folder);

  async function rotateAndKill(keys: readonly NamedKey[], afterMs: number): Promise<"killed" | "finished"> {
    const cache = { NODE_COMPILE_CACHE: join(tmpdir(), "behalf-test-compile-cache") };
    const env = { PATH: process.env["PATH"], ...cache, ...environment(keys) };
    const child = spawn(process.execPath, [command, "keys", "rotate"], {
      cwd: house.database.folder,
      env,
      stdio: ["ignore", "ignore", "pipe"],
    });
    const gone = once(child, "exit");
    await Promise.race([once(child.stderr, "data"), gone]);
    const timer = setTimeout(() => child.kill("SIGKILL"), afterMs);
    const [, signal] = (await gone) as [number | null, string | null];
    clearTimeout(timer);
    return signal === "SIGKILL" ? "killed" : "finished";
  }

  test("the command says how far it is, what each key seals and which may go, and the server then starts without it", async () => {
    await fill();
    const before = await behalf(["keys", "list"], [k2, k1]);
    assert.match(before.stdout, /^k2  seals 0 values, newest\nk1  seals \d+ values\n$/);
    assert.match(before.stderr, /keys rotate\n$/);
    const rotated = await behalf(["keys", "rotate"], [k2, k1]);
    assert.equal(rotated.code, 0, rotated.stderr);
    assert.match(rotated.stderr, /^accounts\.credential {2}\d+ of \d+$/m);
    assert.match(
      rotated.stdout,
      /^Every value is sealed with "k2"; \d+ values sealed anew just now\.\nThese keys may leave BEHALF_KEYS: k1\. /,
    );
    assert.match((await behalf(["keys", "list"], [k2])).stdout, /^k2  seals \d+ values, newest\n$/);
    const serving = await serveCommand(environment([k2]), house.database.folder);
    assert.equal((await serving.stop()).code, 0);
    for (const secret of [k1, k2]) assert.equal(JSON.stringify([before, rotated]).includes(secret.key.reveal()), false);
    const short = await behalf(["keys", "list"], [k3]);
    assert.deepEqual([short.code, /^k2 {2}seals \d+ values, missing in BEHALF_KEYS$/m.test(short.stdout)], [1, true]);
    const usage = await behalf(["keys", "turn"], [k2]);
    assert.deepEqual([usage.code, usage.stderr], [2, "Usage: behalf keys list | keys add | keys rotate\n"]);
  });
});

onEachDatabase("a new key", (kind) => {
  let database: ScratchDatabase;
  beforeEach(async () => {
    database = await scratch(kind);
  });
  afterEach(async () => database.drop());

  if (kind === "postgres") {
    test("is the operator's to add where the keys come from BEHALF_KEYS, and the order is told", async () => {
      const env = {
        BEHALF_DATABASE_URL: database.url,
        BEHALF_KEYS: ringText([newKey("k1")]),
        BEHALF_ADMIN_TOKEN: adminToken,
      };
      const { code, stderr } = await runCommand(["keys", "add"], env, database.folder);
      assert.equal(code, 1);
      assert.match(stderr, /1\. Put it last[\s\S]*2\. Put it first/);
    });
    return;
  }

  test("goes in front of behalf.keys in one step; servers that know it rotate, and the old one may be taken out", async () => {
    const env = { BEHALF_DATABASE_URL: database.url };
    const file = join(database.folder, "behalf.keys");
    await (await serveCommand(env, database.folder)).stop();
    const was = readFileSync(file, "utf8").trim();
    const added = await runCommand(["keys", "add"], env, database.folder);
    assert.equal(added.code, 0, added.stderr);
    const text = readFileSync(file, "utf8");
    assert.match(text, /^k2:[A-Za-z0-9+/]{43}=,k1:[A-Za-z0-9+/]{43}=\n$/);
    assert.equal(text.trim().endsWith(was), true);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal((added.stdout + added.stderr).includes(was.slice(3)), false);
    const serving = await serveCommand(env, database.folder);
    const rotated = await runCommand(["keys", "rotate"], env, database.folder);
    assert.equal(rotated.code, 0, rotated.stderr);
    assert.match(rotated.stdout, new RegExp(`These keys may leave ${file}: k1\\.`));
    await serving.stop();
  });
});
