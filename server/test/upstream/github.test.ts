// Calls of GitHub's REST API: redirects only where the credential may go, reads repeated once, writes never.
import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { Credential } from "../../src/crypto/credential.ts";
import type { Failure } from "../../src/upstream/exchange.ts";
import { type GitHub, type GitHubAnswer, type GitHubCall, makeGitHub } from "../../src/upstream/github.ts";
import { githubProvider, type Said, serving, signedIn, speaking, talking } from "./talking.ts";

type Ask = Partial<GitHubCall> & Pick<GitHubCall, "hosts" | "path">;

function asking(github: GitHub): (ask: Ask) => Promise<GitHubAnswer | Failure> {
  return (ask) =>
    github.call({ method: "GET", query: [], credential: new Credential("ghu_1"), timeoutMs: 5000, ...ask });
}

function answered(answer: GitHubAnswer | Failure): GitHubAnswer {
  if (answer.kind === "failed") throw new Error(`failed: ${answer.reason}`, { cause: answer.cause });
  return answer;
}

async function at(t: TestContext, said: (url: string, method: string) => Said, base = "") {
  const { origin, heard } = await serving(t, ({ url, method }) => said(url, method));
  const { transport, close } = talking();
  t.after(close);
  return { origin, heard, hosts: { web: origin, api: `${origin}${base}` }, call: asking(makeGitHub({ transport })) };
}

const json = { "content-type": "application/json; charset=utf-8" };

test("a call carries credential, version and query, and brings back JSON and GitHub's request id", async (t) => {
  const world = await speaking(t);
  const provider = githubProvider(world.github, "github", { scopes: ["repo"] });
  const { access } = await signedIn(world, provider);
  const call = asking(makeGitHub(world));
  const answer = answered(
    await call({
      hosts: provider.hosts,
      path: "/user/repos",
      query: [
        ["per_page", "5"],
        ["sort", "updated"],
      ],
      credential: access,
    }),
  );
  assert.equal(answer.status, 200);
  assert.ok(Array.isArray(answer.json));
  assert.match(answer.requestId ?? "", /^[0-9A-F:]+$/);
  const [heard] = world.github.callsTo("api", "GET", /^\/user\/repos/);
  assert.ok(heard);
  assert.equal(heard.path, "/user/repos?per_page=5&sort=updated");
  assert.equal(heard.token, access.reveal());
  assert.equal(heard.headers["accept"], "application/vnd.github+json");
  assert.equal(heard.headers["x-github-api-version"], "2022-11-28");
});

test("a call without an account sends no credential", async (t) => {
  const world = await speaking(t);
  const call = asking(makeGitHub(world));
  const { web, api } = world.github;
  const answer = answered(await call({ hosts: { web, api }, path: "/users/octocat/repos", credential: null }));
  assert.equal(answer.status, 200);
  assert.equal(world.github.callsTo("api")[0]?.headers["authorization"], undefined);
});

test("a renamed repository is read and written at its new place", async (t) => {
  const world = await speaking(t);
  const provider = githubProvider(world.github, "github", { scopes: ["repo"] });
  const { access } = await signedIn(world, provider);
  world.github.rename("octocat", "secret", "hidden");
  const call = asking(makeGitHub(world));
  const { hosts } = provider;
  const got = answered(await call({ hosts, path: "/repos/octocat/secret", credential: access }));
  assert.equal((got.json as { name: string }).name, "hidden");
  const made = answered(
    await call({
      hosts,
      path: "/repos/octocat/secret/issues",
      method: "POST",
      json: { title: "Hi" },
      credential: access,
    }),
  );
  assert.equal(made.status, 201);
});

test("no redirect leads to another origin or out of the API root", async (t) => {
  const other = await serving(t, () => ({ headers: json, body: "{}" }));
  for (const target of [
    `${other.origin}/user`,
    other.origin.replace("127.0.0.1", "localhost"),
    "//evil.example/",
    "/login",
    "/api/v3x/user",
    "/api/v3/../login",
    "ftp://127.0.0.1/",
    "http://[",
  ]) {
    const { hosts, call, heard } = await at(t, () => ({ status: 302, headers: { location: target } }), "/api/v3");
    const answer = answered(await call({ hosts, path: "/user" }));
    assert.equal(answer.status, 302, target);
    assert.equal(heard.length, 1, target);
  }
  assert.equal(other.heard.length, 0);
});

