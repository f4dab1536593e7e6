// Promise 3: a database that holds sealed values never starts without its keys, and a wrong ring is refused before listening.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { readConfig } from "../../src/config.ts";
import { systemRandom } from "../../src/crypto/random.ts";
import { databaseOf } from "../../src/opening.ts";
import { keysFor, type Running, start, systemWorld } from "../../src/start.ts";
import { type DatabaseKind, onEachDatabase, type ScratchDatabase, scratch } from "../support/databases.ts";
import { adminToken, call, freePort } from "../support/house.ts";
import { runCommand, type Serving, serveCommand } from "../support/processes.ts";
import { openRaw } from "../support/sql.ts";

const k1 = `k1:${randomBytes(32).toString("base64")}`;
const k2 = `k2:${randomBytes(32).toString("base64")}`;
const k3 = `k3:${randomBytes(32).toString("base64")}`;
const impostor = `k1:${randomBytes(32).toString("base64")}`;
const secret = "client-secret-that-is-sealed-0123";

type Environment = Readonly<Record<string, string>>;

function environment(database: ScratchDatabase, more: Environment = {}): Environment {
  return {
    BEHALF_DATABASE_URL: database.url,
    BEHALF_ADMIN_TOKEN: adminToken,
    BEHALF_ALLOW_UPSTREAM: "127.0.0.0/8",
    BEHALF_LOG_LEVEL: "silent",
    ...more,
  };
}

async function starting(env: Environment, port: number): Promise<Running> {
  const files = { read: (path: string) => readFileSync(path, "utf8") };
  const config = readConfig({ ...env, BEHALF_PORT: String(port) }, files);
  return start(config, { ...systemWorld(config), random: systemRandom });
}

async function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}

const connection = {
  name: "github",
  preset: "github",
  client_id: "Iv1.x",
  client_secret: secret,
  verification: "none",
  hosts: { web: "http://127.0.0.1:9", api: "http://127.0.0.1:9" },
};

