// The objects the fake emits have the keys and JSON types of GitHub's own payloads (@octokit/webhooks-examples).
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { FakeGitHub } from "./index.ts";
import type { Shape } from "./recorded.ts";
import { differences, recording, shapeOf, webhookEvents } from "./recorded.ts";
import { call, OAUTH_APP, seeded, signIn } from "./testing.ts";

let github: FakeGitHub;
let token: string;

before(async () => {
  github = await seeded();
  github.repository({
    owner: "octocat",
    name: "own",
    collaborators: { hubot: "write" },
    files: { "a.md": "a" },
    branches: { feature: { "a.md": "b" } },
  });
  token = (await signIn(github, OAUTH_APP, "octocat", "repo user")).access_token;
  await call(github.api, "/repos/octocat/own/issues", {
    token,
    method: "POST",
    body: { title: "x", labels: ["bug"], assignees: ["hubot"] },
  });
  await call(github.api, "/repos/octocat/own/pulls", {
    token,
    method: "POST",
    body: { title: "y", head: "feature", base: "main" },
  });
});

after(async () => github.close());

/** One shape over every example of an event's object, and over the recorded REST answer that adds to it. */
function payloads(events: string[], key: string, rest: unknown[]): Shape {
  const examples = webhookEvents().flatMap((one) => (events.includes(one.name) ? one.examples : []));
  const shape: Shape = new Map();
  for (const example of examples) if (key in example) shapeOf(example[key], "", shape);
  for (const one of rest) shapeOf(one, "", shape);
  return shape;
}

const REST = {
  repository: [recording("get-repository").response],
  issue: [recording("add-labels-to-issue").response],
};

/** In today's OpenAPI schemas, but younger than these payloads (repositories inside pull requests, pull_request inside issues). */
const NEWER = new Set([
  "ours only: .head.repo.permissions",
  "ours only: .base.repo.permissions",
  "ours only: .pull_request.merged_at",
  "ours only: .head.repo.allow_forking",
  "ours only: .base.repo.allow_forking",
]);

function oursAlone(events: string[], key: string, ours: unknown, rest: unknown[] = []): string[] {
  const found = differences(payloads(events, key, rest), shapeOf(ours));
  return found.filter((one) => !one.startsWith("recorded only") && !NEWER.has(one));
}

async function get(path: string): Promise<Record<string, unknown>> {
  return (await call(github.api, path, { token })).json;
}

test("a repository is a repository", async () => {
  assert.deepEqual(oursAlone(["issues"], "repository", await get("/repos/octocat/own"), REST.repository), []);
});

test("a user is a sender", async () => {
  const repository = await get("/repos/octocat/own");
  assert.deepEqual(oursAlone(["issues"], "sender", repository["owner"]), []);
});

test("an issue is an issue", async () => {
  assert.deepEqual(oursAlone(["issues"], "issue", await get("/repos/octocat/own/issues/1"), REST.issue), []);
});

test("a pull request is a pull request, and an issue that is one says so", async () => {
  assert.deepEqual(oursAlone(["pull_request"], "pull_request", await get("/repos/octocat/own/pulls/2")), []);
  assert.deepEqual(
    oursAlone(["issues", "issue_comment"], "issue", await get("/repos/octocat/own/issues/2"), REST.issue),
    [],
  );
});

test("a comment is a comment", async () => {
  const made = await call(github.api, "/repos/octocat/own/issues/1/comments", {
    token,
    method: "POST",
    body: { body: "hi" },
  });
  assert.deepEqual(oursAlone(["issue_comment"], "comment", made.json), []);
});

test("an installation is an installation", async () => {
  github.client({
    clientId: "Iv1.mine",
    clientSecret: "s",
    kind: "github-app",
    redirectUris: ["http://127.0.0.1:4180/oauth/callback"],
  });
  github.installation({ clientId: "Iv1.mine", account: "octocat", repositories: "all" });
  const app = await signIn(github, { clientId: "Iv1.mine", clientSecret: "s" });
  const list = await call(github.api, "/user/installations", { token: app.access_token });
  const [installation] = list.json["installations"] as unknown[];
  const found = oursAlone(["installation"], "installation", installation).filter(
    (one) => !/client_id|permissions\./.test(one),
  );
  assert.deepEqual(found, []);
});

test("the comparison itself notices a wrong key and a wrong type", () => {
  const real = shapeOf(recording("errors").response);
  assert.deepEqual(differences(real, shapeOf({ message: 1, errors: [], documentation_url: "", extra: true })), [
    "ours only: .extra",
    "type: .message is number, recorded string",
  ]);
});
