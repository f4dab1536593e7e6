// A path cannot climb out (promise 12): tried at the door with exact bytes, through the running server.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import fc from "fast-check";
import { type Acting, actAs, requestBytes, wire } from "../support/child.ts";
import { openHouse, type TestHouse } from "../support/house.ts";

const escapes = [
  "/..",
  "/.",
  "/../v1/tokens",
  "/../../v1/tokens",
  "/user/..",
  "/user/../../v1/tokens",
  "/./user",
  "/%2e%2e/v1/tokens",
  "/%2E%2E/v1/tokens",
  "/.%2e/v1/tokens",
  "/%2e./v1/tokens",
  "/%2e/user",
  "/..%2fv1",
  "/..%2Fv1",
  "/%2e%2e%2fv1",
  "/repos/a/b/contents/x%2f..%2fy",
  "/repos/a/b/contents/..%2F..%2Fy",
  "/..\\v1\\tokens",
  "/..%5cv1",
  "/..%5Cv1",
  "/user\\..\\x",
  "/user%5c",
  "/\\evil.example/x",
  "//evil.example/x",
  "//",
  "///user",
  "/%252e%252e/v1",
  "/%252fuser",
  "/%255cuser",
  "/%2500",
  "/%250d%250a",
  "/%25%32%65",
  "/%25252e",
  "/%00",
  "/user%00.json",
  "/user%0d%0aX-Injected:%20yes",
  "/user%0a",
  "/user%0D",
  "/%c0%ae%c0%ae/v1",
  "/%e0%80%ae/v1",
  "/%ff",
  "/..;/v1",
  "/..;a=b/v1",
  "/%2e%2e;/v1",
  "/..%20/v1",
  "/..%09/v1",
  "/%",
  "/%2",
  "/%zz",
  "/user#fragment",
  "/user?q=1#fragment",
  "/caf\xe9",
];

let house: TestHouse;
let acting: Acting;
before(async () => {
  house = await openHouse();
  acting = await actAs(house, house.fake.api);
  const members = { slug: "github", name: "x", upstream_url: house.fake.api, connection: "github" };
  await house.call("POST", "/v1/endpoints", { body: { ...members, identifier: "user_1" } });
  house.fake.repository({ owner: "octo", name: "hello", private: true, files: { "src/a b.ts": "hi", "a.md": "a" } });
});
after(async () => house.close());
beforeEach(() => void house.fake.calls.splice(0));

function send(line: string, headers: readonly string[] = acting.lines): Promise<string> {
  return wire(house.origin, requestBytes(line, headers));
}

function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1]);
}

/** Where a door begins: an endpoint's stands in its project. */
function prefixOf(door: string): string {
  return door === "an endpoint" ? `/api/${house.project}/proxy/github` : door;
}

/** For an endpoint, which knows its account: a token and nothing else. */
function plain(): readonly string[] {
  return [`Authorization: Bearer ${house.token}`, "User-Agent: behalf-tests"];
}

const atGitHub = (): string[] => house.fake.calls.map((call) => `${call.method} ${call.path}`);

