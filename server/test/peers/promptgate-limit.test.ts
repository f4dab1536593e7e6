// PromptGate's bonus: 60 calls a minute through one endpoint, never exceeded over two replicas, whichever clients call and whatever counts them.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Credential } from "../../src/crypto/credential.ts";
import { onEachDatabase } from "../support/databases.ts";
import { openHouse, type TestHouse } from "../support/house.ts";
import { connect, makeConnection } from "../support/person.ts";
import { scratchRedis, withoutRedis } from "../support/redis.ts";
import { type AnyClient, clientNames, missingFor, openClient } from "./any-client.ts";

const most = 60;
const callsOfEach = 30;

interface Seen {
  readonly status: number;
  readonly refusal: string | null;
  readonly retryAfter: number;
}

function suite(title: string, { redis }: { readonly redis: boolean }): void {
  describe(title, { skip: redis && withoutRedis }, () => {
    let house: TestHouse;
    let origins: string[] = [];
    let token = "";
    let clients: AnyClient[] = [];
    const closing: (() => Promise<void>)[] = [];
    before(async () => {
      const line = redis ? await scratchRedis() : undefined;
      if (line !== undefined) closing.push(line.drop);
      const settings = { redis: line === undefined ? null : new Credential(line.url) };
      house = await openHouse({ kind: "postgres", settings });
      closing.unshift(house.close);
      house.fake.user({ login: "octo" });
      await makeConnection(house, { preset: "github" });
      await connect(house, "shared");
      origins = [house.origin, (await house.replica()).origin];
      const members = { slug: "github", name: "GitHub API", upstream_url: house.fake.api, connection: "github" };
      const body = { ...members, rate_limit_per_minute: most };
      assert.equal((await house.call("POST", "/v1/endpoints", { body })).status, 201);
      token = (await house.call("POST", "/v1/tokens", { body: { name: "client", scopes: ["proxy"] } })).json
        .token as string;
      clients = clientNames.filter((name) => missingFor(name) === undefined).map(openClient);
      house.fake.calls.splice(0);
    });
    after(async () => {
      await Promise.all(clients.map(async (client) => client.close()));
      for (const close of closing) await close();
    });

    async function calls(client: AnyClient): Promise<Seen[]> {
      const seen: Seen[] = [];
      for (let n = 0; n < callsOfEach; n += 1) {
        const url = `${origins[n % 2]}/api/${house.project}/proxy/github/user`;
        const { status, headers } = await client.send("GET", url, { token });
        const [refusal, retryAfter] = [headers.get("behalf-refusal"), Number(headers.get("retry-after"))];
        seen.push({ status, refusal, retryAfter });
      }
      return seen;
    }

    test("every client at once, by turns at either replica: 60 pass at most, the rest are told when to come back", async () => {
      const started = performance.now();
      const seen = (await Promise.all(clients.map(calls))).flat();
      assert.ok(performance.now() - started < 60_000, "too slow a machine to tell anything");
      const passed = seen.filter(({ status }) => status === 200);
      assert.ok(passed.length <= most, `${passed.length} passed`);
      // Shares that one replica holds and does not use may be missing at the other: a little early, never late.
      assert.ok(passed.length > most / 2, `only ${passed.length} passed`);
      assert.equal(house.fake.callsTo("api", "GET", /^\/user$/).length, passed.length);
      for (const { status, refusal, retryAfter } of seen.filter((one) => one.status !== 200)) {
        assert.equal(status, 429);
        assert.equal(refusal, "rate_limited");
        assert.ok(retryAfter >= 1 && retryAfter <= 62, String(retryAfter));
      }
    });
  });
}

onEachDatabase("60 calls a minute over two replicas", (kind) => {
  // A SQLite file has one process.
  if (kind === "sqlite") return;
  suite("that count in PostgreSQL", { redis: false });
  suite("that count in Redis", { redis: true });
});