onEachDatabase("a server starts with the keys of its database only", (kind: DatabaseKind) => {
  let database: ScratchDatabase;
  let running: Running[];
  beforeEach(async () => {
    database = await scratch(kind);
    running = [];
  });
  afterEach(async () => {
    for (const one of running) await one.stop();
    await database.drop();
  });

  const up = async (keys: string): Promise<Running> => {
    const one = await starting(environment(database, { BEHALF_KEYS: keys }), await freePort());
    running.push(one);
    return one;
  };

  /** A start that is refused: nothing listens, nothing was changed, and the sentence says what to do. */
  async function refused(keys: string, sentence: string): Promise<void> {
    const raw = await openRaw(database);
    const earlier = await raw.dump();
    const port = await freePort();
    await assert.rejects(starting(environment(database, { BEHALF_KEYS: keys }), port), {
      name: "WrongKeys",
      message: sentence,
    });
    assert.equal(await isFree(port), true);
    assert.deepEqual(await raw.dump(), earlier);
    await raw.close();
  }

  async function sealedWith(keys: string): Promise<string> {
    const one = await up(keys);
    const { json } = await call(one.origin, "POST", "/v1/projects", { token: adminToken, body: { name: "P" } });
    const token = json.token as string;
    const made = await call(one.origin, "POST", "/v1/connections", { token, body: connection });
    assert.equal(made.status, 201, made.text);
    await one.stop();
    return token;
  }

  async function stored(): Promise<string> {
    const raw = await openRaw(database);
    const [row] = await raw.rows("select client_secret from connections");
    await raw.close();
    return String(row?.["client_secret"]);
  }

  test("another key under the same id is refused before anything listens", async () => {
    await sealedWith(k1);
    await refused(
      impostor,
      'Key "k1" of BEHALF_KEYS is not the key this database was sealed with. Bring back the right one from your backup.',
    );
  });

  test("a ring without an old id is refused before anything listens", async () => {
    await sealedWith(k1);
    const sentence =
      'The database holds values sealed with key "k1", which BEHALF_KEYS does not have. Add it after the newer keys.';
    await refused(k2, sentence);
    await refused(`${k2},${k3}`, sentence);
  });

  test("a ring whose newer key is right and whose old one is not is refused", async () => {
    await sealedWith(k1);
    await refused(
      `${k2},${impostor}`,
      'Key "k1" of BEHALF_KEYS is not the key this database was sealed with. Bring back the right one from your backup.',
    );
  });

  test("a longer ring opens what the old key sealed and seals with the newest, and is needed from then on", async () => {
    const token = await sealedWith(k1);
    assert.match(await stored(), /^bhs1\.k1\./);
    const one = await up(`${k2},${k1}`);
    const account = await call(one.origin, "PUT", "/v1/connections/github/accounts/user_1", { token });
    assert.equal(account.status, 201, account.text);
    assert.match(await stored(), /^bhs1\.k1\./);
    const link = await call(one.origin, "POST", "/v1/connections/github/accounts/user_1/link", { token, body: {} });
    const opened = await fetch(link.json.link as string, { redirect: "manual" });
    assert.equal(opened.status, 302);
    await call(one.origin, "PATCH", "/v1/connections/github", { token, body: { client_secret: "changed" } });
    assert.match(await stored(), /^bhs1\.k2\./);
    assert.deepEqual((await one.behalf.verifyAudit()).faults, []);
    await one.stop();
    await refused(
      k1,
      'The database holds values sealed with key "k2", which BEHALF_KEYS does not have. Add it after the newer keys.',
    );
  });

  test("keys rotate while the server runs; then it starts without the old one, and not without the new one", async () => {
    const token = await sealedWith(k1);
    const one = await up(`${k2},${k1}`);
    const rotation = runCommand(
      ["keys", "rotate"],
      environment(database, { BEHALF_KEYS: `${k2},${k1}` }),
      database.folder,
    );
    for (let at = 0; at < 5; at += 1) {
      const account = await call(one.origin, "PUT", `/v1/connections/github/accounts/user_${at}`, { token });
      assert.equal(account.status, 201, account.text);
    }
    const { code, stdout, stderr } = await rotation;
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^These keys may leave BEHALF_KEYS: k1\. /m);
    assert.match(await stored(), /^bhs1\.k2\./);
    assert.deepEqual((await one.behalf.verifyAudit()).faults, []);
    await one.stop();
    await refused(
      k1,
      'The database holds values sealed with key "k2", which BEHALF_KEYS does not have. Add it after the newer keys.',
    );
    const later = await up(k2);
    const link = await call(later.origin, "POST", "/v1/connections/github/accounts/user_0/link", { token, body: {} });
    assert.equal((await fetch(link.json.link as string, { redirect: "manual" })).status, 302);
  });

  test("the command says the sentence, ends with 1 and shows no stack", async () => {
    await sealedWith(k1);
    const { code, stdout, stderr } = await runCommand(
      ["serve"],
      environment(database, { BEHALF_KEYS: impostor, BEHALF_PORT: String(await freePort()) }),
      database.folder,
    );
    assert.equal(code, 1);
    assert.equal(stdout, "");
    assert.equal(
      stderr,
      'Key "k1" of BEHALF_KEYS is not the key this database was sealed with. Bring back the right one from your backup.\n',
    );
  });

  test("every other command that opens the database refuses the wrong ring too", async () => {
    await sealedWith(k1);
    const commands = [["tokens", "create", "--admin"], ["tokens", "list"], ["audit", "verify"], ["doctor"]];
    const env = environment(database, { BEHALF_KEYS: k2 });
    const all = await Promise.all(commands.map(async (args) => runCommand(args, env, database.folder)));
    for (const [at, ended] of all.entries()) {
      assert.equal(ended.code, 1, commands[at]?.join(" "));
      assert.match(ended.stdout + ended.stderr, /sealed with key "k1", which BEHALF_KEYS does not have/);
    }
  });

  test("four processes that start together on a new database all serve, under one set of keys", async () => {
    const env = environment(database, kind === "postgres" ? { BEHALF_KEYS: k1 } : {});
    const { BEHALF_ADMIN_TOKEN: _, ...without } = env;
    const four = [1, 2, 3, 4].map(async () => serveCommand(kind === "postgres" ? env : without, database.folder));
    const outcomes = await Promise.allSettled(four);
    const serving = outcomes.flatMap((outcome): Serving[] => (outcome.status === "fulfilled" ? [outcome.value] : []));
    try {
      assert.deepEqual(
        outcomes.flatMap((outcome): unknown[] => (outcome.status === "rejected" ? [outcome.reason] : [])),
        [],
      );
      const tokens = serving.flatMap(({ greeting }) => /^ {4}(bh_live_\S+)$/m.exec(greeting)?.[1] ?? []);
      assert.equal(tokens.length, kind === "sqlite" ? 1 : 0);
      const raw = await openRaw(database);
      assert.deepEqual(await raw.rows("select id from sealing_keys"), [{ id: "k1" }]);
      await raw.close();
      // What one seals, every other opens.
      const [first] = serving;
      const token = tokens[0] ?? adminToken;
      const made = await call(first?.origin ?? "", "POST", "/v1/projects", { token, body: { name: "P" } });
      const own = made.json.token as string;
      await call(first?.origin ?? "", "POST", "/v1/connections", { token: own, body: connection });
      for (const [at, { origin }] of serving.entries()) {
        const account = await call(origin, "PUT", `/v1/connections/github/accounts/user_${at}`, { token: own });
        assert.equal(account.status, 201, account.text);
      }
    } finally {
      for (const one of serving) assert.equal((await one.stop()).code, 0);
    }
  });
});

