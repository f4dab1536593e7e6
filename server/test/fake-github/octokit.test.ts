// GitHub's own client finds nothing strange: authentication, pagination, media types, redirects, uploads, errors.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Octokit } from "octokit";
import type { FakeGitHub } from "./index.ts";
import { OAUTH_APP, seeded, signIn } from "./testing.ts";

let github: FakeGitHub;
let octokit: Octokit;

before(async () => {
  github = await seeded();
  const { access_token } = await signIn(github, OAUTH_APP, "octocat", "repo");
  // Retries and throttling would hide answers and slow the tests.
  octokit = new Octokit({
    auth: access_token,
    baseUrl: github.api,
    retry: { enabled: false },
    throttle: { enabled: false },
  });
});

after(async () => github.close());

const repo = { owner: "octocat", repo: "secret" };

test("it pages through everything", async () => {
  for (let index = 0; index < 7; index += 1) await octokit.rest.issues.create({ ...repo, title: `issue ${index}` });
  const all = await octokit.paginate(octokit.rest.issues.listForRepo, { ...repo, per_page: 3 });
  assert.equal(all.length, 7);
});

test("it reads a path with a slash and a space, as JSON and raw", async () => {
  const { data } = await octokit.rest.repos.getContent({ ...repo, path: "docs/a b.md" });
  assert.ok(!Array.isArray(data) && data.type === "file");
  const raw = await octokit.rest.repos.getContent({ ...repo, path: "docs/a b.md", mediaType: { format: "raw" } });
  assert.deepEqual(raw.data, "text\n");
});

test("it follows a renamed repository", async () => {
  github.repository({ owner: "octocat", name: "was", files: { "a.md": "a" } });
  github.rename("octocat", "was", "is");
  const { data } = await octokit.rest.repos.get({ owner: "octocat", repo: "was" });
  assert.equal(data.full_name, "octocat/is");
});

test("it does not carry the token to the storage host", async () => {
  const { status } = await octokit.rest.repos.downloadTarballArchive({ ...repo, ref: "main" });
  assert.equal(status, 200);
  assert.deepEqual(
    github.callsTo("storage").map((one) => one.tokenKind),
    ["none"],
  );
});

test("it uploads where the release says", async () => {
  const { data: release } = await octokit.rest.repos.createRelease({ ...repo, tag_name: "v1" });
  const sent = { ...repo, release_id: release.id, name: "a.txt", data: "hello" };
  const { data } = await octokit.rest.repos.uploadReleaseAsset({
    ...sent,
    baseUrl: github.uploads,
    headers: { "content-type": "text/plain" },
  });
  assert.equal(data.size, 5);
});

test("it asks GraphQL, and its errors are errors", async () => {
  const found = await octokit.graphql<{ viewer: { login: string } }>("{ viewer { login } }");
  assert.equal(found.viewer.login, "octocat");
  await assert.rejects(
    octokit.graphql('{ repository(owner: "octocat", name: "nope") { name } }'),
    /Could not resolve to a Repository/,
  );
});

test("a refusal is a RequestError with GitHub's message", async () => {
  await assert.rejects(octokit.rest.issues.get({ ...repo, issue_number: 999 }), { status: 404, message: /^Not Found/ });
});
