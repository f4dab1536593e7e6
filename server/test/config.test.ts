// Settings: read from one table, refused all at once, and never repeated aloud.
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import { type Config, ConfigError, type Files, readConfig, settingsTable } from "../src/config.ts";

const k1 = Buffer.alloc(32, 1).toString("base64");
const k2 = Buffer.alloc(32, 2).toString("base64");
const token = "an-admin-token-of-at-least-32-characters";

const noFiles: Files = {
  read() {
    throw Object.assign(new Error("no such file"), { code: "ENOENT" });
  },
};

function read(env: Record<string, string>, files: Files = noFiles): Config {
  return readConfig(env, files);
}

function faultsOf(env: Record<string, string>, files: Files = noFiles): readonly string[] {
  try {
    read(env, files);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

test("without any setting Behalf listens on loopback and keeps its data in a local file", () => {
  assert.deepEqual(read({}), {
    host: "127.0.0.1",
    port: 4180,
    url: "http://127.0.0.1:4180",
    database: { kind: "sqlite", file: "./data/behalf.db" },
    keys: null,
    adminToken: null,
    allowUpstream: { hosts: [], ranges: [] },
    redis: null,
    trustedProxies: [],
    addressLimit: 600,
    metricsToken: null,
    drainSeconds: 30,
    logLevel: "info",
  });
});

test("an empty value counts as not given", () => {
  assert.equal(read({ BEHALF_PORT: "", BEHALF_KEYS: "", BEHALF_URL_FILE: "" }).port, 4180);
});

test("the public origin is that of the listen address unless it is given", () => {
  assert.equal(read({ BEHALF_HOST: "::1", BEHALF_PORT: "0" }).url, "http://[::1]:0");
  assert.equal(read({ BEHALF_URL: "https://Behalf.Example.com:443/" }).url, "https://behalf.example.com");
});

test("the key ring keeps its order, newest first", () => {
  const { keys } = read({ BEHALF_KEYS: `k2:${k2}, k1:${k1}` });
  assert.deepEqual(
    keys?.map(({ id, key }) => [id, key.reveal()]),
    [
      ["k2", k2],
      ["k1", k1],
    ],
  );
});

test("a database is chosen by its URL", () => {
  assert.deepEqual(read({ BEHALF_DATABASE_URL: "file:///var/lib/behalf.db" }).database, {
    kind: "sqlite",
    file: "/var/lib/behalf.db",
  });
  const env = { BEHALF_KEYS: `k1:${k1}`, BEHALF_ADMIN_TOKEN: token };
  const { database } = read({ ...env, BEHALF_DATABASE_URL: "postgresql://me:pw@db/behalf" });
  assert.equal(database.kind === "postgres" && database.url.reveal(), "postgresql://me:pw@db/behalf");
});

test("private addresses are opened as host and port, as one address or as a range", () => {
  const text = "GHE.corp.example:443, 127.0.0.1:9100,[FD00::1]:80,10.0.0.0/8,192.168.1.5,fd00::/8";
  assert.deepEqual(read({ BEHALF_ALLOW_UPSTREAM: text }).allowUpstream, {
    hosts: ["ghe.corp.example:443", "127.0.0.1:9100", "[fd00::1]:80"],
    ranges: [
      { address: "10.0.0.0", prefix: 8 },
      { address: "192.168.1.5", prefix: 32 },
      { address: "fd00::", prefix: 8 },
    ],
  });
});

test("every setting is read from the file that NAME_FILE names, without its last newline", () => {
  const files: Files = { read: (path) => (path === "/run/secrets/admin" ? `${token}\n` : "") };
  assert.equal(read({ BEHALF_ADMIN_TOKEN_FILE: "/run/secrets/admin" }, files).adminToken?.reveal(), token);
  for (const { name } of Object.values(settingsTable)) {
    assert.match(faultsOf({ [`${name}_FILE`]: "/run/secrets/it" })[0] ?? "", /cannot be read from the file/);
  }
});

test("a file that cannot be read is a fault that keeps the path to itself", () => {
  assert.deepEqual(faultsOf({ BEHALF_KEYS_FILE: `k1:${k1}` }), [
    "BEHALF_KEYS cannot be read from the file that BEHALF_KEYS_FILE names (ENOENT); accepted is BEHALF_KEYS=k1:<base64 of 32 bytes>",
  ]);
});

test("a setting given both ways is a fault", () => {
  assert.deepEqual(faultsOf({ BEHALF_PORT: "1", BEHALF_PORT_FILE: "/port" }), [
    "BEHALF_PORT is given twice, also as BEHALF_PORT_FILE; accepted is BEHALF_PORT=4180",
  ]);
});

test("all faults are told at once, each with its setting, what is wrong and an accepted example", () => {
  const faults = faultsOf({
    BEHALF_PROT: "4180",
    BEHALF_PORT: "65536",
    BEHALF_URL: "https://x.example/path",
    BEHALF_LOG_LEVEL: "verbose",
    BEHALF_KEYS: "k1:short",
    BEHALF_DATABASE_URL: "postgres://db/behalf",
  });
  assert.deepEqual(faults, [
    "BEHALF_PROT is not a setting; the nearest is BEHALF_PORT",
    "BEHALF_PORT is not a whole number from 0 to 65535; accepted is BEHALF_PORT=4180",
    "BEHALF_URL is more than an origin: it has a path, query or fragment; accepted is BEHALF_URL=https://behalf.example.com",
    "BEHALF_KEYS has an entry (number 1) that is not <id of a-z and 0-9>:<base64 of 32 bytes>; accepted is BEHALF_KEYS=k1:<base64 of 32 bytes>",
    "BEHALF_LOG_LEVEL is none of debug, info, warn, error, silent; accepted is BEHALF_LOG_LEVEL=info",
    "BEHALF_ADMIN_TOKEN is missing: PostgreSQL needs it; accepted is BEHALF_ADMIN_TOKEN=<32 or more random characters>",
  ]);
});

test("PostgreSQL does not start without its keys and its admin token", () => {
  const faults = faultsOf({ BEHALF_DATABASE_URL: "postgres://db/behalf" });
  assert.deepEqual(
    faults.map((fault) => fault.split(" ")[0]),
    ["BEHALF_KEYS", "BEHALF_ADMIN_TOKEN"],
  );
});

test("an unknown name is refused with the nearest spelling, and names of the tests are left alone", () => {
  const nearest = ["BEHALF_HOSTS", "BEHALF_KEY", "BEHALF_DRAIN_SECOND", "BEHALF_KEYS_FIEL"].map((name) =>
    faultsOf({ [name]: "x" }),
  );
  assert.deepEqual(nearest, [
    ["BEHALF_HOSTS is not a setting; the nearest is BEHALF_HOST"],
    ["BEHALF_KEY is not a setting; the nearest is BEHALF_KEYS"],
    ["BEHALF_DRAIN_SECOND is not a setting; the nearest is BEHALF_DRAIN_SECONDS"],
    ["BEHALF_KEYS_FIEL is not a setting; the nearest is BEHALF_KEYS_FILE"],
  ]);
  assert.deepEqual(faultsOf({ BEHALF_TEST_POSTGRES_URL: "x", PATH: "/bin" }), []);
});

const refused: Readonly<Record<string, readonly string[]>> = {
  BEHALF_HOST: ["http://x", "a b", "-a", "x:80"],
  BEHALF_PORT: ["-1", "80.5", "0x50", " 80", "1e3"],
  BEHALF_URL: ["x", "ftp://x", "https://u:p@x", "https://x/?", "https://x#", "https://x/a"],
  BEHALF_DATABASE_URL: ["file:", "mysql://x", "file://host/x", "./data.db", "file:./data/"],
  BEHALF_KEYS: [`k1:${k1},k1:${k2}`, `k1:${k1},k2:${k1}`, `K1:${k1}`, `k1:${k1.slice(0, -1)}`, `k1:${k1},`, `:${k1}`],
  BEHALF_ADMIN_TOKEN: ["x".repeat(31), `${"x".repeat(31)} `, `${"x".repeat(32)}\n`, "é".repeat(32)],
  BEHALF_ALLOW_UPSTREAM: [
    "x",
    "10.0.0.0/33",
    "fd00::/129",
    "x:0",
    "x:65536",
    "a:1,,b:1",
    "http://x:80",
    "[10.0.0.1]:1",
  ],
  BEHALF_DRAIN_SECONDS: ["601", "-1", "30s"],
  BEHALF_LOG_LEVEL: ["INFO", "trace"],
};

test("what a setting cannot be is refused", () => {
  for (const [name, values] of Object.entries(refused)) {
    for (const value of values) assert.equal(faultsOf({ [name]: value }).length, 1, `${name}=${value}`);
  }
});

test("the examples of settings that are no secrets are accepted", () => {
  for (const { name, secret, example } of Object.values(settingsTable)) {
    if (!secret) assert.deepEqual(faultsOf({ [name]: example }), []);
  }
});

test("a config that is printed shows no secret", () => {
  const config = read({
    BEHALF_KEYS: `k1:${k1}`,
    BEHALF_ADMIN_TOKEN: token,
    BEHALF_DATABASE_URL: "postgres://me:open-sesame@db/behalf",
  });
  const printed = inspect(config, { depth: null, showHidden: true }) + JSON.stringify(config);
  for (const secret of [k1, token, "open-sesame"]) assert.ok(!printed.includes(secret));
});

test("whatever is wrong, no value of a setting appears in the error", () => {
  const names = Object.values(settingsTable).flatMap(({ name }) => [name, `${name}_FILE`]);
  // Values that are nearly right as well as noise; long enough not to be a word of the sentences by chance.
  const value = fc
    .tuple(
      fc.constantFrom("", "postgres://u:", "k1:", `k1:${k1},k1:`, "https://u:", "file:", "10.0.0.0/", "x:"),
      fc.string({ minLength: 12, maxLength: 60, unit: "grapheme" }).filter((text) => text.trim().length >= 12),
    )
    .map(([start, rest]) => ({ text: start + rest, kept: rest }));
  const env = fc.dictionary(fc.constantFrom(...names), value, { minKeys: 1 });
  const check = fc.property(env, fc.boolean(), (given, readable) => {
    const files: Files = readable ? { read: (path) => path } : noFiles;
    const raw = Object.fromEntries(Object.entries(given).map(([name, { text }]) => [name, text]));
    try {
      read(raw, files);
    } catch (error) {
      assert.ok(error instanceof ConfigError);
      const printed = `${error.message}${error.stack ?? ""}${inspect(error, { depth: null, showHidden: true })}`;
      for (const { kept } of Object.values(given)) assert.ok(!printed.includes(kept));
    }
  });
  fc.assert(check, { numRuns: 500 });
});
