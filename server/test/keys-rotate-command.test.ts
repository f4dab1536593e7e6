// `behalf keys`, as an operator runs it: killed and run again, telling how far it is, and making a new key.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { systemRandom } from "../src/crypto/random.ts";
import { addKey, makeKeysFile } from "../src/keys-file.ts";
import type { NamedKey } from "../src/settings.ts";
import { onEachDatabase, type ScratchDatabase, scratch } from "./support/databases.ts";
import { adminToken, newKey, openHouse, type TestHouse } from "./support/house.ts";
import { makeConnection } from "./support/person.ts";
import { type Ended, runCommand, serveCommand } from "./support/processes.ts";
import { envelopes, fill, openAll, ringText } from "./support/sealed.ts";

const command = fileURLToPath(new URL("../src/cli.ts", import.meta.url));

onEachDatabase("behalf keys", (kind) => {
  let house: TestHouse;
  const [k1, k2, k3] = [newKey("k1"), newKey("k2"), newKey("k3")];
  beforeEach(async () => {
    house = await openHouse({ kind, keys: [k1] });
    for (const login of ["octo", "hubot"]) house.fake.user({ login });
    await makeConnection(house);
    // The house has ended, for the commands: they meet the servers that a test starts.
    await house.behalf.house.vault.forgetKeys();
  });
  afterEach(async () => house.close());

  test("killed at six random moments and run again each time, every value opens at the end", async () => {
    await fill(house);
    await multiply(200);
    const count = await openAll(house.database, [k1]);
    let keys: readonly NamedKey[] = [k2, k1];
    let [killed, turns] = [0, 0];
    while (killed < 6) {
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

  test("a running server without the new key stops a rotation before anything is touched; once it has ended the way is free", async () => {
    await fill(house);
    const serving = await serveCommand(environment([k1]), house.database.folder);
    const heard = async (): Promise<boolean> => (await house.behalf.house.store.rings.heardWithin(60_000)).length > 0;
    while (!(await heard())) await sleep(20);
    const refused = await behalf(["keys", "rotate"], [k2, k1]);
    assert.equal(refused.code, 1, refused.stdout);
    assert.match(
      refused.stderr,
      /^A server that was heard at \S+ has the keys k1\.\nEvery running server must seal with "k2" first/,
    );
    assert.deepEqual(new Set((await envelopes(house.database)).map(({ key }) => key)), new Set(["k1"]));
    await serving.stop();
    assert.equal((await behalf(["keys", "rotate"], [k2, k1])).code, 0);
  });

  test("the command says how far it is, what each key seals and which may go, and the server then starts without it", async () => {
    await fill(house);
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

  test("of two that add one at once, the second is refused and told what to do, and no key is lost", () => {
    const file = join(database.folder, "behalf.db");
    const kept = (): string => readFileSync(join(database.folder, "behalf.keys"), "utf8");
    makeKeysFile(file, systemRandom);
    const meanwhile = (): unknown => addKey(file, systemRandom);
    let isFirst = true;
    const interrupted = (bytes: number): Uint8Array => {
      if (isFirst)
        assert.throws(meanwhile, {
          name: "WrongKeys",
          message: /^Another process is adding a key .* remove \S+\.lock/,
        });
      isFirst = false;
      return systemRandom(bytes);
    };
    assert.equal(addKey(file, interrupted), "k2");
    const two = kept();
    assert.equal(addKey(file, systemRandom), "k3");
    assert.ok(kept().endsWith(`,${two}`));
    assert.deepEqual(
      readdirSync(database.folder).filter((name) => /\.lock$|keys\./.test(name)),
      [],
    );
  });
});
