// An unmodified Octokit pointed at /api/v3 with a bound token works as with GitHub itself, and never meets the account's token.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { Octokit } from "octokit";
import { type Acting, actAs } from "../support/child.ts";
import { openHouse, type TestHouse } from "../support/house.ts";

let house: TestHouse;
let acting: Acting;
let octokit: Octokit;
/** Every address it asked, and what was logged. */
const asked: string[] = [];
const logged: string[] = [];

before(async () => {
  house = await openHouse();
  acting = await actAs(house, house.fake.api);
  house.fake.repository({
    owner: "octo",
    name: "hello",
    private: true,
    files: { "docs/a b.md": "text\n", "README.md": "# hello" },
    branches: { "feature/x": { "new.md": "new\n" } },
  });
  octokit = client(acting.bound);
});
after(async () => house.close());
beforeEach(() => {
  asked.splice(0);
  logged.splice(0);
  house.fake.calls.splice(0);
});

function client(auth: string): Octokit {
  const note = (message: string): void => void logged.push(message);
  return new Octokit({
    auth,
    baseUrl: `${house.origin}/api/v3`,
    log: { debug: note, info: note, warn: note, error: note },
    request: {
      fetch: async (url: string, init: RequestInit) => {
        asked.push(url);
        return fetch(url, init);
      },
    },
    // What it does about failures would hide them here; the test of its throttling has its own.
    retry: { enabled: false },
    throttle: { enabled: false },
  });
}

const repo = { owner: "octo", repo: "hello" };

interface HttpError {
  readonly name: string;
  readonly status: number;
  readonly message: string;
  readonly response?: { readonly data: Record<string, unknown>; readonly headers: Record<string, string> };
}

async function errorOf(work: Promise<unknown>): Promise<HttpError> {
  try {
    await work;
  } catch (error) {
    return error as HttpError;
  }
  throw new Error("It did not fail");
}

describe("it works:", () => {
  test("it acts as the person", async () => {
    const { data, headers } = await octokit.rest.users.getAuthenticated();
    assert.equal(data.login, "octo");
    assert.ok(headers["x-github-request-id"]);
    assert.ok(headers["x-ratelimit-remaining"]);
    assert.deepEqual(
      house.fake.calls.map(({ token, login }) => ({ token, login })),
      [{ token: acting.credential, login: "octo" }],
    );
    assert.doesNotMatch(JSON.stringify(house.fake.calls[0]?.headers), /bh_/);
  });

  test("it pages through everything without leaving our origin", async () => {
    for (let number = 0; number < 7; number += 1)
      await octokit.rest.issues.create({ ...repo, title: `issue ${number}` });
    asked.splice(0);
    const all = await octokit.paginate(octokit.rest.issues.listForRepo, { ...repo, per_page: 3 });
    assert.equal(all.length, 7);
    assert.equal(asked.length, 3);
    for (const url of asked) assert.ok(url.startsWith(`${house.origin}/api/v3/`), url);
  });

  test("it asks GraphQL beside the REST root", async () => {
    const { viewer } = await octokit.graphql<{ viewer: { login: string } }>("query { viewer { login } }");
    assert.equal(viewer.login, "octo");
    assert.deepEqual(asked, [`${house.origin}/api/graphql`]);
    const error = await errorOf(octokit.graphql("query { nothing { login } }"));
    assert.equal(error.name, "GraphqlResponseError");
  });

  test("it reads and writes files whose paths have slashes, blanks and other scripts", async () => {
    for (const path of ["docs/a b.md", "docs/ü/é#%.md", "deep/er/still/x.ts"]) {
      const branch = "feature/x";
      const content = Buffer.from(`of ${path}`).toString("base64");
      const known =
        path === "docs/a b.md" ? await octokit.rest.repos.getContent({ ...repo, path, ref: branch }) : undefined;
      const sha = known === undefined ? {} : { sha: (known.data as { sha: string }).sha };
      const put = await octokit.rest.repos.createOrUpdateFileContents({
        ...repo,
        path,
        branch,
        message: "m",
        content,
        ...sha,
      });
      assert.equal(put.status, known === undefined ? 201 : 200);
      const read = await octokit.rest.repos.getContent({ ...repo, path, ref: branch, mediaType: { format: "raw" } });
      assert.equal(read.data, `of ${path}`);
      const stale = { ...repo, path, branch, message: "m", content, sha: "0".repeat(40) };
      assert.equal((await errorOf(octokit.rest.repos.createOrUpdateFileContents(stale))).status, 409);
    }
    assert.ok(
      house.fake.calls.some(({ path }) => path.includes("docs%2Fa%20b.md")),
      "slashes arrive as they were written",
    );
  });

  test("it names refs with slashes", async () => {
    const { data } = await octokit.rest.git.getRef({ ...repo, ref: "heads/feature/x" });
    assert.equal(data.ref, "refs/heads/feature/x");
    assert.match(house.fake.calls.at(-1)?.path ?? "", /heads%2Ffeature%2Fx$/);
  });

  test("it follows a renamed repository through us, and an archive to storage without a token", async () => {
    house.fake.repository({ owner: "octo", name: "was", files: { "a.md": "a" } });
    house.fake.rename("octo", "was", "is");
    const { data } = await octokit.rest.repos.get({ owner: "octo", repo: "was" });
    assert.equal(data.full_name, "octo/is");
    const archive = await octokit.rest.repos.downloadTarballArchive({ ...repo, ref: "main" });
    assert.equal(archive.status, 200);
    assert.deepEqual(
      house.fake.callsTo("storage").map(({ tokenKind }) => tokenKind),
      ["none"],
    );
  });

  test("its conditional requests stay conditional", async () => {
    const first = await octokit.rest.repos.get(repo);
    const headers = { "if-none-match": first.headers.etag ?? "" };
    assert.equal((await errorOf(octokit.rest.repos.get({ ...repo, headers }))).status, 304);
  });

  test("its hooks, on which request logs hang, see each request with status and id, and no secret", async () => {
    const hooked = client(acting.bound);
    hooked.hook.wrap("request", async (request, options) => {
      const { method, url } = hooked.request.endpoint.parse(options);
      const note = (status: number, headers: Record<string, unknown>): void =>
        void logged.push(
          `${method} ${url.replace(options.baseUrl, "")} - ${status} with id ${String(headers["x-github-request-id"])}`,
        );
      try {
        const response = await request(options);
        note(response.status, response.headers);
        return response;
      } catch (error) {
        const { status, response } = error as HttpError;
        note(status, response?.headers ?? {});
        throw error;
      }
    });
    await hooked.rest.repos.get(repo);
    await errorOf(hooked.rest.repos.get({ owner: "octo", repo: "nothing" }));
    assert.match(logged[0] ?? "", /^GET \/repos\/octo\/hello - 200 with id \S+:\S+$/);
    assert.match(logged[1] ?? "", /^GET \/repos\/octo\/nothing - 404 with id \S+:\S+$/);
    assert.ok(!logged.join("\n").includes(acting.bound) && !logged.join("\n").includes(acting.credential));
  });
});

