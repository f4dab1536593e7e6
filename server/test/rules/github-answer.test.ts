// What GitHub answers is told apart: limits, permissions, single sign-on, not found, validation, conflicts, failures (promise 22).
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { classify, type GitHubRefusal, type GitHubReply } from "../../src/rules/github-answer.ts";
import { Refusal } from "../../src/rules/refusal.ts";

const now = Date.UTC(2026, 0, 31, 9, 30);
const inHalfAnHour = String(now / 1000 + 1800);
const permission = "Resource not accessible by integration";
const primary = "API rate limit exceeded for user ID 1.";
const secondary = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";

type Parts = Partial<Omit<GitHubReply, "status">>;

function refused(status: number, parts: Parts = {}): GitHubRefusal {
  const verdict = classify({
    status,
    headers: {},
    body: null,
    changes: false,
    now,
    web: "https://github.com",
    ...parts,
  });
  assert.ok(verdict.kind === "refused");
  return verdict;
}

function said(message: string, more: object = {}): { body: unknown } {
  return { body: { message, documentation_url: "https://docs.github.com/rest", ...more } };
}

test("successes and an unchanged page are no refusals", () => {
  for (const status of [200, 201, 202, 204, 205, 206, 304]) {
    const verdict = classify({ status, headers: {}, body: null, changes: true, now, web: "https://github.com" });
    assert.deepEqual(verdict, { kind: "ok" });
  }
});

test("a used-up limit is told with the time until it renews, as 403 and as 429", () => {
  for (const status of [403, 429]) {
    const headers = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": inHalfAnHour };
    const { code, retryAfterSeconds, detail } = refused(status, { headers, ...said(primary) });
    assert.deepEqual([code, retryAfterSeconds], ["upstream_rate_limited", 1800]);
    assert.doesNotMatch(detail, /ID 1/);
  }
});

test("a secondary limit is told by its words or its Retry-After, and waits a minute where GitHub names no time", () => {
  const worded = refused(403, { headers: { "x-ratelimit-remaining": "4321" }, ...said(secondary) });
  assert.deepEqual([worded.code, worded.retryAfterSeconds], ["upstream_secondary_limited", 60]);
  const timed = refused(403, { headers: { "retry-after": "17" }, ...said("Slow down") });
  assert.deepEqual([timed.code, timed.retryAfterSeconds], ["upstream_secondary_limited", 17]);
  assert.equal(
    refused(403, said("You have triggered an abuse detection mechanism.")).code,
    "upstream_secondary_limited",
  );
  assert.equal(refused(429).code, "upstream_secondary_limited");
  const quick = {
    errors: [{ resource: "Issue", code: "custom", field: "base", message: "was submitted too quickly" }],
  };
  assert.equal(refused(422, said("Validation Failed", quick)).code, "upstream_secondary_limited");
});

test("a permission 403 is never taken for a limit, whatever the counters beside it say", () => {
  const headers = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": inHalfAnHour, "retry-after": "60" };
  for (const message of [
    permission,
    "Must have admin rights to Repository.",
    "Repository was archived so is read-only.",
  ]) {
    const verdict = refused(403, { headers, ...said(message) });
    assert.equal(verdict.code, "upstream_forbidden", message);
    assert.equal(verdict.retryAfterSeconds, undefined);
  }
  const last = refused(403, { headers: { "x-ratelimit-remaining": "0" }, ...said("Nope") });
  assert.equal(last.code, "upstream_forbidden");
});

test("what is not found stays not found when it used the last call of the hour", () => {
  const headers = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": inHalfAnHour };
  const verdict = refused(404, { headers, ...said("Not Found") });
  assert.deepEqual([verdict.code, verdict.retryAfterSeconds], ["upstream_not_found", undefined]);
  assert.equal(refused(422, { headers, ...said("Validation Failed") }).code, "upstream_invalid");
});

test("words of the caller's own that sound like a limit make none", () => {
  const errors = [{ resource: "Label", field: "name", code: "invalid", message: "secondary rate limit is no label" }];
  assert.equal(refused(422, said("Validation Failed", { errors })).code, "upstream_invalid");
});

test("Retry-After is understood in seconds and as a date, and nonsense is no time", () => {
  const wait = (value: string): number | undefined =>
    refused(429, { headers: { "retry-after": value } }).retryAfterSeconds;
  assert.equal(wait("5"), 5);
  assert.equal(wait("0"), 1);
  assert.equal(wait("Sat, 31 Jan 2026 09:31:30 GMT"), 90);
  assert.equal(wait("Sat, 31 Jan 2026 09:00:00 GMT"), 1);
  for (const value of ["", "soon", "-5", "1e9", "99999999999"]) assert.equal(wait(value), 60);
  assert.equal(wait("999999999"), 86_400);
});

