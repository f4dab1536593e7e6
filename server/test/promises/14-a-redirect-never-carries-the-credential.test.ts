// A redirect to another host never carries the credential (promise 14), nor the client's secret; on the same origin it is followed with care.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, describe, test } from "node:test";
import { type Acting, actAs } from "../support/child.ts";
import { type Answer, openHouse, type TestHouse } from "../support/house.ts";
import { follow, makeLink } from "../support/person.ts";

let house: TestHouse;
let acting: Acting;
/** A host that is none of GitHub's: whatever comes here is lost. */
let thief: Server;
let thiefOrigin = "";
/** Where the endpoint begins. */
let gate = "";
const stolen: IncomingMessage[] = [];

before(async () => {
  thief = createServer((request, response) => {
    stolen.push(request);
    response.end("[]");
  }).listen(0, "127.0.0.1");
  await once(thief, "listening");
  thiefOrigin = `http://127.0.0.1:${(thief.address() as AddressInfo).port}`;
  house = await openHouse();
  acting = await actAs(house, house.fake.api);
  const members = { slug: "github", name: "x", upstream_url: house.fake.api, connection: "github" };
  const made = await house.call("POST", "/v1/endpoints", { body: { ...members, identifier: "user_1" } });
  gate = new URL(made.json.url as string).pathname;
  house.fake.repository({ owner: "octo", name: "hello", private: true, files: { "a.md": "a" } });
  house.fake.repository({ owner: "octo", name: "was", files: { "a.md": "a" } });
  house.fake.rename("octo", "was", "is");
});
after(async () => {
  thief.close();
  await house.close();
});
beforeEach(() => {
  stolen.splice(0);
  house.fake.calls.splice(0);
});

async function raw(method: string, path: string, body?: unknown): Promise<Answer> {
  return house.call(method, `/proxy${path}`, { headers: acting.naming, body });
}

async function through(method: string, path: string, body?: unknown): Promise<Answer> {
  return house.call(method, gate + path, { body });
}

async function tool(name: string, input: object): Promise<Answer> {
  return house.call("POST", `/v1/tools/${name}/execute`, { body: { identifier: "user_1", input } });
}

const hello = { owner: "octo", repo: "hello" };
const was = { owner: "octo", repo: "was" };

describe("raw calls: a redirect is an answer,", () => {
  test("an archive's storage address passes verbatim, and nobody goes there for the caller", async () => {
    const answer = await raw("GET", "/repos/octo/hello/tarball/main");
    assert.equal(answer.status, 302);
    const location = answer.headers.get("location") ?? "";
    assert.ok(location.startsWith(`${house.fake.storage}/octo/hello/legacy.tar.gz/`), location);
    assert.deepEqual(house.fake.callsTo("storage"), []);
    // With the gateway's token the storage host would fail; without one the caller gets its bytes.
    const bytes = await fetch(location);
    assert.equal(bytes.status, 200);
    assert.equal(house.fake.callsTo("storage")[0]?.tokenKind, "none");
  });

  test("an address at the same upstream leads back to us, by the door it came from", async () => {
    const { id } = house.fake.repository({ owner: "octo", name: "old", files: { "a.md": "a" } });
    house.fake.rename("octo", "old", "new");
    const proxied = await raw("GET", "/repos/octo/old/contents/a.md?ref=main");
    assert.equal(proxied.status, 301);
    const rest = `/repositories/${id}/contents/a.md?ref=main`;
    assert.equal(proxied.headers.get("location"), `${house.origin}/proxy${rest}`);
    const bound = await house.call("GET", "/api/v3/repos/octo/old", { token: acting.bound });
    assert.equal(bound.headers.get("location"), `${house.origin}/api/v3/repositories/${id}`);
    const routed = await through("GET", "/repos/octo/old/contents/a.md?ref=main");
    assert.equal(routed.headers.get("location"), house.origin + gate + rest);
    const write = await raw("POST", "/repos/octo/old/issues", { title: "x" });
    assert.equal(write.status, 307);
    assert.equal(write.headers.get("location"), `${house.origin}/proxy/repositories/${id}/issues`);
    const created = await raw("POST", "/repos/octo/hello/issues", { title: "x" });
    assert.equal(created.status, 201);
    assert.match(
      created.headers.get("location") ?? "",
      new RegExp(`^${house.origin}/proxy/repos/octo/hello/issues/1$`),
    );
  });

  const foreign = (): string[] => [
    `${thiefOrigin}/steal`,
    `//${new URL(thiefOrigin).host}/steal`,
    `${house.fake.api}@${new URL(thiefOrigin).host}/steal`,
    `${house.fake.api}.evil.example/steal`,
    `${house.fake.web}/login`,
    `https://${new URL(house.fake.api).host}/user`,
  ];
  test("a foreign address passes as it is with every status and method, and is never visited", async () => {
    const ways = ["GET", "POST", "HEAD", "DELETE"].flatMap((method) =>
      [raw, through].map((send) => ({ method, send })),
    );
    for (const status of [301, 302, 303, 307, 308]) {
      for (const { method, send } of ways) {
        for (const location of foreign()) {
          house.fake.fault({ kind: "status", status, body: "{}", headers: { Location: location } });
          const answer = await send(method, "/repos/octo/hello");
          assert.equal(answer.status, status);
          assert.equal(answer.headers.get("location"), location);
        }
      }
    }
    assert.equal(stolen.length, 0);
    assert.equal(house.fake.calls.length, 5 * 8 * foreign().length);
  });
});

