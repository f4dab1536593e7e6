// The command as a stranger types it: what it says, where it says it, and with which exit code.
import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, describe, test } from "node:test";
import { version } from "../src/version.ts";
import { type Ended, runCommand, serveCommand } from "./support/processes.ts";

const root = mkdtempSync(join(tmpdir(), "behalf-cli-"));
after(() => rmSync(root, { recursive: true, force: true }));

let folder = root;
beforeEach(() => {
  folder = mkdtempSync(join(root, "host-"));
});

async function behalf(line: string, env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return runCommand(line === "" ? [] : line.split(" "), env, folder);
}

/** It ended in an orderly way: a sentence on stderr, no stack. */
function assertRefused(
  { code, stdout, stderr }: Ended,
  expected: { readonly code: number; readonly says: RegExp },
): void {
  assert.equal(code, expected.code, stdout + stderr);
  assert.match(stderr, expected.says);
  assert.doesNotMatch(stderr, /\n {4}at /);
}

describe("usage", () => {
  test("help and version are answers", async () => {
    for (const line of ["", "--help", "serve -h"]) {
      const { code, stdout } = await behalf(line);
      assert.equal(code, 0, line);
      assert.match(stdout, /behalf serve[\s\S]*behalf doctor/);
    }
    assert.deepEqual(await behalf("--version"), { code: 0, stdout: `${version}\n`, stderr: "" });
  });

  for (const [line, says] of [
    ["nonsense", /no command "nonsense"[\s\S]*behalf serve/],
    ["toString", /no command "toString"/],
    ["tokens", /Usage: behalf tokens create --admin/],
    ["tokens create", /Usage: behalf tokens create --admin/],
    ["tokens create --admin --nme x", /Unknown option '--nme'/],
    ["tokens list --json", /Usage: behalf tokens list/],
    ["tokens revoke 17", /Usage: behalf tokens revoke ID/],
    ["audit", /Usage: behalf audit verify/],
    ["serve --port 5", /Usage: behalf serve .*no arguments/],
    ["migrate down", /Usage: behalf migrate/],
  ] as const) {
    test(`\`behalf ${line}\` is wrong usage`, async () => assertRefused(await behalf(line), { code: 2, says }));
  }
});

describe("a start that cannot be", () => {
  test("names a setting that is misspelt, and the right one", async () => {
    const ended = await behalf("serve", { BEHALF_PROT: "1" });
    assertRefused(ended, { code: 1, says: /BEHALF_PROT is not a setting; the nearest is BEHALF_PORT/ });
  });

  test("reads ./.env, and says so when that is at fault", async () => {
    writeFileSync(join(folder, ".env"), "BEHALF_PORT=many\n");
    assertRefused(await behalf("serve"), { code: 1, says: /BEHALF_PORT is not a whole number/ });
  });

  test("says what to do when the port is taken, and keeps the first token for the start that works", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const ended = await behalf("serve", { BEHALF_PORT: String(port) });
    assertRefused(ended, { code: 1, says: new RegExp(`Port ${port} on 127.0.0.1 is taken.*BEHALF_PORT=\\d+`) });
    other.close();
    const serving = await serveCommand({}, folder);
    await serving.stop();
    assert.match(serving.greeting, /First admin token/);
  });

  test("says where the data cannot be written", async () => {
    writeFileSync(join(folder, "file"), "");
    const inside = { BEHALF_DATABASE_URL: "file:./file/behalf.db" };
    assertRefused(await behalf("serve", inside), { code: 1, says: /cannot be made or written.*BEHALF_DATABASE_URL/ });
    writeFileSync(join(folder, "file"), "no database".repeat(100));
    const itself = { BEHALF_DATABASE_URL: "file:./file" };
    assertRefused(await behalf("serve", itself), { code: 1, says: /is no SQLite database/ });
  });

  test("says that PostgreSQL does not answer, without the password", async () => {
    const ended = await behalf("migrate", {
      BEHALF_DATABASE_URL: "postgres://behalf:hush-hush@127.0.0.1:1/behalf",
      BEHALF_KEYS: `k1:${Buffer.alloc(32, 7).toString("base64")}`,
      BEHALF_ADMIN_TOKEN: "an-admin-token-of-more-than-32-characters",
    });
    assertRefused(ended, { code: 1, says: /PostgreSQL does not answer/ });
    assert.doesNotMatch(ended.stderr, /hush-hush/);
  });
});

