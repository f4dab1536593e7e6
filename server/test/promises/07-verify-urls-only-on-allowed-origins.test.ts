// Promise 7: a person is sent only to origins the connection allows, and a host header never builds a URL.
import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { after, before, test } from "node:test";
import { setTimeout as sleepFor } from "node:timers/promises";
import { compose } from "../../src/compose.ts";
import { Credential } from "../../src/crypto/credential.ts";
import { systemRandom } from "../../src/crypto/random.ts";
import { createLog } from "../../src/log.ts";
import { databaseOf } from "../../src/opening.ts";
import { onEachDatabase } from "../support/databases.ts";
import {
  adminToken,
  call,
  clientId,
  freePort,
  newKey,
  openHouse,
  plainSettings,
  type TestHouse,
} from "../support/house.ts";
import { Browser, follow, makeConnection, makeLink } from "../support/person.ts";

const minute = 60_000;
const at127 = { hosts: [], ranges: [{ address: "127.0.0.0", prefix: 8 }] };
const verifyUrl = "https://app.example/verify?tenant=7";

const forbiddenUrls = [
  "https://evil.example/verify",
  "http://app.example/verify",
  "https://app.example:8443/verify",
  "https://app.example.evil.example/",
  "https://evil.example/?https://app.example/",
  "https://evil.example/.app.example/",
  "https://evilapp.example/",
  "https://app.example@evil.example/",
  "https://app.example:443@evil.example/",
  "https://user@app.example/",
  "https://user:password@app.example/",
  "https://evil.example\\@app.example/",
  "https://app.example/verify#fragment",
  "https://app.example./verify",
  "https://\u0430pp.example/verify",
  "https://app。example.evil.example/",
  "http://127.0.0.1:3000/verify",
  "http://localhost:3001/verify",
  "http://[::1]:3000/verify",
  "ftp://app.example/",
  "javascript:alert(1)//https://app.example/",
  "data:text/html,https://app.example/",
  "blob:https://app.example/1b2c",
  "view-source:https://app.example/",
  "//app.example/verify",
  "/verify",
  "app.example/verify",
  "https://",
];

interface Raw {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly text: string;
}

/** A request with a Host header of one's own, which fetch does not allow. */
async function rawCall(
  url: string,
  ask: { method: string; headers: Record<string, string>; body?: string },
): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const { method, headers, body } = ask;
    const asked = request(url, { method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
    });
    asked.on("error", reject).end(body);
  });
}

