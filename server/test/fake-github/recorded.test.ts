// The fake answers with the header names and body keys the real GitHub was recorded with (@octokit/fixtures).
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { FakeGitHub } from "./index.ts";
import { differences, recording, shapeOf } from "./recorded.ts";
import type { Answered } from "./testing.ts";
import { call, OAUTH_APP, seeded, signIn } from "./testing.ts";

let github: FakeGitHub;
let token: string;

const API = "/repos/acme/api";

before(async () => {
  github = await seeded();
  github.repository({
    owner: "acme",
    name: "old-name",
    collaborators: { octocat: "admin" },
    files: { "README.md": "x" },
  });
  token = (await signIn(github, OAUTH_APP, "octocat", "repo user")).access_token;
});

after(async () => github.close());

/** Newer than the recordings, of the transport, or said by us about the OAuth App the classic token had not. */
const OURS_ALONE = new Set([
  "keep-alive",
  "server",
  "vary",
  "x-github-api-version-selected",
  "x-oauth-client-id",
  "content-encoding",
  "transfer-encoding",
]);

function sameHeaders(answered: Answered, scenario: string, index = 0): void {
  const real = Object.keys(recording(scenario, index).headers);
  const ours = [...answered.headers.keys()];
  assert.deepEqual(
    real.filter((name) => !ours.includes(name)),
    [],
    `${scenario}: recorded but missing here`,
  );
  assert.deepEqual(
    ours.filter((name) => !real.includes(name) && !OURS_ALONE.has(name)),
    [],
    `${scenario}: not in the recording`,
  );
}

function sameBody(answered: Answered, scenario: string, index = 0): void {
  const found = differences(shapeOf(recording(scenario, index).response), shapeOf(answered.json));
  assert.deepEqual(found, [], `${scenario} ${index}`);
}

function same(answered: Answered, scenario: string, index = 0): void {
  assert.equal(answered.status, recording(scenario, index).status);
  sameHeaders(answered, scenario, index);
  sameBody(answered, scenario, index);
}

test("a repository looks recorded", async () => {
  github.repository({ owner: "acme", name: "mine", collaborators: { octocat: "admin" } });
  same(await call(github.api, "/repos/acme/mine", { token }), "get-repository");
});

test("the root looks recorded", async () => {
  same(await call(github.api, "/", { token }), "get-root");
});

test("a created file looks recorded", async () => {
  const body = { message: "create test.txt", content: "VGVzdCBjb250ZW50" };
  const answered = await call(github.api, `${API}/contents/test.txt`, { token, method: "PUT", body });
  same(answered, "create-file");
  const real = recording("create-file").response as { content: { sha: string } };
  assert.equal(
    (answered.json as { content: { sha: string } }).content.sha,
    real.content.sha,
    "the digest of the same bytes",
  );
});

test("a directory looks recorded, slash at the end and all", async () => {
  same(await call(github.api, "/repos/octocat/secret/contents/", { token }), "get-content", 0);
});

test("a raw file looks recorded", async () => {
  const headers = { accept: "application/vnd.github.v3.raw" };
  const answered = await call(github.api, "/repos/octocat/secret/contents/README.md", { token, headers });
  assert.equal(answered.text, "# secret\n");
  sameHeaders(answered, "get-content", 1);
  for (const name of ["content-type", "x-github-media-type"])
    assert.equal(answered.headers.get(name), recording("get-content", 1).headers[name]);
});

test("pages of issues look recorded, Link included", async () => {
  for (let index = 1; index <= 13; index += 1) {
    await call(github.api, "/repos/octocat/secret/issues", {
      token,
      method: "POST",
      body: { title: `Test issue ${index}` },
    });
  }
  const id = String((await call(github.api, "/repos/octocat/secret", { token })).json["id"]);
  for (const [index, page] of [undefined, 2, 3, 4, 5].entries()) {
    const path =
      page === undefined
        ? "/repos/octocat/secret/issues?per_page=3"
        : `/repositories/${id}/issues?per_page=3&page=${page}`;
    const answered = await call(github.api, path, { token });
    same(answered, "paginate-issues", index);
    const real = recording("paginate-issues", index).headers["link"] ?? "";
    const expected = real
      .replaceAll("https://api.github.com", github.api)
      .replaceAll("/repositories/1000/", `/repositories/${id}/`);
    // Recorded: the last page says no "last". Same here.
    assert.equal(answered.headers.get("link"), expected);
  }
});

