// What every API answer has, and what GitHub turns away before any route: versions, User-Agent, ETags, limits.
import assert from "node:assert/strict";
import { request } from "node:http";
import { after, before, test } from "node:test";
import type { FakeGitHub } from "./index.ts";
import { call, OAUTH_APP, seeded, signIn } from "./testing.ts";

let github: FakeGitHub;
let token: string;
let hubot: string;

before(async () => {
  github = await seeded({ retiredApiVersions: ["2021-01-01"] });
  token = (await signIn(github, OAUTH_APP, "octocat", "repo")).access_token;
  hubot = (await signIn(github, OAUTH_APP, "hubot", "repo")).access_token;
});

after(async () => github.close());

async function bare(path: string, headers: Record<string, string>): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(github.api + path, { headers }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    outgoing.on("error", reject).end();
  });
}

test("a request without User-Agent is refused", async () => {
  const answered = await bare("/zen", {});
  assert.equal(answered.status, 403);
  assert.match(answered.text, /Please make sure your request has a User-Agent header/);
});

test("a slash at the end is 404", async () => {
  assert.equal((await call(github.api, "/user/", { token })).status, 404);
  assert.equal((await call(github.api, "/repos/acme/api/", { token })).status, 404);
});

test("the version is 2022-11-28 by default; unknown is 400, retired is 410", async () => {
  assert.equal((await call(github.api, "/zen")).headers.get("x-github-api-version-selected"), "2022-11-28");
  const ask = async (version: string): Promise<number> =>
    (await call(github.api, "/zen", { headers: { "x-github-api-version": version } })).status;
  assert.deepEqual([await ask("2026-03-10"), await ask("1999-01-01"), await ask("2021-01-01")], [200, 400, 410]);
});

test("2026-03-10 drops the fields its changelog names", async () => {
  const ask = async (path: string, version: string): Promise<Record<string, unknown>> =>
    (await call(github.api, path, { token, headers: { "x-github-api-version": version } })).json;
  assert.deepEqual(
    [
      "has_downloads" in (await ask("/repos/acme/api", "2022-11-28")),
      "has_downloads" in (await ask("/repos/acme/api", "2026-03-10")),
    ],
    [true, false],
  );
  assert.deepEqual(
    ["rate" in (await ask("/rate_limit", "2022-11-28")), "rate" in (await ask("/rate_limit", "2026-03-10"))],
    [true, false],
  );
});

test("an ETag is weak; the 304 that matches it is not, and costs an authorised caller nothing", async () => {
  const first = await call(github.api, "/repos/acme/api", { token });
  const etag = first.headers.get("etag") ?? "";
  assert.match(etag, /^W\/"[0-9a-f]{64}"$/);
  const again = await call(github.api, "/repos/acme/api", { token, headers: { "if-none-match": etag } });
  assert.equal(again.status, 304);
  assert.equal(again.text, "");
  assert.equal(again.headers.get("etag"), etag.slice(2));
  assert.equal(again.headers.get("x-ratelimit-used"), first.headers.get("x-ratelimit-used"));
  const strong = await call(github.api, "/repos/acme/api", { token, headers: { "if-none-match": etag.slice(2) } });
  assert.equal(strong.status, 304);
});

test("If-Modified-Since is honoured too", async () => {
  const modified = (await call(github.api, "/repos/acme/api", { token })).headers.get("last-modified") ?? "";
  const ask = async (since: string): Promise<number> =>
    (await call(github.api, "/repos/acme/api", { token, headers: { "if-modified-since": since } })).status;
  assert.deepEqual([await ask(modified), await ask("Thu, 01 Jan 1970 00:00:00 GMT")], [304, 200]);
});

test("an anonymous 304 counts", async () => {
  const first = await call(github.api, "/users/octocat");
  const again = await call(github.api, "/users/octocat", {
    headers: { "if-none-match": first.headers.get("etag") ?? "" },
  });
  assert.equal(again.status, 304);
  assert.equal(Number(again.headers.get("x-ratelimit-used")), Number(first.headers.get("x-ratelimit-used")) + 1);
  assert.equal(again.headers.get("x-ratelimit-limit"), "60");
});