onEachDatabase("keys are made up for a new local file, and for nothing else", (kind) => {
  let database: ScratchDatabase;
  beforeEach(async () => {
    database = await scratch(kind);
  });
  afterEach(async () => database.drop());

  const bare = (more: Environment = {}): Environment => {
    const { BEHALF_ADMIN_TOKEN: _, ...env } = environment(database);
    return { ...env, ...more };
  };

  if (kind === "postgres") {
    test("PostgreSQL is not started without BEHALF_KEYS and BEHALF_ADMIN_TOKEN, and both are named at once", async () => {
      const { code, stderr } = await runCommand(["serve"], bare(), database.folder);
      assert.equal(code, 1);
      assert.match(stderr, /^2 settings are wrong:\n/);
      assert.match(stderr, /BEHALF_KEYS is missing: PostgreSQL needs it/);
      assert.match(stderr, /BEHALF_ADMIN_TOKEN is missing: PostgreSQL needs it/);
      const raw = await openRaw(database);
      assert.deepEqual(await raw.dump(), {});
      await raw.close();
    });
    return;
  }

  const keysFile = () => join(database.folder, "behalf.keys");

  test("a new file gets keys that only its owner can read, and a first admin token once", async () => {
    const first = await starting(bare(), await freePort());
    assert.match(first.firstToken ?? "", /^bh_live_[0-9A-Za-z]{49}$/);
    assert.equal(statSync(keysFile()).mode & 0o777, 0o600);
    assert.equal(statSync(join(database.folder, "behalf.db")).mode & 0o777, 0o600);
    assert.match(readFileSync(keysFile(), "utf8"), /^k1:[A-Za-z0-9+/]{43}=\n$/);
    const answer = await call(first.origin, "GET", "/v1/projects", { token: first.firstToken ?? "" });
    assert.equal(answer.status, 200);
    await first.stop();
    const second = await starting(bare(), await freePort());
    assert.equal(second.firstToken, undefined);
    await second.stop();
  });

  test("with its keys file gone the server refuses, says what to bring back, and makes no new keys", async () => {
    await (await starting(bare(), await freePort())).stop();
    renameSync(keysFile(), `${keysFile()}.lost`);
    const port = await freePort();
    await assert.rejects(starting(bare(), port), {
      name: "WrongKeys",
      message: `The database ${join(database.folder, "behalf.db")} holds sealed values, and its keys are missing. Set BEHALF_KEYS, or bring back behalf.keys beside it.`,
    });
    assert.equal(await isFree(port), true);
    assert.equal(existsSync(keysFile()), false);
    const { code, stderr } = await runCommand(["serve"], bare(), database.folder);
    assert.equal(code, 1);
    assert.match(stderr, /its keys are missing\. Set BEHALF_KEYS, or bring back behalf\.keys beside it\.\n$/);
    renameSync(`${keysFile()}.lost`, keysFile());
    await (await starting(bare(), await freePort())).stop();
  });

  test("keys that another process makes while this one looks for them are found", async () => {
    const config = readConfig(bare({ BEHALF_PORT: "0" }), { read: () => "" });
    const ours = databaseOf(config);
    await ours.migrate();
    let other: Running | undefined;
    // The other process starts in the very moment between our look at the file and our look at the table.
    const sealingKeys = async () => {
      other ??= await starting(bare(), await freePort());
      return ours.meta.sealingKeys();
    };
    const keys = await keysFor(config, { ...ours, meta: { ...ours.meta, sealingKeys } }, false);
    assert.equal(`k1:${keys[0]?.key.reveal()}\n`, readFileSync(keysFile(), "utf8"));
    await other?.stop();
    await ours.close();
  });

  test("a keys file of another database is refused", async () => {
    await (await starting(bare(), await freePort())).stop();
    rmSync(keysFile());
    const elsewhere = await scratch("sqlite");
    await (await starting(environment(elsewhere), await freePort())).stop();
    renameSync(join(elsewhere.folder, "behalf.keys"), keysFile());
    await elsewhere.drop();
    await assert.rejects(starting(bare(), await freePort()), {
      name: "WrongKeys",
      message: /^Key "k1" of BEHALF_KEYS is not the key this database was sealed with/,
    });
  });

  test("a database given its keys by BEHALF_KEYS refuses to start without them, and makes none", async () => {
    await (await starting(bare({ BEHALF_KEYS: k1 }), await freePort())).stop();
    assert.equal(existsSync(keysFile()), false);
    await assert.rejects(starting(bare(), await freePort()), { name: "WrongKeys", message: /its keys are missing/ });
    assert.equal(existsSync(keysFile()), false);
  });
});