describe("nothing reaches upstream for", () => {
  const doors = [
    { prefix: "/proxy", method: "GET", as: () => acting.lines, type: "application/problem+json" },
    { prefix: "/proxy", method: "POST", as: () => acting.lines, type: "application/problem+json" },
    { prefix: "/api/v3", method: "GET", as: bound, type: "application/json" },
    { prefix: "/api/graphql", method: "POST", as: bound, type: "application/json" },
    { prefix: "an endpoint", method: "GET", as: plain, type: "application/problem+json" },
    { prefix: "an endpoint", method: "PATCH", as: plain, type: "application/problem+json" },
  ];
  for (const { prefix, method, as, type } of doors) {
    test(`every escape at ${method} ${prefix}, and the refusal is ours and says so`, async () => {
      for (const escape of escapes) {
        const answer = await send(`${method} ${prefixOf(prefix)}${escape}`, as());
        assert.equal(statusOf(answer), 400, `${escape}\n${answer}`);
        // Bytes that HTTP itself forbids end in Node's parser, which knows nothing of refusals.
        if (/[\x80-\xff]/.test(escape) && !answer.includes("Behalf-Refusal")) continue;
        assert.match(answer, /\r\nbehalf-refusal: invalid_request\r\n/i, escape);
        assert.match(answer, new RegExp(`\r\ncontent-type: ${type.replace("+", "\\+")}`, "i"), escape);
        assert.match(answer, /"next":\{"action":"fix_request"/, escape);
      }
      assert.deepEqual(atGitHub(), []);
    });
  }

  test("bytes that would break the request line", async () => {
    for (const raw of [
      "/a b",
      "/x?a=b c",
      "/x?q=caf\xe9",
      "/a\tb",
      "/a\0b",
      "/a\x7fb",
      "/a\x01",
      "/a\x0bb",
      "/a\rb",
      "/a\nb",
    ]) {
      const answer = await send(`GET /proxy${raw}`);
      assert.equal(statusOf(answer), 400, `${JSON.stringify(raw)}\n${answer}`);
    }
    assert.deepEqual(atGitHub(), []);
  });

  test("a line break in a path, which makes headers or a second request of the rest", async () => {
    const smuggled = `GET /proxy/user HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/tokens`;
    for (const raw of ["/user\r\nX-Injected: 1\r\nX: ", "/user\nX-Injected: 1\nX: ", `/a\r\n\r\n${smuggled}`]) {
      await send(`GET /proxy${raw}`);
    }
    assert.deepEqual(
      house.fake.calls.filter((call) => "x-injected" in call.headers || call.path.includes("tokens")),
      [],
    );
  });

  test("a target that is no path: absolute, foreign, of a tunnel or of the server as a whole", async () => {
    const { host } = new URL(house.origin);
    const api = house.fake.api;
    const targets = [`${house.origin}/proxy/user`, `http://${host}/api/v3/user`, `${api}/user`, "//proxy/user"];
    for (const target of [...targets, `http://user:pw@${host}/proxy/user`, "proxy/user", "*", "?proxy/user"]) {
      const answer = await send(`GET ${target}`);
      assert.ok(statusOf(answer) >= 400 && statusOf(answer) < 500, `${target}\n${answer}`);
    }
    // A tunnel is not opened, whatever the answer.
    assert.doesNotMatch(await send(`CONNECT ${new URL(api).host}`), /^HTTP\/1\.1 2/);
    assert.deepEqual(atGitHub(), []);
  });

  test("names beside ours that only look like a door", async () => {
    for (const path of [
      "/proxyx/user",
      "/proxy%2fuser",
      "/Proxy/user",
      "/proxy;/user",
      "/api/v33/user",
      "/api/v3.0/user",
      "/api/x/proxyx/github/user",
      "/api/x/Proxy/github/user",
      "/api/x/y/proxy/github/user",
      "/api//proxy/github/user",
      "/api/x%2fproxy/github/user",
    ]) {
      const answer = await send(`GET ${path}`, [`Authorization: Bearer ${house.token}`]);
      assert.equal(statusOf(answer), 404, `${path}\n${answer}`);
    }
    for (const path of ["/github%2fuser", "/git%68ub/user", "/../proxy/github/user", "/.", "/github;x/user"]) {
      const answer = await send(`GET /api/${house.project}/proxy${path}`, plain());
      assert.equal(statusOf(answer), 404, `${path}\n${answer}`);
    }
    const deeper = await send("POST /api/graphql/user", bound());
    assert.equal(statusOf(deeper), 404, deeper);
    assert.deepEqual(atGitHub(), []);
  });
});

function bound(): readonly string[] {
  return [`Authorization: token ${acting.bound}`, "User-Agent: behalf-tests"];
}

describe("what is no escape passes byte for byte:", () => {
  const sound = [
    "/repos/octo/hello/contents/src%2Fa%20b.ts",
    "/repos/octo/hello/contents/src%2fa%20b.ts",
    "/repos/octo/hello/git/ref/heads%2Fmain",
    "/user/repos/",
    "/user/repos?",
    "/user/repos??a=%2e%2e&b=../..&c=%0a&d=\\&e=//x&&f==1&",
    "/search/issues?q=repo:octo/hello+is:open&sort=",
    "/repos/octo/hello/compare/main...main",
    "/repos/octo/hello/contents/...",
    "/repos/octo/hello/contents/..a/a../.github",
    "/repos/octo/hello/contents/%2Egithub",
    "/repos/octo/hello/contents/100%25",
    "/repos/octo/hello/contents/caf%C3%A9",
    "/repos/octo/hello/commits/HEAD~1",
    "/user//repos",
  ];
  for (const door of ["/proxy", "/api/v3", "an endpoint"]) {
    test(`an encoded slash, a trailing slash, an odd query at ${door}`, async () => {
      const headers = door === "/proxy" ? acting.lines : door === "/api/v3" ? bound() : plain();
      for (const path of sound) {
        const answer = await send(`GET ${prefixOf(door)}${path}`, headers);
        assert.doesNotMatch(answer, /behalf-refusal/i, path);
        assert.equal(house.fake.calls.at(-1)?.path, path);
      }
      assert.equal(house.fake.calls.length, sound.length);
    });
  }

  test("the bare door is upstream's root, and GraphQL keeps its query", async () => {
    for (const line of ["GET /proxy", "GET /proxy?x=1", "GET /proxy/"]) await send(line);
    await send("POST /api/graphql?x=%2e", [...bound(), "Content-Length: 0"]);
    assert.deepEqual(atGitHub(), ["GET /", "GET /?x=1", "GET /", "POST /graphql?x=%2e"]);
  });
});

describe("connection_name belongs to /proxy alone:", () => {
  // axios writes `/proxy/../v1/tokens` as the second of these before it sends anything.
  const elsewhere = [
    "/v1/tokens",
    "/v1/accounts",
    "/v1/tools",
    "/",
    "/healthz",
    "/openapi.json",
    "/connect/x",
    "/nothing",
  ];
  test("every other route refuses it, and changes nothing", async () => {
    const token = `Authorization: Bearer ${house.token}`;
    for (const path of elsewhere) {
      for (const name of [
        "connection_name: github",
        "CONNECTION_NAME: github",
        "connection_name:",
        "Connection_Name: ,",
      ]) {
        const answer = await send(`GET ${path}`, [token, name]);
        assert.equal(statusOf(answer), 400, `${path} ${name}\n${answer}`);
        assert.match(answer, /"code":"invalid_request"/);
      }
    }
    const tokens = await house.call("GET", "/v1/tokens");
    const body = JSON.stringify({ name: "stolen", scopes: ["admin"] });
    const lines = [...acting.lines, "Content-Type: application/json", `Content-Length: ${body.length}`];
    const minted = await wire(house.origin, requestBytes("POST /v1/tokens", lines, body));
    assert.equal(statusOf(minted), 400, minted);
    assert.equal((await house.call("GET", "/v1/tokens")).json.items.length, tokens.json.items.length);
  });

  test("so do the doors for bound tokens, in GitHub's shape", async () => {
    for (const line of ["GET /api/v3/user", "POST /api/graphql"]) {
      const answer = await send(line, [...bound(), "connection_name: github", "identifier: user_1"]);
      assert.equal(statusOf(answer), 400, `${line}\n${answer}`);
      assert.match(answer, /\r\nbehalf-refusal: invalid_request\r\n/i);
      assert.match(answer, /\{"message":"/);
    }
    assert.deepEqual(atGitHub(), []);
  });
});

describe("a token limited to one repository reaches no other by spelling it oddly:", () => {
  test("each spelling is refused before it leaves", async () => {
    const { json } = await house.call("POST", "/v1/tokens", {
      body: { name: "narrow", scopes: ["proxy"], limits: { repositories: ["octo/hello"] } },
    });
    const [, ...naming] = acting.lines;
    const headers = [`Authorization: Bearer ${json.token as string}`, ...naming];
    const others = [
      "/repos/octo/other",
      "/repos/octo/hello%2Fother",
      "/repos/octo%2Fhello/other",
      "/repos//octo/hello",
      "/REPOS/octo/other",
      "/repos/octo/hello./x",
      "/repositories/1",
      "/user/repos",
      "/x//repos/octo/other",
      "/repo%73/octo/other",
      "/networks/octo/other/events",
      "/graphql",
    ];
    for (const path of others) {
      const answer = await send(`GET /proxy${path}`, headers);
      assert.equal(statusOf(answer), 403, `${path}\n${answer}`);
      assert.match(answer, /behalf-refusal: limit_not_allowed/i);
    }
    assert.deepEqual(atGitHub(), []);
    assert.equal(statusOf(await send("GET /proxy/repos/Octo/HELLO/contents/a.md", headers)), 200);
  });
});

describe("whatever a path is made of,", () => {
  const pieces =
    "/ // . .. ... %2e %2E %2f %5c \\ %25 %252e %32%65 65 %00 %0a ; ? & = # @ : ~ a repos %c3%a9 %ef%bc%8e %c0%ae".split(
      " ",
    );
  const target = fc.array(fc.constantFrom(...pieces), { maxLength: 10 }).map((parts) => `/${parts.join("")}`);

  /** The path as upstreams may see it that decode any number of times, take backslashes for slashes and cut parameters. */
  function climbs(path: string): boolean {
    let seen = path.replace(/\?.*$/s, "");
    for (let round = 0; round < 4; round += 1) {
      if (seen.split(/[/\\]/).some((part) => /^\.{1,2}(?:;.*)?$/.test(part.trim()))) return true;
      seen = seen.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    }
    return seen.includes("\0") || seen.includes("\n");
  }

  test("it is refused and stays here, or arrives as it was and climbs nowhere", async () => {
    await fc.assert(
      fc.asyncProperty(target, fc.boolean(), async (path, isEndpoint) => {
        house.fake.calls.splice(0);
        const door = isEndpoint ? prefixOf("an endpoint") : "/proxy";
        const answer = await send(`GET ${door}${path}`, isEndpoint ? plain() : acting.lines);
        const [arrived, second] = house.fake.calls;
        assert.equal(second, undefined);
        if (arrived === undefined) return assert.match(answer, /^HTTP\/1\.1 400 [^]*behalf-refusal/i);
        assert.equal(arrived.path, path);
        return assert.equal(climbs(path) || path.startsWith("//"), false, path);
      }),
      { numRuns: 400 },
    );
  });
});
