// Promise 24, at the doors: two replicas together let through what an endpoint or a token allows; the rest is told 429 and when to return.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Credential } from "../../src/crypto/credential.ts";
import { type DatabaseKind, onEachDatabase } from "../support/databases.ts";
import { type Answer, call, openHouse, type TestHouse } from "../support/house.ts";
import { connect, makeConnection } from "../support/person.ts";
import { scratchRedis, withoutRedis } from "../support/redis.ts";

interface Stage {
  readonly house: TestHouse;
  readonly origins: readonly string[];
}

/** SQLite has one process; on PostgreSQL there are two. */
async function openStage(kind: DatabaseKind, redisUrl: string | null): Promise<Stage> {
  const house = await openHouse({ kind, settings: { redis: redisUrl === null ? null : new Credential(redisUrl) } });
  house.fake.user({ login: "octo" });
  await makeConnection(house);
  await connect(house, "shared");
  const origins = [house.origin];
  if (kind === "postgres") origins.push((await house.replica()).origin);
  return { house, origins };
}

async function fire({ origins }: Stage, ask: (origin: string) => Promise<Answer>, calls: number): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let at = 0; at < calls; at += 10) {
    const some = Array.from({ length: 10 }, async (_, n) => ask(origins[n % origins.length] ?? ""));
    answers.push(...(await Promise.all(some)));
  }
  return answers;
}

function suite(title: string, kind: DatabaseKind, { redis }: { redis: boolean }): void {
  describe(title, { skip: redis && withoutRedis }, () => {
    let stage: Stage;
    before(async () => {
      const line = redis ? await scratchRedis() : undefined;
      stage = await openStage(kind, line?.url ?? null);
      await line?.drop();
    });
    after(async () => stage.house.close());

    const upstreamCalls = (): number => stage.house.fake.callsTo("api", "GET", /^\/user$/).length;

    test("of 150 calls to an endpoint of 60 a minute 60 reach the upstream, and 90 are told 429 and when to return", async () => {
      const { house } = stage;
      const body = {
        slug: "gh",
        name: "GitHub",
        upstream_url: house.fake.api,
        methods: ["GET"],
        connection: "github",
        rate_limit_per_minute: 60,
      };
      const made = await house.call("POST", "/v1/endpoints", { body });
      assert.equal(made.status, 201, made.text);
      const earlier = upstreamCalls();
      const path = `/api/${house.project}/proxy/gh/user`;
      const answers = await fire(stage, async (origin) => call(origin, "GET", path, { token: house.token }), 150);
      const through = answers.filter(({ status }) => status === 200);
      const refused = answers.filter(({ status }) => status === 429);
      assert.equal(through.length + refused.length, 150, answers.map(({ status }) => status).join(" "));
      assert.equal(through.length, 60);
      assert.equal(upstreamCalls() - earlier, 60);
      for (const { headers, json } of refused) {
        assert.equal(headers.get("behalf-refusal"), "rate_limited");
        const seconds = Number(headers.get("retry-after"));
        assert.ok(seconds >= 1 && seconds <= 62, `Retry-After: ${seconds}`);
        assert.match(headers.get("ratelimit") ?? "", /r=0/);
        assert.match(headers.get("ratelimit-policy") ?? "", /q=60;w=60/);
        assert.equal(json.code, "rate_limited");
      }
    });

    test("of a token of 12 requests in its life 12 are answered, over all doors and processes", async () => {
      const { house } = stage;
      const body = { name: "few", scopes: ["proxy", "tools"], budget: { requests: 12 } };
      const minted = await house.call("POST", "/v1/tokens", { body });
      assert.equal(minted.status, 201, minted.text);
      const { token } = minted.json;
      const headers = { connection_name: "github", identifier: "shared" };
      const answers = await fire(stage, async (origin) => call(origin, "GET", "/proxy/user", { token, headers }), 30);
      const refused = answers.filter(({ status }) => status === 429);
      assert.equal(answers.filter(({ status }) => status === 200).length, 12);
      assert.deepEqual(new Set(refused.map(({ json }) => json.code)), new Set(["budget_exceeded"]));
    });
  });
}

onEachDatabase("over a limit", (kind) => {
  suite("counted without Redis", kind, { redis: false });
  suite("counted in Redis", kind, { redis: true });
});
