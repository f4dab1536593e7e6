// Promise 28: /readyz tells the truth about database, Redis and keys; losing Redis degrades speed, not correctness; losing the database gives 503, not lies.
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { compose } from "../../src/compose.ts";
import { Credential } from "../../src/crypto/credential.ts";
import { systemRandom } from "../../src/crypto/random.ts";
import { createLog } from "../../src/log.ts";
import { databaseOf } from "../../src/opening.ts";
import { postgresAnswers, type ScratchDatabase, scratch } from "../support/databases.ts";
import { adminToken, call, freePort, newKey, openHouse, plainSettings } from "../support/house.ts";
import { connect, makeConnection } from "../support/person.ts";
import { type Line, lineTo, scratchRedis, withoutRedis } from "../support/redis.ts";

const linesOf = (text: string): Record<string, string> =>
  Object.fromEntries(text.split("\n").flatMap((line) => (line.includes(": ") ? [line.split(": ", 2)] : [])));

async function eventually(check: () => Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + 10_000;
  while (!(await check())) {
    assert.ok(performance.now() < end, what);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe("with Redis", { skip: withoutRedis }, () => {
  test("a lost Redis is said, keeps nobody out, and lets nobody past a limit", async () => {
    const redis = await scratchRedis();
    const line = await lineTo(redis.url);
    const house = await openHouse({ settings: { redis: new Credential(line.url) } });
    try {
      house.fake.user({ login: "octo" });
      await makeConnection(house);
      await connect(house, "shared");
      const upstream_url = house.fake.api;
      const endpoint = { slug: "api", name: "API", upstream_url, connection: "github", rate_limit_per_minute: 20 };
      await house.call("POST", "/v1/endpoints", { body: endpoint });
      const ask = async (): Promise<number> => (await house.call("GET", `/api/${house.project}/proxy/api/user`)).status;
      const ready = async () => house.call("GET", "/readyz");
      await eventually(async () => linesOf((await ready()).text)["redis"]?.startsWith("ok") ?? false, "Redis answers");
      const admitted: number[] = [];
      for (let count = 0; count < 10; count += 1) admitted.push(await ask());
      line.cut();
      await eventually(async () => linesOf((await ready()).text)["redis"]?.startsWith("NOT OK") ?? false, "it is gone");
      assert.equal((await ready()).status, 200);
      for (let count = 0; count < 30; count += 1) admitted.push(await ask());
      line.mend();
      await eventually(async () => linesOf((await ready()).text)["redis"]?.startsWith("ok") ?? false, "Redis is back");
      for (let count = 0; count < 10; count += 1) admitted.push(await ask());
      assert.deepEqual(new Set(admitted), new Set([200, 429]));
      assert.ok(admitted.filter((status) => status === 200).length <= 20, admitted.join(" "));
      assert.ok(house.lines.some((text) => /Redis/.test(text) && /"warn"/.test(text)));
    } finally {
      await house.close();
      await line.close();
      await redis.drop();
    }
  });
});

describe("with a database that can be lost", { skip: postgresAnswers ? false : "PostgreSQL does not answer" }, () => {
  async function houseBehind(line: Line, database: ScratchDatabase) {
    const url = new URL(database.url);
    const at = new URL(line.url);
    url.hostname = at.hostname;
    url.port = at.port;
    const port = await freePort();
    const origin = `http://127.0.0.1:${port}`;
    const opened = databaseOf({ database: { kind: "postgres", url: new Credential(url.href) } });
    await opened.migrate();
    const now = (): number => Date.now();
    const log = createLog({ level: "silent", write: () => undefined, now });
    const sleep = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
    const config = { url: origin, allowUpstream: { hosts: [], ranges: [] }, ...plainSettings };
    const behalf = await compose({ ...config, keys: [newKey("k1")], adminToken: new Credential(adminToken) }, opened, {
      now,
      random: systemRandom,
      sleep,
      log,
    });
    behalf.server.listen(port, "127.0.0.1");
    await once(behalf.server, "listening");
    return { behalf, origin };
  }

  test("a lost database is 503 for callers and for /readyz, and all is well when it is back", async () => {
    const database = await scratch("postgres");
    const target = new URL(database.url);
    const line = await lineTo(`tcp://${target.hostname}:${target.port === "" ? "5432" : target.port}`);
    const { behalf, origin } = await houseBehind(line, database);
    try {
      const made = await call(origin, "POST", "/v1/projects", { token: adminToken, body: { name: "P" } });
      const { token } = made.json as { token: string };
      assert.equal((await call(origin, "GET", "/readyz")).status, 200);
      line.cut();
      const lost = await call(origin, "GET", "/readyz");
      assert.equal(lost.status, 503);
      assert.equal(linesOf(lost.text)["database"], "NOT OK, it does not answer");
      const refused = await call(origin, "GET", "/v1/connections", { token });
      assert.deepEqual([refused.status, refused.json.code], [503, "unavailable"], refused.text);
      assert.equal((await call(origin, "GET", "/proxy/user", { token })).status, 503);
      assert.equal((await call(origin, "GET", "/healthz")).status, 200);
      line.mend();
      await eventually(async () => (await call(origin, "GET", "/readyz")).status === 200, "the database is back");
      assert.equal((await call(origin, "GET", "/v1/connections", { token })).status, 200);
    } finally {
      behalf.beginEnd();
      behalf.server.closeAllConnections();
      behalf.server.close();
      await behalf.close();
      await line.close();
      await database.drop();
    }
  });

  test("a key that is in use here and not on this process's ring is said", async () => {
    const house = await openHouse({ kind: "postgres" });
    try {
      const store = databaseOf({ database: house.database.choice });
      await store.meta.addSealingKey({ id: "k2", check_value: "bhs1.k2.xxxx", created_at: 1 });
      await store.close();
      const { status, text } = await house.call("GET", "/readyz");
      assert.equal(status, 503);
      assert.match(linesOf(text)["keys"] ?? "", /^NOT OK, key k2 is in use/);
    } finally {
      await house.close();
    }
  });
});