test("missing permissions of a GitHub App are named as GitHub lists them", () => {
  const headers = { "x-accepted-github-permissions": "issues=write; pull_requests=write,contents=read" };
  const verdict = refused(403, { headers, ...said(permission) });
  assert.equal(
    verdict.detail,
    "GitHub says: Resource not accessible by integration. It needs issues: write, or pull_requests: write and contents: read.",
  );
  assert.equal(verdict.next.action, "grant_permission");
  const odd = refused(403, { headers: { "x-accepted-github-permissions": "<b>=write" }, ...said(permission) });
  assert.equal(odd.detail, "GitHub says: Resource not accessible by integration.");
});

test("scopes are what is missing only when the token has none of those that GitHub accepts", () => {
  const scopes = (held: string | undefined, accepted: string): readonly string[] | undefined => {
    const headers = { "x-oauth-scopes": held, "x-accepted-oauth-scopes": accepted };
    return refused(404, { headers, ...said("Not Found") }).acceptedScopes;
  };
  assert.deepEqual(scopes("user:email", "public_repo, repo"), ["public_repo", "repo"]);
  assert.deepEqual(scopes("", "repo"), ["repo"]);
  assert.equal(scopes("repo, user", "public_repo, repo"), undefined);
  assert.equal(scopes("repo", ""), undefined);
  assert.equal(scopes(undefined, "repo"), undefined);
});

test("single sign-on is told with its page, when that page is on GitHub's own site", () => {
  const page = "https://github.com/orgs/acme/sso?authorization_request=AZSCKtL4";
  const at = (url: string): GitHubRefusal =>
    refused(403, {
      headers: { "x-github-sso": `required; url=${url}` },
      ...said("Resource protected by organization SAML enforcement."),
    });
  assert.equal(at(page).code, "sso_required");
  assert.equal(at(page).next.url, page);
  for (const foreign of [
    "http://github.com/orgs/acme/sso",
    "https://github.com.evil.example/",
    "javascript:alert(1)",
    "//x",
  ]) {
    assert.equal(at(foreign).code, "sso_required");
    assert.equal(at(foreign).next.url, undefined, foreign);
  }
  const partial = { "x-github-sso": "partial-results; organizations=1,2" };
  assert.equal(refused(404, { headers: partial, ...said("Not Found") }).code, "upstream_not_found");
});

test("an organisation that restricts OAuth Apps is told with the page where approval is asked", () => {
  const message =
    "Although you appear to have the correct authorization credentials, the `acme` organization has enabled OAuth App access restrictions, meaning that data access to third-parties is limited.";
  const headers = { "x-ratelimit-remaining": "0" };
  const verdict = refused(403, { headers, clientId: "Ov1 x", ...said(message) });
  assert.equal(verdict.code, "org_approval_required");
  assert.equal(verdict.next.url, "https://github.com/settings/connections/applications/Ov1%20x");
  assert.equal(refused(403, said(message)).next.url, "https://github.com/settings/applications");
});

