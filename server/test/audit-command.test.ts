// `behalf audit` on the host: what it proves, signs and takes out, and how it ends when something is wrong.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createPublicKey, verify } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { NamedKey } from "../src/settings.ts";
import { putBack } from "./support/audit.ts";
import { onEachDatabase } from "./support/databases.ts";
import { adminToken, newKey, openHouse, type TestHouse } from "./support/house.ts";
import { makeConnection } from "./support/person.ts";
import { type Ended, runCommand } from "./support/processes.ts";
import { openRaw, type RawDatabase, type RawRow } from "./support/sql.ts";

const key = newKey("k1");
const tables = ["audit_events", "audit_heads", "audit_checkpoints"];

onEachDatabase("behalf audit", (kind) => {
  let house: TestHouse;
  let raw: RawDatabase;
  let older: Record<string, RawRow[]>;
  let newer: Record<string, RawRow[]>;
  let saved: string;
  before(async () => {
    house = await openHouse({ kind, keys: [key] });
    raw = await openRaw(house.database);
    await makeConnection(house);
    older = await raw.dump();
    for (let n = 0; n < 3; n += 1) await house.call("PUT", `/v1/connections/github/accounts/user_${n}`);
    saved = join(house.database.folder, "checkpoints.jsonl");
  });
  after(async () => {
    await raw.close();
    await house.close();
  });

  const run = async (...args: string[]): Promise<Ended> => runWith([key], ...args);
  const runWith = async (keys: readonly NamedKey[], ...args: string[]): Promise<Ended> =>
    runCommand(
      ["audit", ...args],
      {
        BEHALF_DATABASE_URL: house.database.url,
        BEHALF_KEYS: keys.map((one) => `${one.id}:${one.key.reveal()}`).join(","),
        BEHALF_ADMIN_TOKEN: adminToken,
        BEHALF_LOG_LEVEL: "silent",
      },
      house.database.folder,
    );

  test("checkpoint prints one for each chain, which the published key proves", async () => {
    const { code, stdout, stderr } = await run("checkpoint");
    assert.equal(code, 0, stderr);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, string>);
    assert.deepEqual(new Set(lines.map(({ chain }) => chain)), new Set(["instance", house.project]));
    const { json } = await house.call("GET", "/v1/audit/checkpoints");
    for (const { chain, seq, hash, at, signature = "" } of lines) {
      const text = JSON.stringify(["behalf-audit-checkpoint-1", chain, seq, hash, at]);
      const bytes = Buffer.from(signature, "base64url");
      assert.ok(verify(null, Buffer.from(text), createPublicKey(json.public_key), bytes));
    }
    writeFileSync(saved, stdout);
    newer = await raw.dump();
  });

  test("verify holds the chains against a file of them", async () => {
    const good = await run("verify", "--checkpoint", saved);
    assert.equal(good.code, 0, good.stderr);
    assert.match(good.stdout, /^\d+ events in 2 chains, held against 4 checkpoints, all in order\n$/);
  });

  test("none of them brings a newer key into use: servers that run without it could not start again", async () => {
    const used = "select id from sealing_keys order by id";
    const events = "select count(*) as n from audit_events";
    const untouched = [await raw.rows(used), await raw.rows(events)];
    for (const verb of ["verify", "checkpoint", "export"]) {
      const { code, stderr } = await runWith([newKey("k2"), key], verb);
      assert.equal(code, 0, stderr);
      assert.deepEqual([await raw.rows(used), await raw.rows(events)], untouched, verb);
    }
    const { code, stderr } = await runWith([newKey("k2")], "verify");
    assert.notEqual(code, 0);
    assert.match(stderr, /sealed with key "k1", which BEHALF_KEYS does not have/);
    assert.deepEqual(await raw.rows(used), untouched[0]);
  });

  test("an older database put back whole passes without the file, and is found with it", async () => {
    await putBack(raw, tables, older);
    const without = await run("verify");
    const found = await run("verify", "--checkpoint", saved);
    await putBack(raw, tables, newer);
    assert.match(without.stdout, /all in order\n$/);
    assert.equal(found.code, 1);
    assert.match(
      found.stdout,
      new RegExp(
        `^BROKEN  ${house.project}: event 4 is missing, although the checkpoint of \\S+ says the chain reached event 6\n`,
      ),
    );
  });

  test("verify takes the server's log for such a file, and nothing that it cannot read", async () => {
    await house.call("POST", "/v1/tokens", { body: { name: "t", scopes: ["tools"] } });
    await house.call("POST", "/v1/audit/checkpoints");
    const log = join(house.database.folder, "server.log");
    writeFileSync(log, house.lines.join(""));
    const good = await run("verify", "--checkpoint", log);
    assert.match(good.stdout, /held against \d+ checkpoints, all in order\n$/, good.stderr);
    for (const [text, says] of [
      ["", /there is no checkpoint in/],
      ['{"chain":"instance","seq":1,"signature":"cut of', /1 checkpoint in .* cannot be read/],
    ] as const) {
      writeFileSync(log, text);
      const refused = await run("verify", "--checkpoint", log);
      assert.equal(refused.code, 2);
      assert.match(refused.stderr, says);
    }
    assert.equal((await run("verify", "--checkpoint", join(house.database.folder, "absent"))).code, 2);
  });

  test("a chain whose end was cut is not signed, and the others are", async () => {
    newer = await raw.dump();
    await raw.run(`delete from audit_events where chain = '${house.project}' and seq = 7`);
    const { code, stdout, stderr } = await run("checkpoint");
    await putBack(raw, tables, newer);
    assert.equal(code, 1);
    assert.match(stdout, /^\{"chain":"instance"[^\n]*\}\n$/);
    assert.match(stderr, new RegExp(`^${house.project}: .*behalf audit verify\n$`));
  });

  test("export writes every chain, or one, as JSON Lines or CSV", async () => {
    const all = await run("export");
    assert.equal(all.code, 0, all.stderr);
    const events = all.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { chain: string });
    assert.equal(events.length, (await raw.rows("select seq from audit_events")).length);
    const one = await run("export", "--project", house.project, "--format", "csv");
    assert.equal(one.stdout.split("\r\n").length - 2, events.filter(({ chain }) => chain === house.project).length);
    assert.equal((await run("export", "--project", "prj_00000000000040008000000000000000")).code, 1);
    assert.equal((await run("export", "--since", "2100-01-01T00:00:00Z")).stdout, "");
    const wrong = [
      ["export", "--format", "xml"],
      ["export", "--since", "then"],
      ["export", "--project", "x"],
      ["nothing"],
    ];
    const ended = await Promise.all(wrong.map(async (args) => run(...args)));
    assert.deepEqual(
      ended.map(({ code }) => code),
      [2, 2, 2, 2],
    );
  });

  test("the lines of the documentation check a checkpoint with openssl alone", async (context) => {
    const has = (tool: string) =>
      spawnSync(tool, ["--version"]).status === 0 || spawnSync(tool, ["version"]).status === 0;
    if (!has("openssl") || !has("jq")) return context.skip("openssl or jq is not here");
    const { json: list } = await house.call("GET", "/v1/audit/checkpoints");
    const folder = house.database.folder;
    writeFileSync(join(folder, "c.json"), JSON.stringify(list.items[0]));
    writeFileSync(join(folder, "key.pem"), list.public_key);
    const commands = `
jq -cj '["behalf-audit-checkpoint-1", .chain, .seq, .hash, .at]' c.json > text
jq -rj '.signature + "=="' c.json | tr '_-' '/+' | base64 -d > signature
openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in text -sigfile signature`;
    const checked = spawnSync("sh", ["-ec", commands], { cwd: folder, encoding: "utf8" });
    assert.match(checked.stdout, /Verified Successfully/, checked.stderr);
  });
});