describe("tools follow a renamed repository,", () => {
  test("a read by 301", async () => {
    const answer = await tool("github_repo_get", was);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.json.data.full_name, "octo/is");
    assert.deepEqual(
      house.fake.calls.map((call) => call.status),
      [301, 200],
    );
  });

  test("a write by 307, done once", async () => {
    const answer = await tool("github_issue_create", { ...was, title: "moved" });
    assert.equal(answer.status, 200, answer.text);
    const seen = house.fake.calls.map(({ method, status }) => `${method} ${status}`);
    assert.deepEqual(seen, ["POST 307", "POST 201"]);
    assert.deepEqual(
      house.fake.calls.map(({ body }) => JSON.parse(body).title),
      ["moved", "moved"],
    );
    assert.equal((await raw("GET", "/repos/octo/is/issues")).json.length, 1);
  });

  test("a write that is answered 301, 302 or 303 is neither repeated nor turned into a read", async () => {
    for (const status of [301, 302, 303]) {
      house.fake.calls.splice(0);
      const headers = { Location: `${house.fake.api}/repos/octo/hello/issues` };
      house.fake.fault({ kind: "status", status, body: "{}", headers });
      const answer = await tool("github_issue_create", { ...hello, title: "x" });
      assert.ok(answer.status >= 400, `${status} ${answer.text}`);
      assert.equal(house.fake.calls.length, 1, String(status));
    }
  });

  test("and go round in a circle only a few times", async () => {
    const headers = { Location: `${house.fake.api}/repos/octo/hello` };
    house.fake.fault({ kind: "status", status: 302, body: "{}", headers, times: 50 });
    const answer = await tool("github_repo_get", hello);
    assert.ok(answer.status >= 400, answer.text);
    assert.ok(house.fake.calls.length <= 5, String(house.fake.calls.length));
    // What is left of the fault is not for the tests that follow.
    for (let left = 50 - house.fake.calls.length; left > 0; left -= 1) await raw("GET", "/x");
  });
});

describe("tools never take the credential elsewhere:", () => {
  const elsewhere = (): string[] => [
    `${thiefOrigin}/repos/octo/hello`,
    `//${new URL(thiefOrigin).host}/x`,
    `http:\\\\${new URL(thiefOrigin).host}/x`,
    `${house.fake.api}@${new URL(thiefOrigin).host}/x`,
    `${house.fake.storage}/octo/hello/legacy.tar.gz/main`,
    `${house.fake.web}/octo`,
    house.fake.api.replace("http://", "https://"),
    house.fake.api.replace("127.0.0.1", "localhost"),
    house.fake.api.replace("http://", "http://user:pw@"),
    "javascript:alert(1)",
    "http://",
    "",
  ];
  for (const status of [301, 302, 307, 308]) {
    test(`a ${status} to another host, port, scheme or with a user in it is not followed`, async () => {
      for (const location of elsewhere()) {
        for (const name of ["github_repo_get", "github_issue_create"]) {
          house.fake.calls.splice(0);
          house.fake.fault({ kind: "status", status, body: "{}", headers: { Location: location } });
          const answer = await tool(name, name === "github_repo_get" ? hello : { ...hello, title: "x" });
          assert.ok(answer.status >= 400, `${location} ${answer.text}`);
          assert.equal(house.fake.calls.length, 1, location);
          assert.doesNotMatch(answer.text, new RegExp(acting.credential));
          assert.ok(!answer.text.includes(new URL(thiefOrigin).host), answer.text);
        }
      }
      assert.equal(stolen.length, 0);
    });
  }

  test("nor below another root of the same host", async () => {
    house.fake.client({
      clientId: "Ov1.base",
      clientSecret: "another-secret-for-tests-012345",
      kind: "oauth-app",
      redirectUris: [`${house.origin}/oauth/callback`],
    });
    const made = await house.call("POST", "/v1/connections", {
      body: {
        name: "base",
        preset: "github",
        client_id: "Ov1.base",
        client_secret: "another-secret-for-tests-012345",
        hosts: { web: house.fake.web, api: `${house.fake.api}/api/v3` },
      },
    });
    assert.equal(made.status, 201, made.text);
    for (const path of ["/user", "/api/v3x/user", "/api/v3/../user", "/api", "/api/v3/%2e%2e/user"]) {
      house.fake.calls.splice(0);
      house.fake.fault({ kind: "status", status: 302, body: "{}", headers: { Location: house.fake.api + path } });
      const input = { username: "octo" };
      const body = { connection: "base", input };
      const answer = await house.call("POST", "/v1/tools/github_public_repos_list/execute", { body });
      assert.ok(answer.status >= 400, `${path} ${answer.text}`);
      assert.equal(house.fake.calls.length, 1, path);
    }
  });
});

describe("connecting never takes a secret elsewhere:", () => {
  test("a token endpoint, a user or a token check that redirects is a failure", async () => {
    const places = [
      { origin: "web", path: /access_token/ },
      { origin: "api", path: /^\/user$/ },
    ] as const;
    for (const place of places) {
      for (const status of [302, 307, 308]) {
        const link = await makeLink(house, `victim_${place.origin}_${status}`);
        house.fake.fault({ ...place, kind: "status", status, body: "{}", headers: { Location: `${thiefOrigin}/x` } });
        const landing = await follow(house, link, "octo");
        assert.ok(landing.status >= 400, `${place.origin} ${status} ${landing.text}`);
      }
    }
    house.fake.fault({
      kind: "status",
      status: 307,
      body: "{}",
      path: /applications/,
      headers: { Location: thiefOrigin },
    });
    const checked = await house.call("GET", "/v1/connections/github/accounts/user_1?check=true");
    assert.equal(checked.json.status, "ACTIVE", checked.text);
    assert.ok(house.fake.callsTo("api", "POST", /applications/).length === 1);
    assert.equal(stolen.length, 0);
  });
});
