// GitHub's answer is classified right (promise 22): what each of its refusals becomes for a caller of the tools.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, mock, test } from "node:test";
import type { Fault } from "../fake-github/index.ts";
import { type Acting, actAs } from "../support/child.ts";
import { type Answer, clientId, openHouse, type TestHouse } from "../support/house.ts";
import { connect, makeConnection } from "../support/person.ts";
import { says, type Told, told } from "../support/told.ts";

let house: TestHouse;
let acting: Acting;
before(async () => {
  house = await openHouse();
  acting = await actAs(house, house.fake.api);
  house.fake.repository({ owner: "octo", name: "hello", private: true, files: { "a.md": "a" } });
  house.fake.user({ login: "other" });
  house.fake.repository({ owner: "other", name: "theirs", collaborators: { octo: "read" }, files: { "a.md": "a" } });
  house.fake.repository({ owner: "octo", name: "quiet", issuesEnabled: false });
  house.fake.repository({ owner: "octo", name: "old", archived: true, files: { "a.md": "a" } });
});
after(async () => house.close());

/** Limits are remembered per account, and a call that must fail is not sent: so each case has an account of its own. */
let person = "user_1";
let people = 1;
async function freshPerson(): Promise<void> {
  people += 1;
  person = `person_${people}`;
  await connect(house, person);
  house.fake.calls.splice(0);
}
beforeEach(freshPerson);

const repo = { owner: "octo", repo: "hello" };
async function run(name: string, input: object, identifier = person): Promise<Answer> {
  return house.call("POST", `/v1/tools/${name}/execute`, { body: { connection: "github", identifier, input } });
}

const read = async (): Promise<Answer> => run("github_repo_get", repo);
const write = async (): Promise<Answer> => run("github_issue_create", { ...repo, title: "x" });

async function underFault(fault: Fault, ask: () => Promise<Answer>): Promise<Answer> {
  await freshPerson();
  return underSecondFault(fault, ask);
}

/** For the person that is there: no call comes between, which would meet what is left of the first fault. */
async function underSecondFault(fault: Fault, ask: () => Promise<Answer>): Promise<Answer> {
  house.fake.calls.splice(0);
  house.fake.fault({ origin: "api", ...fault });
  return ask();
}

describe("a limit says so, says how long, and is asked once:", () => {
  const primary = { status: 429, code: "upstream_rate_limited", action: "retry_later" };
  const secondary = { status: 429, code: "upstream_secondary_limited", action: "retry_later" };
  const spent = { "X-RateLimit-Remaining": "0" };
  const cases: readonly { readonly title: string; readonly fault: () => Fault; readonly becomes: Told }[] = [
    // The fake's clock stands still: half an hour to the reset, less the part of the second that is gone.
    {
      title: "the primary limit as 403",
      fault: () => ({ kind: "primary-limit-403" }),
      becomes: { ...primary, retry: "1800" },
    },
    {
      title: "the primary limit as 429",
      fault: () => ({ kind: "primary-limit-429" }),
      becomes: { ...primary, retry: "1800" },
    },
    {
      title: "the primary limit in other words, by its headers",
      fault: () => ({ kind: "primary-limit-403", body: says("Rate limit exceeded, sorry") }),
      becomes: { ...primary, retry: "1800" },
    },
    {
      title: "the secondary limit",
      fault: () => ({ kind: "secondary-limit" }),
      becomes: { ...secondary, retry: "60" },
    },
    {
      title: "the secondary limit as 429",
      fault: () => ({ kind: "secondary-limit", status: 429, headers: { "Retry-After": "17" } }),
      becomes: { ...secondary, retry: "17" },
    },
    {
      title: "the secondary limit that says no time",
      fault: () => ({ kind: "secondary-limit", headers: { "Retry-After": "" } }),
      becomes: { ...secondary, retry: "60" },
    },
    {
      title: "the secondary limit with a date",
      fault: () => ({
        kind: "secondary-limit",
        headers: { "Retry-After": new Date(Math.ceil(house.fake.clock.now() / 1000) * 1000 + 90_000).toUTCString() },
      }),
      becomes: { ...secondary, retry: "91" },
    },
    {
      title: "the secondary limit while the primary is spent too",
      fault: () => ({ kind: "secondary-limit", headers: { ...spent, "Retry-After": "" } }),
      becomes: { ...secondary, retry: "1800" },
    },
    {
      title: "abuse detection in its old words",
      fault: () => ({ kind: "status", status: 403, body: says("You have triggered an abuse detection mechanism.") }),
      becomes: { ...secondary, retry: "60" },
    },
    {
      title: "a bare 429",
      fault: () => ({ kind: "status", status: 429, body: "<html></html>" }),
      becomes: { ...secondary, retry: "60" },
    },
    {
      title: "nonsense in Retry-After",
      fault: () => ({ kind: "secondary-limit", headers: { "Retry-After": "-5 minutes\u00a0" } }),
      becomes: { ...secondary, retry: "60" },
    },
  ];
  for (const { title, fault, becomes } of cases) {
    test(title, async () => {
      for (const ask of [read, write]) {
        const answer = told(await underFault(fault(), ask));
        const near = Math.abs(Number(answer.retry) - Number(becomes.retry)) <= 1;
        assert.deepEqual({ ...answer, retry: null }, { ...becomes, retry: null });
        assert.ok(near, `${answer.retry} for ${becomes.retry}`);
        assert.equal(house.fake.calls.length, 1);
      }
    });
  }

  test("and at the raw door it passes as GitHub said it", async () => {
    house.fake.fault({ kind: "secondary-limit", headers: { "Retry-After": "33" } });
    const answer = await house.call("GET", "/proxy/user", { headers: acting.naming });
    assert.equal(answer.status, 403);
    assert.equal(answer.headers.get("retry-after"), "33");
    assert.equal(answer.headers.get("behalf-refusal"), null);
    assert.match(answer.json.message, /secondary rate limit/);
  });
});