test("one person's ETag is no use to another", async () => {
  const etag = (await call(github.api, "/users/octocat", { token })).headers.get("etag") ?? "";
  assert.equal(
    (await call(github.api, "/users/octocat", { token: hubot, headers: { "if-none-match": etag } })).status,
    200,
  );
});

test("HEAD is GET without a body", async () => {
  const get = await call(github.api, "/user", { token });
  const head = await call(github.api, "/user", { token, method: "HEAD" });
  assert.equal(head.status, 200);
  assert.equal(head.text, "");
  assert.equal(head.headers.get("etag"), get.headers.get("etag"));
});

test("the rate limit is shared by a user's tokens and /rate_limit is free", async () => {
  const other = (await signIn(github, OAUTH_APP, "octocat", "gist")).access_token;
  const used = async (one: string, path: string): Promise<number> =>
    Number((await call(github.api, path, { token: one })).headers.get("x-ratelimit-used"));
  const first = await used(token, "/user");
  assert.equal(await used(other, "/rate_limit"), first);
  assert.equal(await used(other, "/user"), first + 1);
});

test("bad JSON is 400, a JSON list is 400, each with GitHub's sentence", async () => {
  const post = async (body: string): Promise<[number, unknown]> => {
    const answered = await call(github.api, "/repos/acme/api/issues", { token, method: "POST", body });
    return [answered.status, answered.json["message"]];
  };
  assert.deepEqual(await post("{"), [400, "Problems parsing JSON"]);
  assert.deepEqual(await post("[]"), [400, "Body should be a JSON object"]);
});

test("a broken escape in a path is 400, not a crash", async () => {
  assert.equal((await call(github.api, "/users/%zz")).status, 400);
  assert.equal((await call(github.storage, "/acme/api/main/%zz")).status, 404);
});

test("an Accept nobody can serve is 415", async () => {
  assert.equal((await call(github.api, "/user", { token, headers: { accept: "image/png" } })).status, 415);
});

test("OAuth scopes are on every answer to an OAuth token, also on refusals, and on none to anybody else", async () => {
  const refused = await call(github.api, "/repos/nobody/nothing", { token });
  assert.equal(refused.status, 404);
  assert.equal(refused.headers.get("x-oauth-scopes"), "repo");
  assert.equal(refused.headers.has("x-accepted-oauth-scopes"), true);
  assert.equal((await call(github.api, "/zen")).headers.has("x-oauth-scopes"), false);
});

test("long answers are compressed for those who accept it", async () => {
  const zipped = await call(github.api, "/repos/acme/api", { token });
  assert.equal(zipped.headers.get("content-encoding"), "gzip");
  const plain = await call(github.api, "/repos/acme/api", { token, headers: { "accept-encoding": "identity" } });
  assert.equal(plain.headers.has("content-encoding"), false);
  assert.equal(plain.text, zipped.text);
});

test("the storage host fails when it sees a credential, and the call is on record", async () => {
  const answered = await call(github.storage, "/acme/api/main/README.md", { token });
  assert.equal(answered.status, 400);
  const [seen] = github.callsTo("storage", "GET", /README/);
  assert.deepEqual([seen?.tokenKind, seen?.login, seen?.status], ["gho", "octocat", 400]);
  assert.equal((await call(github.storage, "/acme/api/main/README.md")).text, "# api\n");
});

test("a private download link works once and only for a while", async () => {
  const read = async (): Promise<string> =>
    String((await call(github.api, "/repos/octocat/secret/contents/README.md", { token })).json["download_url"]);
  const link = (await read()).replace(github.storage, "");
  assert.equal((await call(github.storage, link)).status, 200);
  assert.equal((await call(github.storage, link)).status, 404);
  const late = (await read()).replace(github.storage, "");
  github.clock.advance(5 * 60_000);
  assert.equal((await call(github.storage, late)).status, 404);
});

test("calls are recorded raw, with who made them", async () => {
  await call(github.api, "/users/octocat?x=%2F", { token: hubot, headers: { "X-Mixed-Case": "1" } });
  const [seen] = github.callsTo("api", "GET", /x=%2F/);
  assert.deepEqual(
    [seen?.path, seen?.tokenKind, seen?.token, seen?.login],
    ["/users/octocat?x=%2F", "gho", hubot, "hubot"],
  );
  assert.equal(seen?.headers["x-mixed-case"], "1");
});
