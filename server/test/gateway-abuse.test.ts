// What somebody with a small token might try at the gateway: using up what others share, hiding bytes, getting at sealed headers, standing in the way.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { maskedPath } from "../src/rules/masks.ts";
import { type Answer, openHouse, type TestHouse } from "./support/house.ts";
import { connect, makeConnection } from "./support/person.ts";

let house: TestHouse;
let upstream: Server;
let at = "";
let heard: IncomingMessage["headers"][] = [];
let answers = true;
before(async () => {
  house = await openHouse();
  house.fake.user({ login: "octo" });
  await makeConnection(house);
  await connect(house, "shared");
  upstream = createServer((request, response) => {
    heard.push(request.headers);
    request.resume().on("end", () => answers && response.end("ok"));
  });
  upstream.listen(0, "127.0.0.1");
  await once(upstream, "listening");
  at = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
});
after(async () => {
  upstream.closeAllConnections();
  upstream.close();
  await house.close();
});

async function endpoint(slug: string, more: object = {}): Promise<Answer> {
  return house.call("POST", "/v1/endpoints", {
    body: { slug, name: "E", upstream_url: at, connection: "github", timeout_seconds: 1, ...more },
  });
}

async function mint(more: object, token = house.token): Promise<string> {
  const made = await house.call("POST", "/v1/tokens", {
    token,
    body: { name: "t", scopes: ["proxy", "tokens"], ...more },
  });
  assert.equal(made.status, 201, made.text);
  return made.json.token as string;
}

async function use(slug: string, token: string, body?: string): Promise<Answer> {
  const sent = body === undefined ? {} : { body, headers: { "content-type": "text/plain" } };
  return house.call(body === undefined ? "GET" : "POST", `/api/${house.project}/proxy/${slug}/x`, { token, ...sent });
}

test("a child that has nothing left uses up nothing of its parent, nor of an endpoint that others share", async () => {
  await endpoint("shared-limit", { rate_limit_per_minute: 5 });
  const parent = await mint({ budget: { requests: 10 } });
  const child = await mint({ budget: { requests: 1 } }, parent);
  assert.equal((await use("shared-limit", child)).status, 200);
  for (let count = 0; count < 20; count += 1) {
    const refused = await use("shared-limit", child);
    assert.deepEqual([refused.status, refused.json.code], [429, "budget_exceeded"]);
  }
  for (let count = 0; count < 4; count += 1) assert.equal((await use("shared-limit", parent)).status, 200);
  assert.equal((await use("shared-limit", parent)).json.code, "rate_limited");
});

test("bytes are counted also where upstream never answers", async () => {
  await endpoint("silent");
  const token = await mint({ budget: { bytes: 1000 } });
  answers = false;
  try {
    assert.equal((await use("silent", token, "x".repeat(200_000))).status, 504);
  } finally {
    answers = true;
  }
  const next = await use("silent", token);
  assert.deepEqual([next.status, next.json.code], [429, "budget_exceeded"]);
  const log = await eventually(
    async () => (await house.call("GET", "/v1/requests?filter=endpoint:silent%20status:504")).json.items[0],
  );
  assert.equal(log.bytes_in, 200_000);
});

async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 100; tries += 1) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("It never came");
}

test("generations of budgets end: each is counted at every call", async () => {
  let token = house.token;
  let made = 0;
  for (; made < 30; made += 1) {
    const answer = await house.call("POST", "/v1/tokens", {
      token,
      body: { name: "t", scopes: ["tokens"], budget: { requests: 100 } },
    });
    if (answer.status !== 201) {
      assert.deepEqual([answer.status, answer.json.code], [403, "limit_not_allowed"]);
      break;
    }
    token = answer.json.token as string;
  }
  assert.equal(made, 16);
});

test("a header's sealed value never follows the endpoint to another host", async () => {
  await endpoint("keyed", { inject_headers: { "X-Api-Key": "sealed-value" } });
  const other = at.replace("127.0.0.1", "127.0.0.2");
  const moved = await house.call("PATCH", "/v1/endpoints/keyed", { body: { upstream_url: other } });
  assert.deepEqual([moved.status, moved.json.errors[0].path], [422, "inject_headers"]);
  assert.equal((await house.call("PATCH", "/v1/endpoints/keyed", { body: { upstream_url: `${at}/v2` } })).status, 200);
  const anew = { upstream_url: other, inject_headers: {} };
  assert.equal((await house.call("PATCH", "/v1/endpoints/keyed", { body: anew })).status, 200);
});

test("a header in its other spelling passes neither a block nor what the endpoint adds", async () => {
  await endpoint("folded", { inject_headers: { "X-Tenant-Id": "ours" }, blocked_headers: ["X-Admin"] });
  heard = [];
  await house.call("GET", `/api/${house.project}/proxy/folded/x`, { headers: { x_tenant_id: "evil", x_admin: "1" } });
  assert.equal(heard.length, 1);
  assert.deepEqual(
    [heard[0]?.["x_tenant_id"], heard[0]?.["x_admin"], heard[0]?.["x-tenant-id"]],
    [undefined, undefined, "ours"],
  );
});

test("a test that calls is counted and recorded like any call", async () => {
  await endpoint("tested", { rate_limit_per_minute: 1 });
  const ask = async () => house.call("POST", "/v1/endpoints/tested/test", { body: { path: "/x", call: true } });
  const first = await ask();
  assert.deepEqual([first.json.ok, first.json.answer.status], [true, 200]);
  heard = [];
  const second = await ask();
  assert.equal(second.json.ok, false);
  assert.match(second.json.steps.at(-1).detail, /rate_limited/);
  assert.equal(heard.length, 0);
  const log = await eventually(async () => {
    const { items } = (await house.call("GET", "/v1/requests?filter=endpoint:tested")).json as { items: unknown[] };
    return items.length === 2 ? items : undefined;
  });
  assert.equal(log.length, 2);
});

test("masking a hostile path costs about what masking a plain one of its length costs", () => {
  const shapes = [
    `/proxy/${"a".repeat(8180)}&${"z".repeat(8000)}`,
    `/proxy/${"-eyJ".repeat(2000)}`,
    "/".repeat(16_000),
  ];
  const cost = (path: string): number => {
    const begun = performance.now();
    for (let count = 0; count < 50; count += 1) maskedPath(path);
    return performance.now() - begun;
  };
  const plain = `/proxy/${"repos/".repeat(2600)}?${"a=b&".repeat(100)}`;
  cost(plain);
  // By its square it was thousands of times as much.
  for (const shape of shapes) assert.ok(cost(shape) / cost(plain) < 100, shape.slice(0, 20));
});