describe("a first start", () => {
  test("says where to go and what is missing; the second one shows no token", async () => {
    const first = await serveCommand({}, folder);
    const health = await fetch(`${first.origin}/readyz`);
    assert.equal(health.status, 200);
    const ended = await first.stop();
    assert.match(
      first.greeting,
      new RegExp(`Open +${first.origin}/\n +Redirect URI to register +${first.origin}/oauth/callback\n`),
    );
    assert.match(first.greeting, /First admin token, shown this once:\n +bh_live_\w+\n/);
    assert.match(first.greeting, /Missing: a project/);
    assert.equal(ended.code, 0);
    const second = await serveCommand({}, folder);
    await second.stop();
    assert.doesNotMatch(second.greeting, /bh_live_|First admin token/);
  });
});

test("an instance token is made, listed without its text, works, and ends when it is revoked", async () => {
  assert.match((await behalf("tokens list")).stdout, /no instance token yet/);
  const made = await behalf("tokens create --admin --name ops");
  assert.equal(made.code, 0, made.stderr);
  const token = made.stdout.trim();
  assert.match(token, /^bh_live_\w+$/);
  assert.match(made.stderr, /only time/);

  const serving = await serveCommand({}, folder);
  const projects = async () =>
    (await fetch(`${serving.origin}/v1/projects`, { headers: { authorization: `Bearer ${token}` } })).status;
  assert.equal(await projects(), 200);
  const list = await behalf("tokens list");
  assert.ok(!list.stdout.includes(token));
  const [, id = ""] = /^(tok_\w+) .* living +ops$/m.exec(list.stdout) ?? [];
  assert.equal((await behalf(`tokens revoke ${id}`)).stdout, `Revoked ${id}.\n`);
  assert.equal(await projects(), 401);
  await serving.stop();

  assert.match((await behalf("tokens list")).stdout, new RegExp(`^${id} .* revoked .* ops$`, "m"));
  assertRefused(await behalf(`tokens revoke ${id}`), { code: 1, says: /No living instance token has this id/ });
  const audit = await behalf("audit verify");
  assert.deepEqual([audit.code, audit.stderr], [0, ""]);
  assert.match(audit.stdout, /^\d+ events in 1 chain(?:, held against \d+ checkpoints)?, all in order\n$/);
});

describe("doctor", () => {
  test("finds nothing wrong before the first start, after `migrate`, and after a token was made", async () => {
    for (const line of ["--version", "migrate", "tokens create --admin"]) {
      assert.equal((await behalf(line)).code, 0, line);
      const { code, stdout } = await behalf("doctor");
      assert.equal(code, 0, stdout);
      assert.match(stdout, /All is well/);
      assert.doesNotMatch(stdout, /WRONG/);
    }
  });

  test("says what is wrong and what to do", async () => {
    await behalf("tokens create --admin");
    const keys = join(folder, "data", "behalf.keys");
    chmodSync(keys, 0o644);
    const open = await behalf("doctor");
    assert.equal(open.code, 1);
    assert.match(open.stdout, /WRONG +data\/behalf\.keys can be read by others: chmod 600/);
    rmSync(keys);
    const lost = await behalf("doctor");
    assert.equal(lost.code, 1);
    assert.match(lost.stdout, /WRONG +no keys: set BEHALF_KEYS/);
    const misspelt = await behalf("doctor", { BEHALF_LOGLEVEL: "info" });
    assert.match(misspelt.stdout, /WRONG[\s\S]*nearest is BEHALF_LOG_LEVEL[\s\S]*1 to mend/);
  });

  test("sees a folder that cannot hold the database", async () => {
    writeFileSync(join(folder, "file"), "");
    const { code, stdout } = await behalf("doctor", { BEHALF_DATABASE_URL: "file:./file/behalf.db" });
    assert.equal(code, 1);
    assert.match(stdout, /WRONG +\.\/file cannot be written/);
  });
});
