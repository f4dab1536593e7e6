// The contents API creates, updates and deletes by expectation, and reads files, directories and large things as GitHub does.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { FakeGitHub } from "./index.ts";
import type { Answered } from "./testing.ts";
import { call, OAUTH_APP, seeded, signIn } from "./testing.ts";

let github: FakeGitHub;
let token: string;
let hubot: string;

before(async () => {
  github = await seeded();
  token = (await signIn(github, OAUTH_APP, "octocat", "repo")).access_token;
  hubot = (await signIn(github, OAUTH_APP, "hubot", "repo")).access_token;
});

after(async () => github.close());

async function put(path: string, body: Record<string, unknown>, as = token): Promise<Answered> {
  return call(github.api, `/repos/acme/api/contents/${path}`, { token: as, method: "PUT", body });
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

test("create is 201, update is 200 with the right sha, 422 without, 409 with a stale one", async () => {
  const created = await put("a.txt", { message: "m", content: base64("one") });
  assert.equal(created.status, 201);
  const { sha } = created.json["content"] as { sha: string };
  const missing = await put("a.txt", { message: "m", content: base64("two") });
  assert.deepEqual([missing.status, missing.json["message"]], [422, 'Invalid request.\n\n"sha" wasn\'t supplied.']);
  assert.equal((await put("a.txt", { message: "m", content: base64("two"), sha })).status, 200);
  const stale = await put("a.txt", { message: "m", content: base64("three"), sha });
  assert.deepEqual([stale.status, stale.json["message"]], [409, `a.txt does not match ${sha}`]);
});

test("content must be base64 and a message must be there", async () => {
  assert.equal((await put("b.txt", { message: "m", content: "not base64!" })).status, 422);
  assert.equal((await put("b.txt", { content: base64("x") })).status, 422);
  assert.equal((await put("b.txt", { message: "m", content: base64("x"), branch: "nope" })).status, 404);
});

test("delete needs the sha, in body or query", async () => {
  const { sha } = (await put("c.txt", { message: "m", content: base64("x") })).json["content"] as { sha: string };
  const at = "/repos/acme/api/contents/c.txt";
  assert.equal((await call(github.api, at, { token, method: "DELETE", body: { message: "m" } })).status, 422);
  const deleted = await call(github.api, `${at}?message=m&sha=${sha}`, { token, method: "DELETE" });
  assert.deepEqual([deleted.status, deleted.json["content"]], [200, null]);
  assert.equal((await call(github.api, at, { token })).status, 404);
});

test("a path may come as segments or with %2F", async () => {
  for (const path of ["docs/a%20b.md", "docs%2Fa%20b.md"]) {
    const answered = await call(github.api, `/repos/octocat/secret/contents/${path}`, { token });
    assert.equal(answered.json["path"], "docs/a b.md");
    assert.equal(Buffer.from(String(answered.json["content"]), "base64").toString(), "text\n");
  }
});

test("a directory lists files and directories; the object form wraps them", async () => {
  const list = (await call(github.api, "/repos/octocat/secret/contents", { token })).json as unknown as {
    name: string;
    type: string;
  }[];
  assert.deepEqual(
    list.map(({ name, type }) => `${name} ${type}`),
    ["README.md file", "docs dir"],
  );
  const object = await call(github.api, "/repos/octocat/secret/contents/docs", {
    token,
    headers: { accept: "application/vnd.github.object+json" },
  });
  assert.equal((object.json["entries"] as unknown[]).length, 1);
});

test("another ref shows other files, an unknown one is 404", async () => {
  github.repository({
    owner: "acme",
    name: "branched",
    collaborators: { octocat: "write" },
    files: { "a.md": "main" },
    branches: { next: { "a.md": "next" } },
  });
  const read = async (ref: string): Promise<Answered> =>
    call(github.api, `/repos/acme/branched/contents/a.md?ref=${ref}`, { token });
  assert.equal(Buffer.from(String((await read("next")).json["content"]), "base64").toString(), "next");
  assert.equal((await read("nope")).status, 404);
});

test("between 1 and 100 MB only raw and object work", async () => {
  github.repository({ owner: "octocat", name: "big", files: { "big.bin": "x".repeat(1024 * 1024 + 1) } });
  const read = async (accept: string): Promise<Answered> =>
    call(github.api, "/repos/octocat/big/contents/big.bin", { token, headers: { accept } });
  assert.equal((await read("application/vnd.github+json")).status, 403);
  assert.equal((await read("application/vnd.github.raw+json")).text.length, 1024 * 1024 + 1);
  const object = await read("application/vnd.github.object+json");
  assert.deepEqual([object.json["content"], object.json["encoding"]], ["", "none"]);
});

test("an empty repository says so, and its first file makes the branch", async () => {
  github.repository({ owner: "octocat", name: "empty" });
  const at = "/repos/octocat/empty/contents/README.md";
  assert.equal((await call(github.api, at, { token })).json["message"], "This repository is empty.");
  assert.equal(
    (await call(github.api, at, { token, method: "PUT", body: { message: "m", content: base64("hi") } })).status,
    201,
  );
  assert.equal((await call(github.api, at, { token })).status, 200);
});

test("without push access a write is 404, without credentials 401", async () => {
  assert.equal((await put("d.txt", { message: "m", content: base64("x") }, hubot)).status, 404);
  const anonymous = await call(github.api, "/repos/acme/api/contents/d.txt", {
    method: "PUT",
    body: { message: "m", content: base64("x") },
  });
  assert.deepEqual([anonymous.status, anonymous.json["message"]], [401, "Requires authentication"]);
});

test("a workflow file needs the scope workflow", async () => {
  const body = { message: "m", content: base64("on: push") };
  assert.equal((await put(".github/workflows/ci.yml", body)).status, 404);
  const wide = (await signIn(github, OAUTH_APP, "octocat", "repo workflow")).access_token;
  assert.equal((await put(".github/workflows/ci.yml", body, wide)).status, 201);
});