describe("a permission 403 is never a limit:", () => {
  const spent = { "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1900000000" };
  const permission = [
    "Resource not accessible by integration",
    "Resource not accessible by personal access token",
    "Must have admin rights to Repository.",
    "Must have push access to repository",
    "Repository was archived so is read-only.",
    "You need write permission to do that",
    "Forbidden",
    "",
  ];
  for (const message of permission) {
    test(`"${message}", even where the headers say that nothing is left`, async () => {
      const headers = message === "" ? {} : spent;
      for (const ask of [read, write]) {
        const answer = await underFault({ kind: "status", status: 403, body: says(message), headers }, ask);
        const { code, status, retry, action } = told(answer);
        assert.deepEqual({ code, status, retry }, { code: "upstream_forbidden", status: 403, retry: null });
        assert.notEqual(action, "retry_later");
        assert.equal(house.fake.calls.length, 1);
      }
    });
  }

  test("and it names the permission that is missing", async () => {
    const headers = { "X-Accepted-GitHub-Permissions": "issues=write; pull_requests=write,contents=read", ...spent };
    const body = says("Resource not accessible by integration");
    const answer = await underFault({ kind: "status", status: 403, body, headers }, write);
    assert.match(answer.json.detail, /issues: write, or pull_requests: write and contents: read/);
    assert.equal(answer.json.next.action, "grant_permission");
  });

  test("a person who may not write is told so by what GitHub says", async () => {
    const input = { owner: "other", repo: "theirs", path: "b.md", message: "m", content: "eA==" };
    const answer = await run("github_file_create_update", input);
    assert.ok(["upstream_forbidden", "upstream_not_found"].includes(answer.json.code), answer.text);
    assert.equal(answer.headers.get("retry-after"), null);
  });

  test("an archived repository, and issues that are switched off", async () => {
    const input = { owner: "octo", repo: "old", path: "b.md", message: "m", content: "eA==" };
    assert.equal((await run("github_file_create_update", input)).json.code, "upstream_forbidden");
    const off = await run("github_issue_create", { owner: "octo", repo: "quiet", title: "x" });
    assert.equal(off.json.code, "upstream_not_found", off.text);
  });
});

