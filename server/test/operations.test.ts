// What machines ask of a server: whether it is ready, and why not; its figures, for whom they are meant; and how strangers are slowed down.
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { compose } from "../src/compose.ts";
import { Credential } from "../src/crypto/credential.ts";
import { systemRandom } from "../src/crypto/random.ts";
import { createLog } from "../src/log.ts";
import { databaseOf } from "../src/opening.ts";
import { actAs } from "./support/child.ts";
import { onEachDatabase, type ScratchDatabase, scratch } from "./support/databases.ts";
import {
  type Answer,
  adminToken,
  call,
  clientSecret,
  freePort,
  newKey,
  openHouse,
  plainSettings,
  type TestHouse,
} from "./support/house.ts";
import { type Line, lineTo } from "./support/redis.ts";
import { openRaw, quoted } from "./support/sql.ts";

/** Nothing of the database's own words, of its address or of our code. */
const internals = /\n\s+at |ECONN|127\.0\.0\.1|select |relation|no such table|\.ts|driver|pg_|SQLITE/i;

onEachDatabase("a server that is asked whether it is ready", (kind) => {
  let house: TestHouse;
  before(async () => {
    house = await openHouse({ kind, keys: [newKey("k2"), newKey("k1")] });
  });
  after(async () => house.close());

  test("says so for each part, to anybody and without a secret", async () => {
    const answer = await call(house.origin, "GET", "/readyz");
    assert.equal(answer.status, 200, answer.text);
    const lines = answer.text.trim().split("\n");
    assert.equal(lines[0], "ready");
    assert.deepEqual(
      lines.slice(1).map((line) => /^(\w+): ok, .+$/.exec(line)?.[1]),
      ["database", "keys", "redis"],
    );
    assert.equal((await call(house.origin, "GET", "/healthz")).text, "ok\n");
  });

  test("says no when a key is in use that this process was not given, and names it; it is alive all the same", async () => {
    const raw = await openRaw(house.database);
    await raw.run(`insert into sealing_keys (id, check_value, created_at) values (${quoted("k9")}, 'x', 1)`);
    const answer = await call(house.origin, "GET", "/readyz");
    assert.equal(answer.status, 503, answer.text);
    assert.match(answer.text, /^not ready\n/);
    assert.match(answer.text, /^keys: NOT OK, .*\bk9\b/m);
    assert.match(answer.text, /^database: ok/m);
    assert.equal((await call(house.origin, "GET", "/healthz")).status, 200);
    await raw.run("delete from sealing_keys where id = 'k9'");
    assert.equal((await call(house.origin, "GET", "/readyz")).status, 200);
    await raw.close();
  });

  test("says no when its tables are gone, in words of its own", async () => {
    const raw = await openRaw(house.database);
    await raw.run("alter table sealing_keys rename to sealing_keys_away");
    const answer = await call(house.origin, "GET", "/readyz");
    await raw.run("alter table sealing_keys_away rename to sealing_keys");
    await raw.close();
    assert.equal(answer.status, 503, answer.text);
    assert.doesNotMatch(answer.text, internals);
  });
});

interface Standing {
  readonly origin: string;
  readonly database: ReturnType<typeof databaseOf>;
  close(): Promise<void>;
}

/** A server on this database, without anything else around it. */
async function stand(choice: ScratchDatabase["choice"]): Promise<Standing> {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const database = databaseOf({ database: choice });
  await database.migrate();
  const now = (): number => Date.now();
  const log = createLog({ level: "silent", write: () => {}, now });
  const allowUpstream = { hosts: [], ranges: [] };
  const config = { url: origin, allowUpstream, ...plainSettings, keys: [newKey("k1")] };
  const world = { now, random: systemRandom, sleep: async (ms: number) => sleep(ms), log };
  const behalf = await compose({ ...config, adminToken: new Credential(adminToken) }, database, world);
  behalf.server.listen(port, "127.0.0.1");
  await once(behalf.server, "listening");
  return {
    origin,
    database,
    async close() {
      behalf.server.closeAllConnections();
      behalf.server.close();
      await behalf.close().catch(() => undefined);
    },
  };
}