describe("its errors are GitHub's:", () => {
  test("not found, validation and permission with GitHub's words", async () => {
    const missing = await errorOf(octokit.rest.repos.get({ owner: "octo", repo: "nothing" }));
    assert.deepEqual([missing.name, missing.status], ["HttpError", 404]);
    assert.match(missing.message, /^Not Found - https:\/\/docs\.github\.com/);
    const invalid = await errorOf(octokit.rest.issues.create({ ...repo, title: "" }));
    assert.equal(invalid.status, 422);
    assert.match(invalid.message, /^Validation Failed/);
  });

  test("and ours are told in the same shape, with the next step in the message", async () => {
    const stranger = await errorOf(client("bh_live_wrong").rest.users.getAuthenticated());
    assert.deepEqual([stranger.name, stranger.status], ["HttpError", 401]);
    assert.match(stranger.message, /gateway token.* - http:\/\/127\.0\.0\.1:\d+\/errors#unauthenticated/i);
    assert.ok(stranger.response);
    assert.equal(stranger.response.headers["behalf-refusal"], "unauthenticated");
    assert.equal(stranger.response.data["code"], "unauthenticated");
    const read = await house.call("POST", "/v1/tokens", {
      token: house.token,
      body: {
        name: "r",
        scopes: ["proxy"],
        limits: { access: "read" },
        account: { connection: "github", identifier: "user_1" },
      },
    });
    const reader = client(read.json.token as string);
    assert.equal((await reader.rest.repos.get(repo)).status, 200);
    const writing = await errorOf(reader.rest.issues.create({ ...repo, title: "x" }));
    assert.equal(writing.status, 403);
    assert.match(writing.message, /may only read/);
    const graphql = await errorOf(reader.graphql("query { viewer { login } }"));
    assert.equal(graphql.status, 403);
  });

  test("a secondary limit reaches its throttling, which waits as long as GitHub says", async () => {
    const waits: number[] = [];
    const patient = new Octokit({
      auth: acting.bound,
      baseUrl: `${house.origin}/api/v3`,
      log: { debug() {}, info() {}, warn() {}, error() {} },
      retry: { enabled: false },
      throttle: {
        onRateLimit: () => false,
        onSecondaryRateLimit: (seconds: number) => {
          waits.push(seconds);
          return false;
        },
      },
    });
    house.fake.fault({ kind: "secondary-limit", headers: { "Retry-After": "42" } });
    assert.equal((await errorOf(patient.rest.repos.get(repo))).status, 403);
    assert.deepEqual(waits, [42]);
  });

  test("an account that was ended is 403 and says how it comes back; nothing reaches GitHub", async () => {
    await house.call("PUT", "/v1/connections/github/accounts/pending");
    const { json } = await house.call("POST", "/v1/tokens", {
      body: { name: "p", scopes: ["proxy"], account: { connection: "github", identifier: "pending" } },
    });
    house.fake.calls.splice(0);
    const error = await errorOf(client(json.token as string).rest.users.getAuthenticated());
    assert.equal(error.status, 403);
    assert.match(error.message, /has not connected yet.*authorization link/i);
    assert.equal(error.response?.data["code"], "account_pending");
    assert.deepEqual(house.fake.calls, []);
  });
});