onEachDatabase("people are sent only to allowed origins", (kind) => {
  const keys = [newKey("k1")];
  const account = (identifier: string) => `/v1/connections/github/accounts/${identifier}`;
  let house: TestHouse;
  before(async () => {
    house = await openHouse({ kind, keys });
    house.fake.user({ login: "octo" });
    await makeConnection(house, {
      verification: "custom",
      more: { verify_url_origins: ["https://app.example", "http://localhost:3000", "http://plain.example"] },
    });
    house.fake.installation({ clientId: "Iv1.test", account: "octo", repositories: "all" });
  });
  after(async () => house.close());

  /** The person's whole way, up to the application's door. */
  const walk = async (identifier: string, body: Record<string, unknown> = {}): Promise<URL> => {
    const landing = await follow(house, await makeLink(house, identifier, { verify_url: verifyUrl, ...body }), "octo");
    assert.equal(landing.status, 302, landing.text);
    return new URL(landing.location ?? "");
  };

  for (const member of ["verify_url", "return_url"]) {
    test(`no ${member} outside the allowed origins is taken`, async () => {
      await house.call("PUT", account("urls"));
      for (const url of forbiddenUrls) {
        const body = { verify_url: verifyUrl, [member]: url };
        const answer = await house.call("POST", `${account("urls")}/link`, { body });
        assert.equal(answer.status, 422, `${url} ${answer.text}`);
        assert.equal(answer.json.errors[0].path, member, url);
      }
    });

    test(`a ${member} on an allowed origin is taken, http only on this machine`, async () => {
      await house.call("PUT", account("urls"));
      for (const url of ["https://app.example/a?b=c", "https://APP.EXAMPLE:443/", "http://localhost:3000/verify"]) {
        const body = { verify_url: verifyUrl, [member]: url };
        const answer = await house.call("POST", `${account("urls")}/link`, { body });
        assert.equal(answer.status, 201, `${url} ${answer.text}`);
      }
      const plain = { verify_url: verifyUrl, [member]: "http://plain.example/verify" };
      assert.equal((await house.call("POST", `${account("urls")}/link`, { body: plain })).status, 422);
    });
  }

  test("a link of a connection with custom verification needs a verify_url", async () => {
    await house.call("PUT", account("none"));
    const answer = await house.call("POST", `${account("none")}/link`, { body: {} });
    assert.equal(answer.status, 422);
    assert.equal(answer.json.errors[0].path, "verify_url");
  });

  test("what a URL parser tidies up never reaches the browser untidied", async () => {
    const urls = [
      "https://app.example\\@evil.example/",
      "https://app.ex\tample/",
      "https://app.example/\r\nSet-Cookie: a=b",
      " https://app.example/ ",
      "\u0000https://app.example/",
      "https:app.example",
      "https:/\\app.example/..//evil.example/",
    ];
    for (const [at, url] of urls.entries()) {
      const identifier = `tidy-${at}`;
      await house.call("PUT", account(identifier));
      const made = await house.call("POST", `${account(identifier)}/link`, { body: { verify_url: url } });
      if (made.status === 422) continue;
      assert.equal(made.status, 201, made.text);
      const landing = await follow(house, made.json.link, "octo");
      assert.equal(landing.status, 302, JSON.stringify(url));
      assert.match(landing.location ?? "", /^https:\/\/app\.example\/[!-[\]-~]*$/, JSON.stringify(url));
    }
  });

  test("the same holds for the return_url after a connection without verification", async () => {
    const origins = { verification: "none", verify_url_origins: ["https://app.example"] };
    await house.call("POST", "/v1/connections", {
      body: {
        name: "direct",
        preset: "github-app",
        client_id: clientId,
        client_secret: "client-secret-for-tests-0123456789",
        hosts: { web: house.fake.web, api: house.fake.api },
        ...origins,
      },
    });
    const urls = [
      "https://app.example\\@evil.example/",
      "https://app.example/\r\nSet-Cookie: a=b",
      "https:app.example",
    ];
    for (const [at, url] of ["https://app.example/done?x=1", ...urls].entries()) {
      const path = `/v1/connections/direct/accounts/back-${at}`;
      await house.call("PUT", path);
      const made = await house.call("POST", `${path}/link`, { body: { return_url: url } });
      if (made.status === 422) continue;
      const landing = await follow(house, made.json.link, "octo");
      assert.equal(landing.status, 302, JSON.stringify(url));
      assert.match(landing.location ?? "", /^https:\/\/app\.example\/[!-[\]-~]*$/, JSON.stringify(url));
      if (at === 0) assert.equal(landing.location, "https://app.example/done?x=1");
    }
  });

  test("the caller's state comes back as it was, or is refused", async () => {
    await house.call("PUT", account("state"));
    for (const state of ["\u0000", "a\u0000b", "\ud800"]) {
      const body = { verify_url: verifyUrl, state };
      assert.equal((await house.call("POST", `${account("state")}/link`, { body })).status, 422);
    }
    const odd = "é\u{1f600}&auth_request_id=mine#x\r\ny";
    const door = await walk("state", { state: odd });
    assert.equal(door.searchParams.get("state"), odd);
    assert.equal(door.searchParams.getAll("auth_request_id").length, 1);
    assert.equal(door.hash, "");
  });

  test("only bare origins can be allowed", async () => {
    const bad = [
      "https://app.example/path",
      "https://u:p@app.example",
      "https://app.example?x",
      "app.example",
      "*",
      "",
    ];
    for (const origin of [...bad, "null", "javascript:alert(1)", "https://app.example#x"]) {
      const answer = await house.call("PATCH", "/v1/connections/github", { body: { verify_url_origins: [origin] } });
      assert.equal([400, 422].includes(answer.status), true, `${origin} ${answer.text}`);
    }
    const { json } = await house.call("GET", "/v1/connections/github");
    assert.deepEqual(json.verify_url_origins, ["https://app.example", "http://localhost:3000", "http://plain.example"]);
  });

  test("a host header, forwarded or not, builds no URL of ours", async () => {
    const headers = {
      host: "evil.example",
      forwarded: "host=evil.example;proto=https",
      "x-forwarded-host": "evil.example",
      "x-forwarded-proto": "https",
      "x-forwarded-server": "evil.example",
      "x-original-host": "evil.example",
      origin: "https://evil.example",
      authorization: `Bearer ${house.token}`,
      "content-type": "application/json",
    };
    const put = { method: "PUT", headers };
    await rawCall(house.origin + account("hosts"), put);
    const body = JSON.stringify({ verify_url: verifyUrl });
    const made = await rawCall(`${house.origin}${account("hosts")}/link`, { method: "POST", headers, body });
    assert.equal(made.status, 201, made.text);
    const { link } = JSON.parse(made.text) as { link: string };
    assert.equal(link.startsWith(`${house.origin}/connect/`), true);
    const answers = [made];
    for (const path of ["/v1/connections/github", "/v1/nothing", "/openapi.json", "/", "/errors", account("hosts")])
      answers.push(await rawCall(house.origin + path, { method: "GET", headers }));
    const tool = JSON.stringify({ identifier: "hosts", input: {} });
    const execute = `${house.origin}/v1/tools/github_user_repos_list/execute`;
    answers.push(await rawCall(execute, { method: "POST", headers, body: tool }));
    answers.push(await rawCall(link, { method: "GET", headers }));
    const { host: _, ...ourHost } = headers;
    const opened = await rawCall(link, { method: "GET", headers: ourHost });
    assert.equal(opened.status, 302);
    const asked = new URL(String(opened.headers["location"]));
    assert.equal(asked.searchParams.get("redirect_uri"), `${house.origin}/oauth/callback`);
    for (const answer of [...answers, opened])
      assert.doesNotMatch(answer.text + JSON.stringify(answer.headers), /evil\.example/);
  });

  test("a person who said yes waits to be confirmed, and until then nobody acts as them", async () => {
    const door = await walk("careful", { state: "a b&c=d" });
    assert.equal(door.origin + door.pathname, "https://app.example/verify");
    assert.equal(door.searchParams.get("tenant"), "7");
    assert.equal(door.searchParams.get("state"), "a b&c=d");
    assert.match(door.searchParams.get("auth_request_id") ?? "", /^[A-Za-z0-9_-]{43}$/);
    assert.equal((await house.call("GET", account("careful"))).json.status, "VERIFYING");
    const calls = house.fake.callsTo("api").length;
    const ask = { body: { identifier: "careful", input: {} } };
    const tool = await house.call("POST", "/v1/tools/github_user_repos_list/execute", ask);
    assert.equal(tool.status, 409);
    assert.equal(tool.json.code, "account_verifying");
    const headers = { connection_name: "github", identifier: "careful" };
    assert.equal((await house.call("GET", "/proxy/user", { headers })).status, 403);
    assert.equal(house.fake.callsTo("api").length, calls);

    const auth_request_id = door.searchParams.get("auth_request_id");
    const verified = await house.call("POST", "/v1/accounts/verify", {
      body: { auth_request_id, identifier: "careful" },
    });
    assert.equal(verified.status, 200, verified.text);
    assert.equal(verified.json.status, "ACTIVE");
    assert.equal(verified.json.provider_user.login, "octo");
    assert.equal((await house.call("GET", "/proxy/user", { headers })).status, 200);
  });

  test("another identifier than the link's is refused, and the right one may still follow", async () => {
    const door = await walk("alice");
    await house.call("PUT", account("bob"));
    const auth_request_id = door.searchParams.get("auth_request_id");
    const wrong = await house.call("POST", "/v1/accounts/verify", { body: { auth_request_id, identifier: "bob" } });
    assert.equal(wrong.status, 403);
    assert.equal(wrong.json.code, "verification_mismatch");
    assert.equal((await house.call("GET", account("bob"))).json.status, "PENDING");
    assert.equal((await house.call("GET", account("alice"))).json.status, "VERIFYING");
    const right = await house.call("POST", "/v1/accounts/verify", { body: { auth_request_id, identifier: "alice" } });
    assert.equal(right.json.status, "ACTIVE");
  });

  test("an auth_request_id works once, for its own project, and not when made up", async () => {
    const door = await walk("once");
    const body = { auth_request_id: door.searchParams.get("auth_request_id"), identifier: "once" };
    const other = await house.call("POST", "/v1/projects", { token: adminToken, body: { name: "Other" } });
    const foreign = await house.call("POST", "/v1/accounts/verify", { token: other.json.token, body });
    assert.equal(foreign.status, 404);
    const verify = async () => house.call("POST", "/v1/accounts/verify", { body });
    const answers = await Promise.all(Array.from({ length: 20 }, verify));
    assert.deepEqual(
      answers.map(({ status }) => status).toSorted((left, right) => left - right),
      [200, ...Array.from({ length: 19 }, () => 404)],
    );
    const unknown = { ...body, auth_request_id: "A".repeat(43) };
    assert.equal((await house.call("POST", "/v1/accounts/verify", { body: unknown })).status, 404);
  });

  test("what nobody confirms within ten minutes is revoked at the provider, and the account waits again", async () => {
    const live = new Set(house.fake.liveTokens("octo").map(({ access }) => access));
    const door = await walk("late");
    const [token, ...others] = house.fake.liveTokens("octo").filter(({ access }) => !live.has(access));
    assert.match(token?.access ?? "", /^ghu_/);
    assert.deepEqual(others, []);
    await house.behalf.sweep();
    assert.equal((await house.call("GET", account("late"))).json.status, "VERIFYING");
    house.fake.clock.advance(10 * minute);
    const body = { auth_request_id: door.searchParams.get("auth_request_id"), identifier: "late" };
    const late = await house.call("POST", "/v1/accounts/verify", { body });
    assert.equal(late.status, 404);
    assert.equal(late.json.code, "not_found");
    await house.behalf.sweep();
    const { json } = await house.call("GET", account("late"));
    assert.equal(json.status, "PENDING");
    assert.equal(json.status_reason, "verification_timeout");
    assert.equal(json.provider_user, null);
    assert.equal(
      house.fake.liveTokens("octo").some(({ access }) => access === token?.access),
      false,
    );
  });

  test("a person who says no at GitHub is not sent on to the application", async () => {
    const browser = new Browser();
    const opened = await browser.get(await makeLink(house, "refuser", { verify_url: verifyUrl }));
    const landing = await browser.get(await house.fake.approve(opened.location ?? "", "octo", { deny: true }));
    assert.equal(landing.status, 403);
    assert.equal(landing.location, null);
    assert.equal((await house.call("GET", account("refuser"))).json.status, "PENDING");
  });

  test("away from loopback a connection without verification has to be meant", async () => {
    const port = await freePort();
    const world = {
      now: () => house.fake.clock.now(),
      random: systemRandom,
      sleep: async (ms: number) => sleepFor(ms),
      log: createLog({ level: "error", write: () => undefined, now: () => house.fake.clock.now() }),
    };
    const config = {
      url: "https://behalf.example",
      allowUpstream: at127,
      ...plainSettings,
      keys,
      adminToken: new Credential(adminToken),
    };
    const behalf = await compose(config, databaseOf({ database: house.database.choice }), world);
    behalf.server.listen(port, "127.0.0.1");
    await once(behalf.server, "listening");
    const at = async (method: string, path: string, body: unknown) =>
      call(`http://127.0.0.1:${port}`, method, path, { token: house.token, body });
    try {
      const hosts = { web: house.fake.web, api: house.fake.api };
      const members = { preset: "github-app", client_id: clientId, client_secret: "client-secret", hosts };
      const refused = await at("POST", "/v1/connections", { name: "open", ...members, verification: "none" });
      assert.equal(refused.status, 422);
      assert.equal(refused.json.errors[0].path, "verification");
      const custom = await at("POST", "/v1/connections", { name: "closed", ...members });
      assert.equal(custom.status, 201);
      assert.equal(custom.json.verification, "custom");
      assert.equal((await at("PATCH", "/v1/connections/closed", { verification: "none" })).status, 422);
      const meant = { name: "open", ...members, verification: "none", allow_unverified: true };
      assert.equal((await at("POST", "/v1/connections", meant)).status, 201);
      assert.equal((await at("PATCH", "/v1/connections/open", { allow_unverified: false })).status, 422);
    } finally {
      behalf.server.closeAllConnections();
      behalf.server.close();
      await behalf.close();
    }
  });
});