describe("what GitHub says no to:", () => {
  test("not found is 404, without a word about what may be there", async () => {
    const answer = await run("github_repo_get", { owner: "octo", repo: "nothing" });
    assert.deepEqual(told(answer), { status: 404, code: "upstream_not_found", retry: null, action: "check_names" });
  });

  test("a stale sha is a conflict, a missing one invalid; both say to read first", async () => {
    const file = { ...repo, path: "a.md", message: "m", content: "eA==" };
    const stale = await run("github_file_create_update", { ...file, sha: "0".repeat(40) });
    assert.deepEqual(told(stale), { status: 409, code: "upstream_conflict", retry: null, action: "fetch_file_first" });
    const missing = await run("github_file_create_update", file);
    assert.deepEqual(told(missing), { status: 422, code: "upstream_invalid", retry: null, action: "fetch_file_first" });
  });

  test("a validation failure carries GitHub's errors, place by place", async () => {
    const errors = [
      { resource: "Issue", field: "title", code: "missing_field" },
      { resource: "Issue", field: "x/../y", code: "custom", message: "odd \u202eone" },
    ];
    const body = JSON.stringify({ message: "Validation Failed", errors });
    const answer = await underFault({ kind: "status", status: 422, body }, write);
    assert.deepEqual(told(answer), { status: 422, code: "upstream_invalid", retry: null, action: "correct_input" });
    assert.deepEqual(answer.json.errors, [
      { path: "/title", message: "is required" },
      { path: "", message: "odd one" },
    ]);
  });

  test("words of the caller in a validation failure make no limit of it", async () => {
    const errors = [{ resource: "Issue", field: "title", code: "custom", message: "API rate limit exceeded is taken" }];
    const body = JSON.stringify({ message: "Validation Failed", errors });
    const answer = await underFault({ kind: "status", status: 422, body }, write);
    assert.equal(answer.json.code, "upstream_invalid");
  });

  test("400, 406, 415 are invalid, 410 is gone, 423 is locked, 451 is withheld", async () => {
    const codes = { 400: "upstream_invalid", 406: "upstream_invalid", 415: "upstream_invalid" };
    const more = { 410: "upstream_not_found", 423: "upstream_conflict", 451: "upstream_forbidden" };
    for (const [status, code] of Object.entries({ ...codes, ...more })) {
      const answer = await underFault({ kind: "status", status: Number(status), body: says("No") }, write);
      assert.equal(answer.json.code, code, status);
      assert.equal(house.fake.calls.length, 1);
    }
  });

  test("single sign-on and an organisation's restriction are told apart, each with its page", async () => {
    house.fake.repository({ owner: "corp", name: "sso", private: true, sso: true, collaborators: { octo: "write" } });
    house.fake.repository({ owner: "firm", name: "shut", oauthAppRestricted: true, collaborators: { octo: "write" } });
    const sso = await run("github_repo_get", { owner: "corp", repo: "sso" });
    assert.deepEqual(told(sso), { status: 403, code: "sso_required", retry: null, action: "authorize_sso" });
    assert.ok(sso.json.next.url.startsWith(`${house.fake.web}/orgs/corp/sso?authorization_request=`));
    const org = await run("github_issue_create", { owner: "firm", repo: "shut", title: "x" });
    assert.deepEqual(told(org), {
      status: 403,
      code: "org_approval_required",
      retry: null,
      action: "request_org_approval",
    });
    assert.equal(org.json.next.url, `${house.fake.web}/settings/connections/applications/${clientId}`);
  });

  test("a page for single sign-on anywhere else is not shown", async () => {
    const headers = { "X-GitHub-SSO": "required; url=https://github.example.evil/orgs/corp/sso" };
    const answer = await underFault({ kind: "status", status: 403, body: says("SAML"), headers }, read);
    assert.equal(answer.json.code, "sso_required");
    assert.doesNotMatch(answer.text, /evil/);
  });

  test("GitHub's own words come as plain text, short and without tokens", async () => {
    const message = `<script>\u202ealert(1)</script>\r\n${acting.credential} ${"x".repeat(5000)}`;
    const answer = await underFault({ kind: "status", status: 403, body: says(message) }, read);
    assert.doesNotMatch(answer.text, /\u202e|\\r|gh[a-z]_/);
    assert.ok(answer.json.detail.length < 400, String(answer.json.detail.length));
  });
});

