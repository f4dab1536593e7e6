// Promise 4: two projects never meet: no id, identifier, name, cache key or token of one resolves in another.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { routes } from "../../src/http/server.ts";
import { onEachDatabase } from "../support/databases.ts";
import {
  type Answer,
  type Ask,
  adminToken,
  call,
  clientId,
  clientSecret,
  openHouse,
  type TestHouse,
} from "../support/house.ts";
import { Browser, connect, makeConnection } from "../support/person.ts";
import { openRaw, type RawDatabase, type RawRow } from "../support/sql.ts";
import { type Foreign, ways } from "../support/strangers.ts";

test("every route says what it answers to the other project", () => {
  assert.deepEqual(Object.keys(ways).toSorted(), routes.map(({ method, path }) => `${method} ${path}`).toSorted());
});

onEachDatabase("two projects of one house", (kind) => {
  let house: TestHouse;
  let raw: RawDatabase;
  let other: { id: string; uuid: string; token: string };
  let theirs: TestHouse;
  let foreign: Foreign;

  const theirCall = async (method: string, path: string, ask: Ask = {}): Promise<Answer> =>
    call(house.origin, method, path, { token: other.token, ...ask });

  /** Everything that is the other project's, but for when its tokens were last used. */
  async function belongings(): Promise<Record<string, RawRow[]>> {
    // The live log comes in batches a moment after the calls.
    const kept = Object.entries(await raw.dump()).filter(([name]) => !name.startsWith("request"));
    const tables = kept.map(([name, rows]) => {
      const own = rows.filter((row) => row["project_id"] === other.id || row["chain"] === other.id);
      return [name, own.map((row) => ({ ...row, last_used_at: null, checked_at: null }))] as const;
    });
    return Object.fromEntries(tables);
  }

  async function unchanged(deed: () => Promise<void>): Promise<void> {
    const sent = house.fake.calls.length;
    const earlier = await belongings();
    await deed();
    assert.deepEqual(await belongings(), earlier);
    assert.equal(house.fake.calls.length, sent);
  }

  /** Nothing in an answer tells that the other project has such a thing. */
  function assertSilent({ text }: Answer, where: string): void {
    const ids = [other.id, other.uuid, foreign.tokenId, foreign.endpointId, foreign.requestId];
    // Our own chain tells that we, too, once made a connection of that name.
    const names = where.includes("/v1/audit") ? [] : ["only_theirs"];
    for (const word of [...ids, ...names, "only_their_slug", "their_person", "hubot"])
      assert.equal(text.includes(word), false, `${where} says ${word}: ${text}`);
  }

  before(async () => {
    house = await openHouse({ kind });
    raw = await openRaw(house.database);
    for (const login of ["octo", "hubot"]) house.fake.user({ login });
    house.fake.repository({ owner: "octo", name: "mine", private: true, files: { "a.md": "a" } });
    house.fake.repository({ owner: "hubot", name: "theirs", private: true, files: { "a.md": "a" } });
    await makeConnection(house);
    for (const login of ["octo", "hubot"]) house.fake.installation({ clientId, account: login, repositories: "all" });
    const made = await call(house.origin, "POST", "/v1/projects", { token: adminToken, body: { name: "Other" } });
    other = made.json as typeof other;
    theirs = { ...house, token: other.token, project: other.id, call: theirCall };
    const members = { preset: "github-app", client_id: clientId, client_secret: clientSecret };
    const own = { web: house.fake.web, api: house.fake.api };
    for (const [name, verification] of [
      ["github", "none"],
      ["only_theirs", "custom"],
    ]) {
      const body = { ...members, name, verification, hosts: own, verify_url_origins: ["http://127.0.0.1:9"] };
      assert.equal((await theirCall("POST", "/v1/connections", { body })).status, 201);
    }
    await connect(house, "user_1", "octo");
    await connect(theirs, "user_1", "hubot");
    await connect(theirs, "their_person", "hubot");
    const token = await theirCall("POST", "/v1/tokens", { body: { name: "t", scopes: ["tools"] } });
    const upstream_url = house.fake.api;
    for (const one of [house, theirs]) {
      const body = { slug: "same", name: "x", upstream_url, connection: "github", identifier: "user_1" };
      assert.equal((await one.call("POST", "/v1/endpoints", { body })).status, 201);
    }
    const theirEndpoint = await theirCall("POST", "/v1/endpoints", {
      body: { slug: "only_their_slug", name: "x", upstream_url, connection: "github", identifier: "user_1" },
    });
    await theirCall("GET", `/api/${other.uuid}/proxy/only_their_slug/user`);
    foreign = {
      endpointId: theirEndpoint.json.id as string,
      requestId: await theirRequest(),
      checkpoint: (await theirCall("POST", "/v1/audit/checkpoints")).json as object,
      connection: "only_theirs",
      identifier: "their_person",
      tokenId: token.json.id as string,
      authRequestId: await theirTicket(),
    };
  });
  after(async () => {
    await raw.close();
    await house.close();
  });

  /** The log is written in batches: their call is there in a moment. */
  async function theirRequest(): Promise<string> {
    for (let tries = 0; tries < 100; tries += 1) {
      const { json } = await theirCall("GET", "/v1/requests");
      if (json.items.length > 0) return json.items[0].id as string;
      await sleep(50);
    }
    throw new Error("Their call does not come into the log");
  }

  async function theirTicket(): Promise<string> {
    const path = "/v1/connections/only_theirs/accounts/their_person";
    await theirCall("PUT", path);
    const { json } = await theirCall("POST", `${path}/link`, { body: { verify_url: "http://127.0.0.1:9/" } });
    const browser = new Browser();
    const back = await house.fake.approve((await browser.get(json.link as string)).location ?? "", "hubot");
    return new URL((await browser.get(back)).location ?? "").searchParams.get("auth_request_id") ?? "";
  }

  for (const [route, way] of Object.entries(ways)) {
    const [method = ""] = route.split(" ");
    test(`${route}: a stranger is told of nothing, and changes nothing`, async () => {
      await unchanged(async () => {
        const { path, body, status } = way(foreign);
        const answer = await house.call(method, path, { body });
        if (route === "POST /v1/connections") {
          assert.equal(answer.status, 201, answer.text);
          await house.call("DELETE", "/v1/connections/only_theirs");
          return;
        }
        assert.equal(answer.status, status, answer.text);
        assertSilent(answer, route);
      });
    });

    test(`${route}: with the other project in the header a project's token finds nothing`, async () => {
      await unchanged(async () => {
        for (const named of [other.id, other.uuid]) {
          const { path, body } = way(foreign);
          const answer = await house.call(method, path, { body, headers: { "behalf-project": named } });
          assert.equal(answer.status, 404, answer.text);
          assert.equal(answer.json.code, "not_found");
        }
      });
    });
  }

  test("with the same names in both, each project meets its own person only", async () => {
    const headers = { connection_name: "github", identifier: "user_1" };
    assert.equal((await house.call("GET", "/proxy/user", { headers })).json.login, "octo");
    assert.equal((await theirCall("GET", "/proxy/user", { headers })).json.login, "hubot");
    const body = { connection: "github", identifier: "user_1", input: {} };
    const repositories = async (ask: typeof theirCall) => {
      const { json } = await ask("POST", "/v1/tools/github_user_repos_list/execute", { body });
      return (json.data as { full_name: string }[]).map(({ full_name }) => full_name);
    };
    assert.deepEqual(await repositories(house.call), ["octo/mine"]);
    assert.deepEqual(await repositories(theirCall), ["hubot/theirs"]);
  });

  test("an identifier alone finds a person of one's own project only", async () => {
    await unchanged(async () => {
      const execute = "/v1/tools/github_user_repos_list/execute";
      const answer = await house.call("POST", execute, { body: { identifier: "their_person", input: {} } });
      assert.equal(answer.status, 404, answer.text);
      const proxied = await house.call("GET", "/proxy/user", { headers: { identifier: "their_person" } });
      assert.equal(proxied.status, 404, proxied.text);
    });
  });

  test("the raw doors lead to nobody of the other project", async () => {
    await unchanged(async () => {
      for (const name of ["only_theirs", "github"]) {
        const headers = { connection_name: name, identifier: "their_person" };
        const answer = await house.call("GET", "/proxy/user", { headers });
        assert.equal(answer.status, 404, answer.text);
        assert.equal(answer.headers.get("behalf-refusal"), "not_found");
        assertSilent(answer, "/proxy");
      }
      for (const path of ["/proxy/user", "/api/v3/user", "/api/graphql"]) {
        const headers = { "behalf-project": other.id };
        assert.equal((await house.call("POST", path, { headers, body: {} })).status, 404);
      }
    });
  });

  test("an endpoint leads to its own project's account, whatever slug, id or project stands in the path", async () => {
    const through = async (ask: typeof theirCall, project: string, slug: string, more: Ask = {}): Promise<Answer> =>
      ask("GET", `/api/${project}/proxy/${slug}/user`, more);
    assert.equal((await through(house.call, house.project, "same")).json.login, "octo");
    assert.equal((await through(theirCall, other.uuid, "same")).json.login, "hubot");
    await unchanged(async () => {
      const strange = [
        [house.project, "only_their_slug"],
        [house.project, foreign.endpointId],
        [other.id, "same"],
        [other.uuid, "same"],
        [other.uuid.toUpperCase(), foreign.endpointId],
      ] as const;
      for (const [project, slug] of strange) {
        // The path names the project: a header that names ours does not make it ours.
        for (const headers of [{}, { "behalf-project": house.project }]) {
          const answer = await through(house.call, project, slug, { headers });
          assert.equal(answer.status, 404, `${project} ${slug} ${answer.text}`);
          assert.equal(answer.headers.get("behalf-refusal"), "not_found");
          assert.equal(answer.text.includes("hubot"), false);
        }
      }
    });
    const instance = { token: adminToken };
    assert.equal((await through(theirCall, house.project, "same", instance)).json.login, "octo");
    assert.equal((await through(theirCall, other.id, "same", instance)).json.login, "hubot");
  });

  test("a token bound to a person stays with that person, whatever names come with the call", async () => {
    const address = { connection: "github", identifier: "user_1" };
    const body = { name: "bound", scopes: ["proxy", "tools", "accounts"], account: address };
    const token = (await house.call("POST", "/v1/tokens", { body })).json.token as string;
    assert.equal((await house.call("GET", "/api/v3/user", { token })).json.login, "octo");
    await unchanged(async () => {
      const named = { connection_name: "only_theirs", identifier: "their_person" };
      assert.equal((await house.call("GET", "/proxy/user", { token, headers: named })).status, 404);
      const header = { "behalf-project": other.id };
      assert.equal((await house.call("GET", "/api/v3/user", { token, headers: header })).status, 404);
      const list = await house.call("GET", "/v1/accounts", { token });
      assert.deepEqual(
        list.json.items.map((item: { identifier: string }) => item.identifier),
        ["user_1"],
      );
    });
  });

  test("an idempotency key of one project replays nothing in the other", async () => {
    const ask = { body: { name: "same", scopes: ["tools"] }, headers: { "idempotency-key": "one-key" } };
    const ours = await house.call("POST", "/v1/tokens", ask);
    const made = await theirCall("POST", "/v1/tokens", ask);
    assert.equal(made.status, 201, made.text);
    assert.equal(made.headers.get("idempotency-replayed"), null);
    assert.notEqual(made.json.id, ours.json.id);
    const again = await house.call("POST", "/v1/tokens", ask);
    assert.equal(again.headers.get("idempotency-replayed"), "true");
    assert.equal(again.json.id, ours.json.id);
    // One instance token that speaks for both projects keeps them apart as well.
    const speaking = async (project: string) =>
      house.call("POST", "/v1/tokens", {
        ...ask,
        token: adminToken,
        headers: { ...ask.headers, "behalf-project": project },
      });
    const [left, right] = [await speaking(house.project), await speaking(other.id)];
    assert.notEqual(left.json.id, right.json.id);
    assert.equal(right.headers.get("idempotency-replayed"), null);
  });

  test("an instance token in one project does not reach into the other", async () => {
    await unchanged(async () => {
      const ask = { token: adminToken, headers: { "behalf-project": house.project } };
      assert.equal((await house.call("DELETE", `/v1/tokens/${foreign.tokenId}`, ask)).status, 404);
      assert.equal((await house.call("DELETE", "/v1/connections/only_theirs?accounts=revoke", ask)).status, 404);
      const list = await house.call("GET", "/v1/tokens?limit=100", ask);
      assert.equal(list.status, 200);
      assertSilent(list, "the list of tokens");
    });
  });

  test("an instance token that names no project is asked for one, and one that names none that exists finds nothing", async () => {
    const needless = ["/v1/projects", "/v1/presets", "/v1/tools", "/v1/tools/{name}"];
    for (const { method, path } of routes.filter(
      (row) => !needless.includes(row.path) && !row.path.startsWith("/v1/audit"),
    )) {
      const way = ways[`${method} ${path}`]?.(foreign);
      const ask = { token: adminToken, body: way?.body };
      const answer = await house.call(method, way?.path ?? "", ask);
      assert.equal(answer.status, 400, `${method} ${path}: ${answer.text}`);
      assert.equal(answer.json.code, "project_required");
      const nowhere = { "behalf-project": `prj_${"0".repeat(32)}` };
      assert.equal((await house.call(method, way?.path ?? "", { ...ask, headers: nowhere })).status, 404);
    }
    const proxied = await house.call("GET", "/proxy/user", { token: adminToken, headers: { identifier: "user_1" } });
    assert.equal(proxied.json.code, "project_required", proxied.text);
  });

  test("the other project's ticket is still good for the project it belongs to, and its token still works", async () => {
    const body = { auth_request_id: foreign.authRequestId, identifier: "their_person" };
    const verified = await theirCall("POST", "/v1/accounts/verify", { body });
    assert.equal(verified.json.status, "ACTIVE", verified.text);
    const list = await theirCall("GET", "/v1/tokens?limit=100");
    const row = (list.json.items as { id: string; revoked_at: string | null }[]).find(
      ({ id }) => id === foreign.tokenId,
    );
    assert.equal(row?.revoked_at, null);
  });

  test("what one project does with a person is not counted for the other", async () => {
    const body = { name: "classic", preset: "github", client_id: "Ov1.c", client_secret: clientSecret };
    const more = { verification: "none", hosts: { web: house.fake.web, api: house.fake.api } };
    house.fake.client({
      clientId: "Ov1.c",
      clientSecret,
      kind: "oauth-app",
      redirectUris: [`${house.origin}/oauth/callback`],
    });
    const walk = async (one: TestHouse, identifier: string): Promise<void> => {
      const path = `/v1/connections/classic/accounts/${identifier}`;
      await one.call("PUT", path);
      const { json } = await one.call("POST", `${path}/link`, { body: {} });
      const browser = new Browser();
      await browser.get(await house.fake.approve((await browser.get(json.link as string)).location ?? "", "octo"));
    };
    for (const one of [house, theirs]) await one.call("POST", "/v1/connections", { body: { ...body, ...more } });
    for (let n = 0; n < 8; n += 1) await walk(theirs, `many_${n}`);
    await walk(house, "single");
    const warnings = async (one: TestHouse, identifier: string) =>
      (await one.call("GET", `/v1/connections/classic/accounts/${identifier}`)).json.warnings as unknown[];
    assert.equal((await warnings(theirs, "many_0")).length, 1);
    assert.deepEqual(await warnings(house, "single"), []);
  });
});