test("a file written without its sha, or with a stale one, is told to be fetched first", () => {
  const missing = refused(422, { changes: true, ...said('Invalid request.\n\n"sha" wasn\'t supplied.') });
  assert.deepEqual([missing.code, missing.next.action], ["upstream_invalid", "fetch_file_first"]);
  assert.match(missing.detail, /It says: Invalid request\. "sha" wasn't supplied\.$/);
  const stale = refused(409, {
    changes: true,
    ...said("README.md does not match 0123456789abcdef0123456789abcdef01234567"),
  });
  assert.deepEqual([stale.code, stale.next.action], ["upstream_conflict", "fetch_file_first"]);
  const other = refused(409, said("Merge conflict"));
  assert.deepEqual([other.code, other.next.action], ["upstream_conflict", "read_first"]);
});

test("every place that GitHub found invalid is named", () => {
  const errors = [
    { resource: "Issue", field: "title", code: "missing_field" },
    { resource: "Label", field: "color", code: "invalid" },
    { resource: "PullRequest", code: "custom", message: "No commits between main and topic" },
    "plain words",
    { field: "<script>", code: "odd" },
    7,
  ];
  assert.deepEqual(refused(422, said("Validation Failed", { errors })).errors, [
    { path: "/title", message: "is required" },
    { path: "/color", message: "is not valid" },
    { path: "", message: "No commits between main and topic" },
    { path: "", message: "plain words" },
    { path: "", message: "does not fit" },
  ]);
});

test("each remaining status has its refusal", () => {
  const codes: Readonly<Record<number, string>> = {
    301: "upstream_not_found",
    400: "upstream_invalid",
    401: "upstream_unauthorized",
    403: "upstream_forbidden",
    404: "upstream_not_found",
    405: "upstream_invalid",
    409: "upstream_conflict",
    410: "upstream_not_found",
    415: "upstream_invalid",
    422: "upstream_invalid",
    423: "upstream_conflict",
    451: "upstream_forbidden",
    500: "upstream_unavailable",
    502: "upstream_unavailable",
    503: "upstream_unavailable",
    504: "upstream_unavailable",
  };
  for (const [status, code] of Object.entries(codes)) assert.equal(refused(Number(status)).code, code, status);
});

test("a failure of GitHub leaves open whether a write was done, and a read undone", () => {
  const write = refused(502, { changes: true, ...said("Server Error") });
  assert.deepEqual([write.outcome, write.next.action], ["unknown", "check_outcome"]);
  const read = refused(503, { headers: { "retry-after": "30" } });
  assert.deepEqual([read.outcome, read.next.action, read.retryAfterSeconds], ["nothing", "retry_later", 30]);
});

test("GitHub's words come as one short line of plain text, without controls, turned text or tokens", () => {
  const words = `a\u202eb\u0000c\r\nd\u200b ghp_abcdefghijklmnopqrstuvwxyz0123456789 ${"x".repeat(400)}`;
  const { detail } = refused(400, said(words));
  assert.match(detail, /It says: ab c d \[credential\] x+…$/);
  assert.ok([...detail].length < 360);
  for (const status of [401, 404, 429, 500])
    assert.doesNotMatch(refused(status, said("hidden words")).detail, /hidden/);
});

test("whatever GitHub sends, the verdict is a refusal that can be shown", () => {
  const headers = fc.dictionary(
    fc.constantFrom(
      "retry-after",
      "x-ratelimit-remaining",
      "x-ratelimit-reset",
      "x-github-sso",
      "x-accepted-github-permissions",
    ),
    fc.string(),
  );
  const message = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(primary, secondary, permission));
  const body = fc.oneof(fc.jsonValue(), fc.record({ message, errors: fc.jsonValue() }));
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 599 }), headers, body, fc.boolean(), (status, given, value, changes) => {
      const verdict = classify({ status, headers: given, body: value, changes, now, web: "https://github.com" });
      if (verdict.kind === "ok") return;
      const refusal = new Refusal(verdict.code, verdict);
      assert.doesNotMatch(JSON.stringify([refusal.context.detail, refusal.context.next]), /\\u00[01]|\u202e/);
      const wait = refusal.context.retryAfterSeconds;
      assert.ok(wait === undefined || (Number.isInteger(wait) && wait >= 1 && wait <= 86_400));
    }),
  );
});

interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly response: unknown;
  readonly rawHeaders: readonly string[];
}

function recorded(): Recorded[] {
  const files = globSync("node_modules/@octokit/fixtures/scenarios/api.github.com/*/raw-fixture.json");
  return files.flatMap((file) => JSON.parse(readFileSync(file, "utf8")) as Recorded[]);
}

test("every exchange recorded from the real GitHub is classified as what it was", () => {
  const refusals = recorded().flatMap(({ method, status, response, rawHeaders }) => {
    const headers: Record<string, string> = {};
    for (let at = 0; at < rawHeaders.length; at += 2)
      headers[(rawHeaders[at] ?? "").toLowerCase()] = rawHeaders[at + 1] ?? "";
    const verdict = classify({
      status,
      headers,
      body: response,
      changes: method !== "get",
      now,
      web: "https://github.com",
    });
    return verdict.kind === "ok" ? [] : [[status, verdict.code, verdict.errors ?? []]];
  });
  assert.deepEqual(
    refusals.toSorted((one, other) => JSON.stringify(one).localeCompare(JSON.stringify(other))),
    [
      [301, "upstream_not_found", []],
      [302, "upstream_not_found", []],
      [307, "upstream_not_found", []],
      [404, "upstream_not_found", []],
      [422, "upstream_invalid", [{ path: "/color", message: "is not valid" }]],
      [422, "upstream_invalid", [{ path: "/name", message: "exists already" }]],
    ],
  );
});