test("a created issue and its labels look recorded", async () => {
  same(
    await call(github.api, `${API}/issues`, { token, method: "POST", body: { title: "Issue without a label" } }),
    "add-labels-to-issue",
    0,
  );
  const labelled = await call(github.api, `${API}/issues/1/labels`, {
    token,
    method: "POST",
    body: { labels: ["Foo", "bAr", "baZ"] },
  });
  same(labelled, "add-labels-to-issue", 1);
});

test("a validation error looks recorded", async () => {
  const answered = await call(github.api, `${API}/labels`, {
    token,
    method: "POST",
    body: { name: "foo", color: "invalid" },
  });
  assert.equal(answered.status, 422);
  sameHeaders(answered, "errors");
  const { status, ...older } = answered.json;
  assert.equal(status, "422", "newer than the recording");
  assert.deepEqual(differences(shapeOf(recording("errors").response), shapeOf(older)), []);
  assert.deepEqual(older["errors"], [{ resource: "Label", code: "invalid", field: "color" }]);
});

test("a renamed repository answers 301 and 307 as recorded", async () => {
  const old = "/repos/acme/old-name";
  same(await call(github.api, old, { token, method: "PATCH", body: { name: "new-name" } }), "rename-repository", 0);
  const moved = await call(github.api, old, { token });
  same(moved, "rename-repository", 1);
  const path = (moved.headers.get("location") ?? "").replace(github.api, "");
  assert.match(path, /^\/repositories\/\d+$/);
  same(await call(github.api, path, { token }), "rename-repository", 2);
  const body = { name: "new-name", description: "test description" };
  same(await call(github.api, old, { token, method: "PATCH", body }), "rename-repository", 3);
  same(await call(github.api, path, { token, method: "PATCH", body }), "rename-repository", 4);
});

test("an archive redirects to another host as recorded", async () => {
  const answered = await call(github.api, `${API}/tarball/main`, { token });
  assert.equal(answered.status, 302);
  sameHeaders(answered, "get-archive", 0);
  const location = answered.headers.get("location") ?? "";
  assert.equal(location, `${github.storage}/acme/api/legacy.tar.gz/refs/heads/main`);
  const download = await call(github.storage, location.replace(github.storage, ""));
  assert.equal(download.status, 200);
  sameHeaders(download, "get-archive", 1);
});

test("releases and their assets look recorded", async () => {
  const made = await call(github.api, `${API}/releases`, {
    token,
    method: "POST",
    body: { tag_name: "v1.0.0", name: "Version 1.0.0", body: "Initial release" },
  });
  assert.equal(made.status, 201);
  const release = await call(github.api, `${API}/releases/tags/v1.0.0`, { token });
  same(release, "release-assets", 0);
  const target = `${API}/releases/${String(release.json["id"])}/assets?name=test-upload.txt&label=test`;
  const sent = { token, method: "POST", body: "Hello, world!\n", headers: { "content-type": "text/plain" } };
  const uploaded = await call(github.uploads, target, sent);
  assert.equal(uploaded.status, 201);
  sameBody(uploaded, "release-assets", 1);
  assert.equal(uploaded.json["size"], 14);
  const again = await call(github.uploads, target, sent);
  assert.equal(again.status, recording("release-assets-conflict", 1).status);
  const asset = `${API}/releases/assets/${String(uploaded.json["id"])}`;
  same(await call(github.api, `${API}/releases/${String(release.json["id"])}/assets`, { token }), "release-assets", 2);
  same(await call(github.api, asset, { token }), "release-assets", 3);
  same(
    await call(github.api, asset, { token, method: "PATCH", body: { name: "new.txt", label: "new label" } }),
    "release-assets",
    4,
  );
  const deleted = await call(github.api, asset, { token, method: "DELETE" });
  assert.deepEqual([deleted.status, deleted.text], [204, ""]);
  sameHeaders(deleted, "release-assets", 5);
});

test("a search for issues looks recorded", async () => {
  await call(github.api, `${API}/issues`, {
    token,
    method: "POST",
    body: { title: "The doors don't open", body: "sesame" },
  });
  const answered = await call(github.api, `/search/issues?q=sesame%20repo%3Aacme%2Fapi`, { token });
  assert.equal(answered.json["total_count"], 1);
  same(answered, "search-issues");
});
