// PromptGate's recipe for GitHub, word for word, with callers that are no code of ours: project, connection, Connect, endpoint, token, call.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { adminToken, clientSecret, openHouse, type TestHouse } from "../support/house.ts";
import { follow } from "../support/person.ts";
import { openRaw, quoted } from "../support/sql.ts";
import {
  type AnyClient,
  type ClientAnswer,
  type ClientAsk,
  clientNames,
  missingFor,
  openClient,
} from "./any-client.ts";

const failedTitle = "Upstream OAuth connection failed";

let house: TestHouse;
before(async () => {
  house = await openHouse();
});
after(async () => house.close());

/** What a row of the failure table promises. */
interface Row {
  readonly status: number;
  readonly refusal: string;
  readonly title?: string;
}

function assertRow(answer: ClientAnswer, { status, refusal, title }: Row): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.headers.get("behalf-refusal"), refusal);
  assert.equal(answer.headers.get("content-type"), "application/problem+json");
  const { json } = answer;
  assert.equal(json.code, refusal);
  assert.equal(json.status, status);
  assert.equal(typeof json.next.action, "string");
  if (title !== undefined) assert.equal(json.title, title);
}

for (const name of clientNames) {
  const missing = missingFor(name);
  if (missing !== undefined) process.stderr.write(`!! The recipe is not played with ${name}: ${missing}\n`);
  describe(`the recipe with ${name}`, { skip: missing ?? false }, () => {
    let client: AnyClient;
    let project: { id: string; uuid: string; token: string };
    /** The token of scope `proxy`. */
    let token = "";
    const login = `octo-${name}`;
    const clientId = `Ov1.${name}`;

    const api = async (method: string, path: string, ask: ClientAsk = {}): Promise<ClientAnswer> =>
      client.send(method, house.origin + path, { token: project.token, ...ask });
    const gate = async (method: string, tail: string, ask: ClientAsk & { slug?: string } = {}): Promise<ClientAnswer> =>
      client.send(method, `${house.origin}/api/${project.uuid}/proxy/${ask.slug ?? "github"}${tail}`, {
        token,
        ...ask,
      });
    const endpoint = async (slug: string, more: object = {}): Promise<ClientAnswer> => {
      const members = { slug, name: "GitHub API", upstream_url: house.fake.api, connection: "github" };
      return api("POST", "/v1/endpoints", { body: { ...members, ...more } });
    };
    const mint = async (scopes: readonly string[], more: object = {}): Promise<{ id: string; token: string }> =>
      (await api("POST", "/v1/tokens", { body: { name: "client", scopes, ...more } })).json;
    /** Presses Connect for an account and says yes at GitHub, in a browser. */
    const press = async (connection: string, identifier: string): Promise<void> => {
      const path = `/v1/connections/${connection}/accounts/${identifier}`;
      await api("PUT", path);
      const { json } = await api("POST", `${path}/link`, { body: {} });
      const page = await follow(house, json.link as string, login);
      assert.equal(page.status, 200, page.text);
      assert.match(page.text, /connected/i);
    };
    const audited = async (): Promise<unknown[]> => {
      const raw = await openRaw(house.database);
      const rows = await raw.rows(`select name from audit_events where chain = ${quoted(project.id)} order by seq`);
      await raw.close();
      return rows.map((row) => row["name"]);
    };
    const atGitHub = (): number => house.fake.callsTo("api").length;
    const unsent = async (work: () => Promise<void>): Promise<void> => {
      const sent = atGitHub();
      await work();
      assert.equal(atGitHub(), sent);
    };
    const wired = (kind: "oauth-app" | "github-app", id: string) =>
      house.fake.client({ clientId: id, clientSecret, kind, redirectUris: [`${house.origin}/oauth/callback`] });

    before(() => {
      client = openClient(name);
      house.fake.user({ login });
      house.fake.repository({ owner: login, name: "hello", private: true, files: { "a.md": "a" } });
      wired("oauth-app", clientId);
      wired("github-app", `Iv1.${name}`);
    });
    after(async () => client.close());

    test("a project, its connection of the GitHub preset, Connect, an endpoint, a token of scope proxy", async () => {
      const made = await client.send("POST", `${house.origin}/v1/projects`, {
        token: adminToken,
        body: { name: "prod", environment: "live" },
      });
      assert.equal(made.status, 201, made.text);
      project = made.json as typeof project;
      assert.match(project.uuid, /^[0-9a-f-]{36}$/);
      const connection = await api("POST", "/v1/connections", {
        body: {
          name: "github",
          preset: "github",
          client_id: clientId,
          client_secret: clientSecret,
          scopes: ["read:user", "repo"],
          verification: "none",
          hosts: { web: house.fake.web, api: house.fake.api },
        },
      });
      assert.equal(connection.status, 201, connection.text);
      assert.equal(connection.json.redirect_uri, `${house.origin}/oauth/callback`);
      await press("github", "shared");
      const route = await endpoint("github", {
        methods: ["GET", "POST", "PATCH", "DELETE"],
        identifier: "shared",
        timeout_seconds: 30,
        rate_limit_per_minute: 60,
      });
      assert.equal(route.status, 201, route.text);
      assert.equal(route.json.url, `${house.origin}/api/${project.uuid}/proxy/github`);
      assert.deepEqual(route.json.warnings, []);
      const minted = await mint(["proxy"]);
      token = minted.token;
      assert.match(token, /^bh_live_/);
    });

    test("lists repositories and creates an issue: GitHub's own answers, with its token and without ours", async () => {
      const list = await gate("GET", "/user/repos?per_page=5");
      assert.equal(list.status, 200, list.text);
      assert.deepEqual(
        list.json.map((one: { full_name: string }) => one.full_name),
        [`${login}/hello`],
      );
      assert.equal(list.headers.get("x-ratelimit-limit"), "5000");
      assert.equal(list.headers.get("behalf-refusal"), null);
      assert.equal(list.headers.get("ratelimit"), null);
      const issue = await gate("POST", `/repos/${login}/hello/issues`, { body: { title: "Bug", body: "café" } });
      assert.equal(issue.status, 201, issue.text);
      assert.equal(issue.json.title, "Bug");
      assert.equal(
        issue.headers.get("location"),
        `${house.origin}/api/${project.uuid}/proxy/github/repos/${login}/hello/issues/1`,
      );
      const call = house.fake.callsTo("api", "POST", /issues$/).at(-1);
      assert.equal(call?.login, login);
      assert.equal(call.tokenKind, "gho");
      assert.equal(JSON.stringify(call).includes(token), false);
      assert.deepEqual(JSON.parse(call.body), { title: "Bug", body: "café" });
    });

    test("changes, deletes and asks with HEAD by the same route", async () => {
      const issue = `/repos/${login}/hello/issues/1`;
      assert.equal((await gate("PATCH", issue, { body: { state: "closed" } })).json.state, "closed");
      const head = await gate("HEAD", "/user");
      assert.equal(head.status, 200);
      assert.equal(head.text, "");
      const removed = await gate("DELETE", `/repos/${login}/hello/issues/1/labels/none`);
      assert.equal(removed.headers.get("behalf-refusal"), null, removed.text);
      assert.equal(house.fake.callsTo("api", "DELETE").at(-1)?.login, login);
    });

    test("the project is its UUID in either case, or its id", async () => {
      for (const named of [project.uuid, project.uuid.toUpperCase(), project.id]) {
        const answer = await client.send("GET", `${house.origin}/api/${named}/proxy/github/user`, { token });
        assert.equal(answer.json.login, login, `${named} ${answer.text}`);
      }
    });

    test("401: no token, a malformed one, an unknown one, a revoked one, one that has ended", async () => {
      const revoked = await mint(["proxy"]);
      assert.equal((await api("DELETE", `/v1/tokens/${revoked.id}`)).status, 204);
      const short = await mint(["proxy"], { expires_in: 60 });
      house.fake.clock.advance(61_000);
      await unsent(async () => {
        const unknown = `${token.slice(0, -6)}${token.at(-6) === "A" ? "B" : "A"}${token.slice(-5)}`;
        for (const bad of [undefined, "pg_live_0123456789", token.slice(0, -3), unknown, revoked.token]) {
          const answer = await gate("GET", "/user", { token: bad });
          assertRow(answer, { status: 401, refusal: "unauthenticated" });
          assert.match(answer.headers.get("www-authenticate") ?? "", /^Bearer/);
        }
        assertRow(await gate("GET", "/user", { token: short.token }), { status: 401, refusal: "token_expired" });
      });
    });

    test("403: a token without the scope, told what it needs and what it has", async () => {
      const narrow = await mint(["tools", "logs"]);
      await unsent(async () => {
        const answer = await gate("GET", "/user", { token: narrow.token });
        assertRow(answer, { status: 403, refusal: "scope_missing" });
        assert.match(answer.json.detail, /"proxy".*tools, logs/);
      });
    });

    test("404: an unknown slug, another project, an unknown one, a name that is none, a path that leads nowhere", async () => {
      const made = await client.send("POST", `${house.origin}/v1/projects`, {
        token: adminToken,
        body: { name: "Other" },
      });
      await unsent(async () => {
        assertRow(await gate("GET", "/user", { slug: "nothing" }), { status: 404, refusal: "not_found" });
        const others = [made.json.uuid, made.json.id, "00000000-0000-4000-8000-000000000000", "prod", "x%2e"];
        for (const other of others as string[]) {
          const url = `${house.origin}/api/${other}/proxy/github/user`;
          assertRow(await client.send("GET", url, { token }), { status: 404, refusal: "not_found" });
        }
        for (const rest of ["", "/"]) {
          const url = `${house.origin}/api/${project.uuid}/proxy${rest}`;
          assertRow(await client.send("GET", url, { token }), { status: 404, refusal: "not_found" });
        }
      });
    });

    test("405: a method that is not among the endpoint's, with Allow", async () => {
      await unsent(async () => {
        for (const method of ["PUT", "OPTIONS"]) {
          const answer = await gate(method, "/user/starred/a/b", method === "PUT" ? { body: {} } : {});
          assertRow(answer, { status: 405, refusal: "method_not_allowed" });
          assert.equal(answer.headers.get("allow"), "GET, POST, PATCH, DELETE, HEAD");
        }
      });
    });

    test("422: an upstream that may not be reached, said when the endpoint is made, in every number form", async () => {
      const v4 = [
        "10.0.0.1",
        "167772161",
        "0xa.0.0.1",
        "0x0a000001",
        "012.0.0.1",
        "10.1",
        "0300.0250.1.1",
        "169.254.169.254",
      ];
      const v6 = [
        "[::1]",
        "[::ffff:10.0.0.1]",
        "[::ffff:a00:1]",
        "[64:ff9b::a00:1]",
        "[2002:a00:1::]",
        "[fd00:ec2::254]",
      ];
      const odd = ["u:p@api.github.com", "u@api.github.com", "１０.0.0.1", "api.github.com/#x", "api.github.com/?x=1"];
      const urls = [...v4, ...v6, ...odd].map((host) => `https://${host}`);
      for (const url of [...urls, "ftp://api.github.com", "file:///etc/passwd", "api.github.com"]) {
        const answer = await endpoint("inner", { upstream_url: url });
        assert.equal(answer.status, 422, `${url} ${answer.text}`);
        assert.equal(answer.json.code, "invalid_input");
        assert.equal(answer.json.errors[0].path, "upstream_url");
      }
      assert.equal((await gate("GET", "/user", { slug: "inner" })).status, 404);
    });

    test("504: GitHub takes longer than the endpoint allows", async () => {
      assert.equal((await endpoint("hasty", { timeout_seconds: 1 })).status, 201);
      house.fake.fault({ kind: "slow-headers", path: /^\/user$/, delayMs: 4000 });
      const started = performance.now();
      const answer = await gate("GET", "/user", { slug: "hasty" });
      assertRow(answer, { status: 504, refusal: "upstream_timeout" });
      assert.ok(performance.now() - started < 3500);
    });

    test("502 of another kind: GitHub cannot be reached, and the connection is not blamed for it", async () => {
      house.fake.fault({ kind: "reset-before", path: /^\/user$/, times: 3 });
      const answer = await gate("POST", "/user", { body: {} });
      assertRow(answer, { status: 502, refusal: "upstream_unavailable" });
      assert.notEqual(answer.json.title, failedTitle);
      await gate("GET", "/user");
      await gate("GET", "/user");
    });

    test("404: a paused endpoint, until it is active again", async () => {
      await api("PATCH", "/v1/endpoints/hasty", { body: { active: false } });
      await unsent(async () => {
        assertRow(await gate("GET", "/user", { slug: "hasty" }), { status: 404, refusal: "endpoint_paused" });
      });
      await api("PATCH", "/v1/endpoints/hasty", { body: { active: true } });
      assert.equal((await gate("GET", "/user", { slug: "hasty" })).status, 200);
    });

    test("429: GitHub's passes as it is, ours carries Behalf-Refusal, and both say how long to wait", async () => {
      house.fake.fault({ kind: "primary-limit-429", path: /^\/user$/ });
      const theirs = await gate("GET", "/user");
      assert.equal(theirs.status, 429);
      assert.equal(theirs.headers.get("behalf-refusal"), null);
      assert.equal(theirs.headers.get("x-ratelimit-remaining"), "0");
      assert.match(theirs.json.message, /API rate limit exceeded/);
      await unsent(async () => {
        const known = await gate("GET", "/user");
        assertRow(known, { status: 429, refusal: "upstream_rate_limited" });
        const wait = Number(known.headers.get("retry-after"));
        assert.ok(wait > 1700 && wait <= 1801, String(wait));
      });
      house.fake.clock.advance(1_802_000);
      assert.equal((await gate("GET", "/user")).status, 200);
      assert.equal((await endpoint("slow", { rate_limit_per_minute: 2 })).status, 201);
      for (let n = 0; n < 2; n += 1) assert.equal((await gate("GET", "/user", { slug: "slow" })).status, 200);
      await unsent(async () => {
        const ours = await gate("GET", "/user", { slug: "slow" });
        assertRow(ours, { status: 429, refusal: "rate_limited" });
        const wait = Number(ours.headers.get("retry-after"));
        assert.ok(wait >= 1 && wait <= 62, String(wait));
        assert.match(ours.headers.get("ratelimit-policy") ?? "", /^"endpoint-minute";q=2;w=60$/);
        assert.match(ours.headers.get("ratelimit") ?? "", /^"endpoint-minute";r=0;t=\d+$/);
      });
    });

    test("502: nobody has connected the account, or the person is not done", async () => {
      await endpoint("lonely", { identifier: "nobody" });
      await unsent(async () => {
        const absent = await gate("GET", "/user", { slug: "lonely" });
        assertRow(absent, { status: 502, refusal: "account_pending", title: failedTitle });
        await api("PUT", "/v1/connections/github/accounts/nobody");
        const pending = await gate("GET", "/user", { slug: "lonely" });
        assertRow(pending, { status: 502, refusal: "account_pending", title: failedTitle });
        assert.match(pending.json.next.url, /\/accounts\/nobody\/link$/);
      });
      assert.equal((await audited()).includes("account.activated"), true);
    });

    describe("with tokens that end", () => {
      const app = `Iv1.${name}`;
      const hours = 3_600_000;
      const user = async (): Promise<ClientAnswer> => gate("GET", "/user", { slug: "app" });

      test("one within a minute of its end is refreshed first, and the caller notices nothing", async () => {
        const members = { client_id: app, client_secret: clientSecret, verification: "none" };
        const hosts = { web: house.fake.web, api: house.fake.api };
        await api("POST", "/v1/connections", { body: { name: "app", preset: "github-app", ...members, hosts } });
        await press("app", "shared");
        await endpoint("app", { connection: "app" });
        house.fake.clock.advance(8 * hours - 30_000);
        const refreshes = house.fake.callsTo("web", "POST", /access_token/).length;
        assert.equal((await user()).json.login, login);
        assert.equal(house.fake.callsTo("web", "POST", /access_token/).length, refreshes + 1);
        assert.equal((await audited()).at(-1), "account.refreshed");
      });

      test("502: the client's secret was changed at GitHub, and put right again nothing is lost", async () => {
        await api("PATCH", "/v1/connections/app", { body: { client_secret: "what-it-was-before-0123" } });
        house.fake.clock.advance(9 * hours);
        const answer = await user();
        assertRow(answer, { status: 502, refusal: "connection_misconfigured", title: failedTitle });
        assert.equal((await audited()).includes("account.refresh_failed"), true);
        await api("PATCH", "/v1/connections/app", { body: { client_secret: clientSecret } });
        // The provider is not asked again at once.
        house.fake.clock.advance(120_000);
        const cured = await user();
        assert.equal(cured.json.login, login, cured.text);
      });

      test("502: GitHub revoked the grant, so that the refresh fails; the audit says so", async () => {
        house.fake.revokeGrant(login, app);
        house.fake.clock.advance(9 * hours);
        assertRow(await user(), { status: 502, refusal: "account_expired", title: failedTitle });
        const events = await audited();
        assert.equal(events.at(-1), "account.expired");
        await unsent(async () => {
          assertRow(await user(), { status: 502, refusal: "account_expired", title: failedTitle });
        });
      });
    });

    test("502: GitHub revoked the grant of a token that never ends: its 401 passes once, then ours", async () => {
      house.fake.revokeGrant(login, clientId);
      const told = await gate("GET", "/user");
      assert.equal(told.status, 401);
      assert.equal(told.headers.get("behalf-refusal"), null);
      assert.match(told.json.message, /Bad credentials/);
      await unsent(async () => {
        const answer = await gate("GET", "/user");
        assertRow(answer, { status: 502, refusal: "account_revoked", title: failedTitle });
        assert.equal(answer.json.next.action, "reconnect");
      });
      assert.equal((await audited()).at(-1), "account.revoked");
      await press("github", "shared");
      assert.equal((await gate("GET", "/user")).json.login, login);
    });

    test("502: disconnected here", async () => {
      const account = "/v1/connections/github/accounts/shared";
      assert.equal((await api("POST", `${account}/disconnect`)).status, 200);
      await unsent(async () => {
        assertRow(await gate("GET", "/user"), { status: 502, refusal: "account_disconnected", title: failedTitle });
      });
    });
  });
}