test("a server whose SQLite file was closed under it is not ready, and says no more than that", async (t) => {
  const files = await scratch("sqlite");
  const server = await stand(files.choice);
  t.after(async () => {
    await server.close();
    await files.drop();
  });
  assert.equal((await call(server.origin, "GET", "/readyz")).status, 200);
  await server.database.close();
  const answer = await call(server.origin, "GET", "/readyz");
  assert.equal(answer.status, 503, answer.text);
  assert.match(answer.text, /^database: NOT OK/m);
  assert.doesNotMatch(answer.text, internals);
});

onEachDatabase("a database that is lost", (kind) => {
  if (kind === "sqlite") return;
  let schema: ScratchDatabase;
  let line: Line;
  let server: Standing;
  before(async () => {
    schema = await scratch("postgres");
    line = await lineTo(schema.url);
    server = await stand({ kind: "postgres", url: new Credential(line.url) });
  });
  after(async () => {
    await server.close();
    await line.close();
    await schema.drop();
  });
  const projects = async (): Promise<Answer> => call(server.origin, "GET", "/v1/projects", { token: adminToken });

  test("makes the server not ready and its answers 503, not lies; and when it is back all is well", async () => {
    assert.equal((await projects()).status, 200);
    line.cut();
    const ready = await call(server.origin, "GET", "/readyz");
    const answer = await projects();
    const alive = await call(server.origin, "GET", "/healthz");
    line.mend();
    assert.equal(ready.status, 503, ready.text);
    assert.match(ready.text, /^database: NOT OK/m);
    assert.doesNotMatch(ready.text, internals);
    assert.equal(answer.status, 503, answer.text);
    assert.equal(answer.json.code, "unavailable");
    assert.ok(Number(answer.headers.get("retry-after")) > 0);
    assert.doesNotMatch(answer.text.replaceAll(server.origin, ""), internals);
    assert.equal(alive.status, 200);
    assert.equal((await call(server.origin, "GET", "/readyz")).status, 200);
    assert.equal((await projects()).status, 200);
  });

  test("is told within seconds also when it only falls silent", async () => {
    assert.equal((await projects()).status, 200);
    line.silence();
    const late = Symbol("late");
    const [ready, answer] = await Promise.all([
      Promise.race([call(server.origin, "GET", "/readyz"), sleep(15_000, late, { ref: false })]),
      Promise.race([projects(), sleep(15_000, late, { ref: false })]),
    ]);
    line.mend();
    assert.notEqual(ready, late, "/readyz says nothing for 15 seconds");
    assert.equal((ready as Answer).status, 503);
    if (answer !== late) assert.equal(answer.status, 503, answer.text);
  });
});