test("a write follows 307 and 308 with its body, never 301 or 302", async (t) => {
  for (const [status, requests] of [
    [301, 1],
    [302, 1],
    [303, 1],
    [307, 2],
    [308, 2],
  ] as const) {
    const { hosts, call, heard } = await at(t, (url) =>
      url === "/old" ? { status, headers: { location: "/new" } } : { status: 201, headers: json, body: "{}" },
    );
    await call({ hosts, path: "/old", method: "POST", json: { title: "x" } });
    assert.deepEqual(
      heard.map(({ method, body }) => [method, body]),
      Array.from({ length: requests }, () => ["POST", '{"title":"x"}']),
    );
  }
});

test("at most three redirects are followed", async (t) => {
  const { hosts, call, heard } = await at(t, (url) => ({ status: 301, headers: { location: `${url}x` } }));
  assert.equal(answered(await call({ hosts, path: "/a" })).status, 301);
  assert.equal(heard.length, 4);
});

/** Accepts connections and cuts each after its request came. */
async function cutting(t: TestContext): Promise<{ readonly hosts: GitHubCall["hosts"]; readonly cuts: () => number }> {
  let cuts = 0;
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => {
      cuts += 1;
      socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { hosts: { web: origin, api: origin }, cuts: () => cuts };
}

test("a read whose connection broke is asked once more, a write never", async (t) => {
  const { transport, close } = talking();
  t.after(close);
  const call = asking(makeGitHub({ transport }));
  for (const [method, expected] of [
    ["GET", 2],
    ["POST", 1],
    ["PUT", 1],
    ["PATCH", 1],
    ["DELETE", 1],
  ] as const) {
    const { hosts, cuts } = await cutting(t);
    const answer = await call({ hosts, path: "/x", method, ...(method === "GET" ? {} : { json: {} }) });
    assert.ok(answer.kind === "failed" && answer.reason === "unreachable" && answer.sent, method);
    assert.equal(cuts(), expected, method);
  }
});

test("a call that timed out or was aborted is not repeated", async (t) => {
  const world = await speaking(t);
  const call = asking(makeGitHub(world));
  const { web, api } = world.github;
  world.github.fault({ origin: "api", kind: "hold", times: 9 });
  const late = await call({ hosts: { web, api }, path: "/users/octocat", timeoutMs: 100 });
  assert.ok(late.kind === "failed" && late.reason === "timeout");
  const gone = await call({ hosts: { web, api }, path: "/users/octocat", signal: AbortSignal.timeout(50) });
  assert.ok(gone.kind === "failed" && gone.reason === "aborted");
  assert.equal(world.github.callsTo("api").length, 2);
});

test("half a JSON document is a failure, not an answer", async (t) => {
  const { hosts, call } = await at(t, () => ({ headers: json, body: '[{"number":1},' }));
  const answer = await call({ hosts, path: "/x" });
  assert.ok(answer.kind === "failed" && answer.sent);
});

test("a body that is not JSON comes as text, an empty one as nothing", async (t) => {
  const { hosts, call } = await at(t, (url) =>
    url === "/diff" ? { headers: { "content-type": "text/plain" }, body: "diff --git" } : { status: 204, headers: {} },
  );
  const diff = answered(await call({ hosts, path: "/diff" }));
  assert.deepEqual([diff.json, diff.text], [null, "diff --git"]);
  const none = answered(await call({ hosts, path: "/none", method: "DELETE" }));
  assert.deepEqual([none.json, none.text, none.requestId], [null, undefined, null]);
});

test("a caller's headers cannot replace the credential", async (t) => {
  const { hosts, call, heard } = await at(t, () => ({ headers: json, body: "{}" }));
  await call({
    hosts,
    path: "/x",
    headers: { authorization: "Bearer mine", accept: "application/vnd.github.raw+json" },
  });
  await call({ hosts, path: "/x", headers: { authorization: "Bearer mine" }, credential: null });
  assert.deepEqual(
    heard.map(({ headers }) => [headers["authorization"], headers["accept"]]),
    [
      ["Bearer ghu_1", "application/vnd.github.raw+json"],
      [undefined, "application/vnd.github+json"],
    ],
  );
});