describe("what breaks on the way:", () => {
  test("5xx in any shape, with the time GitHub names; a write may have been done, a read may not", async () => {
    for (const status of [500, 502, 503, 504, 599]) {
      const headers = { "Retry-After": "9" };
      const reading = await underFault({ kind: "status", status, headers }, read);
      assert.deepEqual(told(reading), { status: 502, code: "upstream_unavailable", retry: "9", action: "retry_later" });
      const writing = await underFault({ kind: "status", status, headers }, write);
      assert.deepEqual(told(writing), {
        status: 502,
        code: "upstream_unavailable",
        retry: "9",
        action: "check_outcome",
      });
      assert.equal(house.fake.calls.length, 1);
      assert.doesNotMatch(writing.text, /Unicorn|html/);
    }
  });

  test("JSON that ends too early, by its length or by its braces, is no success", async () => {
    for (const fault of [{ kind: "truncate" }, { kind: "status", status: 200, body: '{"id": 1, "full_n' }] as const) {
      const answer = await underFault({ ...fault, times: 2 }, read);
      assert.equal(answer.json.code, "upstream_unavailable", answer.text);
      const writing = await underSecondFault(fault.kind === "truncate" ? fault : { ...fault, status: 201 }, write);
      assert.equal(writing.json.code, "upstream_unavailable", writing.text);
      assert.equal(writing.json.next.action, "check_outcome");
      assert.equal(house.fake.calls.length, 1);
      // The second of the two faults, where the read did not need it.
      await house
        .call("GET", "/proxy/x", { headers: { connection_name: "github", identifier: person } })
        .catch(() => {});
    }
  });

  for (const { title, ask, action } of [
    { title: "a read", ask: read, action: "retry" },
    { title: "a write", ask: write, action: "check_outcome" },
  ]) {
    test(`${title} that GitHub never answers is 504 after 30 seconds, and is asked once`, async () => {
      let release = (): void => {};
      house.fake.fault({ kind: "hold", release: new Promise((resolve) => (release = resolve)) });
      mock.timers.enable({ apis: ["setTimeout"] });
      try {
        const answer = ask();
        while (house.fake.calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
        mock.timers.tick(29_999);
        let isSettled = false;
        answer.finally(() => (isSettled = true)).catch(() => {});
        for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
        assert.equal(isSettled, false);
        mock.timers.tick(1);
        assert.deepEqual(told(await answer), { status: 504, code: "upstream_timeout", retry: null, action });
        assert.equal(house.fake.calls.length, 1);
      } finally {
        mock.timers.reset();
        release();
      }
    });
  }

  test("no route to GitHub is 502, and nothing was done", async () => {
    const made = await house.call("POST", "/v1/connections", {
      body: {
        name: "nowhere",
        preset: "github",
        client_id: "x",
        client_secret: "y",
        hosts: { web: house.fake.web, api: "http://127.0.0.1:9" },
      },
    });
    assert.equal(made.status, 201, made.text);
    const body = { connection: "nowhere", input: { username: "octo" } };
    const answer = await house.call("POST", "/v1/tools/github_public_repos_list/execute", { body });
    assert.deepEqual(told(answer), { status: 502, code: "upstream_unavailable", retry: null, action: "retry" });
  });
});

describe("what only we know is added:", () => {
  test("a 401 on a token that lives is upstream's, one on a dead token ends the account", async () => {
    const answer = await underFault(
      { kind: "status", status: 401, body: says("Bad credentials"), path: /^\/repos/ },
      read,
    );
    assert.equal(answer.json.code, "upstream_unauthorized", answer.text);
    assert.equal(answer.status, 424);
    assert.equal((await house.call("GET", "/v1/connections/github/accounts/user_1")).json.status, "ACTIVE");
    await connect(house, "user_2", "other");
    house.fake.revokeGrant("other", clientId);
    const dead = await run("github_user_repos_list", {}, "user_2");
    assert.equal(dead.json.code, "account_revoked", dead.text);
    assert.equal(dead.status, 409);
    assert.equal(dead.json.next.action, "reconnect");
  });

  test("scopes that the connection asks for by now are what is missing, not a permission", async () => {
    const apart = await openHouse();
    try {
      apart.fake.user({ login: "octo" });
      await makeConnection(apart, { preset: "github", more: { scopes: ["read:user"] } });
      apart.fake.repository({ owner: "octo", name: "hello", private: true });
      await connect(apart);
      const body = { identifier: "user_1", input: { ...repo, title: "x" } };
      const path = "/v1/tools/github_issue_create/execute";
      assert.equal((await apart.call("POST", path, { body })).json.code, "upstream_not_found");
      await apart.call("PATCH", "/v1/connections/github", { body: { scopes: ["read:user", "repo"] } });
      const answer = await apart.call("POST", path, { body });
      const becomes = { status: 409, code: "account_scope_missing", retry: null, action: "reconnect" };
      assert.deepEqual(told(answer), becomes);
      assert.match(answer.json.next.url, /\/accounts\/user_1\/link$/);
    } finally {
      await apart.close();
    }
  });

  test("an owner without the GitHub App is told where to install it", async () => {
    const apart = await openHouse();
    try {
      apart.fake.user({ login: "octo" });
      await makeConnection(apart, { more: { settings: { app_slug: "helper" } } });
      apart.fake.repository({ owner: "octo", name: "hello", private: true, files: { "a.md": "a" } });
      apart.fake.repository({ owner: "acme", name: "api", private: true, collaborators: { octo: "write" } });
      apart.fake.installation({ clientId, account: "octo", repositories: "all", permissions: { metadata: "read" } });
      await connect(apart);
      const ask = async (name: string, input: object): Promise<Answer> =>
        apart.call("POST", `/v1/tools/${name}/execute`, { body: { identifier: "user_1", input } });
      const hidden = await ask("github_repo_get", { owner: "acme", repo: "api" });
      assert.deepEqual(told(hidden), { status: 404, code: "upstream_not_found", retry: null, action: "install_app" });
      assert.equal(hidden.json.next.url, `${apart.fake.web}/apps/helper/installations/new`);
      const lacking = await ask("github_issue_create", { ...repo, title: "x" });
      assert.equal(lacking.json.code, "upstream_forbidden", lacking.text);
      assert.equal(lacking.json.next.action, "grant_permission");
      assert.match(lacking.json.detail, /issues: write/);
    } finally {
      await apart.close();
    }
  });
});