describe("the figures at /metrics", () => {
  let house: TestHouse;
  let secrets: string[] = [];
  before(async () => {
    house = await openHouse({ settings: { metricsToken: null } });
    const acting = await actAs(house, house.fake.api);
    const members = { slug: "very-own-slug", name: "x", upstream_url: house.fake.api, connection: "github" };
    await house.call("POST", "/v1/endpoints", { body: { ...members, identifier: "user_1" } });
    secrets = [house.token, adminToken, clientSecret, acting.bound, acting.credential, house.project];
    secrets.push("very-own-slug", "user_1", "octo", house.fake.api, "never-in-a-label");
    await house.call("GET", `/api/${house.project}/proxy/very-own-slug/user?never-in-a-label`);
    await house.call("PUT", `/api/${house.project}/proxy/very-own-slug/user`);
    await house.call("GET", "/proxy/user", { headers: acting.naming });
    await house.call("GET", "/proxy/nothing/never-in-a-label", { headers: acting.naming });
    await house.call("GET", "/api/v3/user", { token: acting.bound });
    const body = { identifier: "user_1", input: {} };
    await house.call("POST", "/v1/tools/github_user_repos_list/execute", { body });
    await house.call("GET", "/never-in-a-label");
    await house.call("GET", "/");
  });
  after(async () => house.close());

  test("hold rate, errors and durations of every surface, and of upstream", async () => {
    const { status, headers, text } = await house.call("GET", "/metrics");
    assert.equal(status, 200);
    assert.match(headers.get("content-type") ?? "", /^text\/plain/);
    const series = [
      ["endpoint", "2xx"],
      ["endpoint", "4xx"],
      ["proxy", "2xx"],
      ["proxy", "4xx"],
      ["github", "2xx"],
      ["tool", "2xx"],
      ["api", "2xx"],
      ["page", "2xx"],
      ["page", "4xx"],
    ];
    for (const [surface, result] of series) {
      const name = `behalf_request_duration_seconds_count{surface="${surface}",status="${result}"}`;
      const line = text.split("\n").find((one) => one.startsWith(name));
      assert.ok(Number(line?.split(" ")[1]) >= 1, name);
    }
    assert.match(text, /^behalf_request_duration_seconds_bucket\{le="0\.1",surface="endpoint",status="2xx"\} \d/m);
    assert.match(text, /^behalf_upstream_duration_seconds_count\{outcome="2xx"\} [4-9]/m);
    assert.match(text, /^behalf_refusals_total\{code="method_not_allowed"\} 1$/m);
    assert.match(text, /^behalf_headroom_least\{resource="core"\} \d+$/m);
    assert.match(text, /^behalf_info\{version="[^"]+"\} 1$/m);
    assert.match(text, /^process_resident_memory_bytes \d/m);
  });

  test("count those who are turned away at the door of a surface, too", async () => {
    const count = async (): Promise<number> => {
      const { text } = await house.call("GET", "/metrics");
      return Number(/^behalf_refusals_total\{code="unauthenticated"\} (\d+)$/m.exec(text)?.[1] ?? "0");
    };
    const earlier = await count();
    await house.call("GET", `/api/${house.project}/proxy/very-own-slug/user`, { token: "nonsense" });
    await house.call("GET", "/proxy/user", { token: "nonsense" });
    assert.equal(await count(), earlier + 2);
  });

  test("tell of no project, person, token, path or address", async () => {
    const { text } = await house.call("GET", "/metrics");
    assert.ok(text.length > 1000);
    for (const secret of secrets) assert.equal(text.includes(secret), false, secret);
    assert.doesNotMatch(text, /gh[our]_|bh_(?:live|test)_|prj_|acc_|tok_|end_/);
  });

  test("are for callers on this machine, and whoever comes through a reverse proxy is none", async () => {
    for (const name of ["x-forwarded-for", "forwarded", "x-real-ip", "via", "X-FORWARDED-FOR"]) {
      const answer = await call(house.origin, "GET", "/metrics", { headers: { [name]: "127.0.0.1" } });
      assert.equal(answer.status, 403, `${name} ${answer.text.slice(0, 100)}`);
      assert.doesNotMatch(answer.text, /behalf_/);
      assert.match(answer.text, /BEHALF_METRICS_TOKEN/);
    }
    const token = await call(house.origin, "GET", "/metrics", { token: adminToken, headers: { via: "1.1 x" } });
    assert.equal(token.status, 403);
  });

  test("with a token set are for whoever shows exactly that, from anywhere, and for nobody else", async (t) => {
    const secret = "metrics-token-0123456789";
    const other = await openHouse({ settings: { metricsToken: new Credential(secret) } });
    t.after(async () => other.close());
    const ask = async (authorization?: string): Promise<number> =>
      (await call(other.origin, "GET", "/metrics", { headers: authorization === undefined ? {} : { authorization } }))
        .status;
    assert.equal(await ask(`Bearer ${secret}`), 200);
    assert.equal(await ask(`bearer ${secret}`), 200);
    for (const wrong of [undefined, "", "Bearer ", `Bearer ${secret}x`, `Bearer ${secret.slice(1)}`, `Basic ${secret}`])
      assert.equal(await ask(wrong), 401, wrong);
    assert.equal(await ask(`Bearer ${adminToken}`), 401);
    const proxied = { authorization: `Bearer ${secret}`, "x-forwarded-for": "203.0.113.9" };
    const far = await call(other.origin, "GET", "/metrics", { headers: proxied });
    assert.equal(far.status, 200);
    assert.equal(far.text.includes(secret) || other.lines.join("\n").includes(secret), false);
  });
});

describe("strangers are counted by address:", () => {
  const most = 5;
  let house: TestHouse;
  before(async () => {
    const trustedProxies = [{ address: "127.0.0.0", prefix: 8 }];
    house = await openHouse({ settings: { addressLimit: most, trustedProxies } });
  });
  after(async () => house.close());

  /** Asks as somebody at this address, behind our proxy. */
  const from = async (address: string, path: string, token?: string): Promise<Answer> =>
    call(house.origin, "GET", path, {
      ...(token === undefined ? {} : { token }),
      headers: { "x-forwarded-for": address },
    });

  function assertSlowed(answer: Answer, about: string): void {
    assert.equal(answer.status, 429, `${about} ${answer.text}`);
    assert.equal(answer.json.code, "rate_limited", about);
    const wait = Number(answer.headers.get("retry-after"));
    assert.ok(wait >= 1 && wait <= 62, String(wait));
    assert.match(answer.headers.get("ratelimit-policy") ?? "", /^"address-minute";q=5;w=60$/);
  }

  test("failed sign-ins at every door, together; a valid token is never held up by them", async () => {
    const doors = ["/v1/tokens", "/proxy/user", "/api/v3/user", `/api/${house.project}/proxy/x/user`, "/v1/projects"];
    for (const path of doors) assert.equal((await from("203.0.113.1", path, "nonsense")).status, 401, path);
    for (const path of doors) assertSlowed(await from("203.0.113.1", path, "nonsense"), path);
    assertSlowed(await from("203.0.113.1", "/v1/tokens"), "without a token");
    const proxied = await from("203.0.113.1", "/proxy/user", "nonsense");
    assert.equal(proxied.headers.get("behalf-refusal"), "rate_limited");
    assert.equal((await from("203.0.113.1", "/v1/tokens", house.token)).status, 200);
    assert.equal((await from("203.0.113.2", "/v1/tokens", "nonsense")).status, 401);
  });

  test("pages that a person opens", async () => {
    const pages = ["/", "/connect/nothing", "/oauth/callback?state=x", "/errors", "/connect/else"];
    for (const path of pages) assert.notEqual((await from("203.0.113.3", path)).status, 429, path);
    for (const path of [...pages, "/?x=1"]) assertSlowed(await from("203.0.113.3", path), path);
    for (const path of ["/healthz", "/readyz", "/openapi.json"])
      assert.equal((await from("203.0.113.3", path)).status, 200, path);
  });

  test("a caller behind the proxy cannot choose its address, and an IPv6 one counts with its /64", async () => {
    for (let n = 0; n < most; n += 1) await from(`198.51.100.${n}, 203.0.113.4`, "/");
    assertSlowed(await from("198.51.100.77, 203.0.113.4", "/"), "a written address");
    for (let n = 0; n < most; n += 1) await from(`2001:db8:1:2::${n + 1}`, "/");
    assertSlowed(await from("2001:db8:1:2:ffff::1", "/"), "a neighbour");
    assert.equal((await from("2001:db8:1:3::1", "/")).status, 200);
  });

  test("where no proxy is trusted the header is worth nothing", async (t) => {
    const bare = await openHouse({ settings: { addressLimit: 3 } });
    t.after(async () => bare.close());
    const ask = async (n: number) =>
      call(bare.origin, "GET", "/", { headers: { "x-forwarded-for": `203.0.113.${n}` } });
    for (let n = 0; n < 3; n += 1) assert.equal((await ask(n)).status, 200);
    assert.equal((await ask(9)).status, 429);
  });

  test("a limit of 0 counts nobody", async (t) => {
    const open = await openHouse({ settings: { addressLimit: 0 } });
    t.after(async () => open.close());
    for (let n = 0; n < 30; n += 1) assert.equal((await call(open.origin, "GET", "/")).status, 200);
  });
});
