// A personal access token has no client: it is brought, lent to tools and proxy, and never claimed to be revoked.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { onEachDatabase } from "./support/databases.ts";
import { type Answer, openHouse, type TestHouse } from "./support/house.ts";
import { openRaw } from "./support/sql.ts";

onEachDatabase("github-pat", (kind) => {
  let house: TestHouse;
  before(async () => {
    house = await openHouse({ kind });
    house.fake.user({ login: "octo" });
    house.fake.repository({ owner: "octo", name: "hello", private: true });
  });
  after(async () => house.close());

  const hosts = () => ({ web: house.fake.web, api: house.fake.api });
  const make = async (more: Record<string, unknown> = {}): Promise<Answer> =>
    house.call("POST", "/v1/connections", { body: { name: "pat", preset: "github-pat", hosts: hosts(), ...more } });
  const path = "/v1/connections/pat/accounts/octo";
  const bring = async (access_token: string, more: Record<string, unknown> = {}): Promise<Answer> =>
    house.call("POST", `${path}/import`, { body: { access_token, ...more } });
  const personal = (scopes: string[] = ["repo"]): string => house.fake.personalToken({ login: "octo", scopes });

  test("a connection needs no client, and keeps none", async () => {
    for (const member of ["client_id", "client_secret"]) {
      const stray = await make({ [member]: "something" });
      assert.equal(stray.status, 422, stray.text);
      assert.deepEqual(
        stray.json.errors.map((error: { path: string }) => error.path),
        [member],
      );
    }
    const made = await make();
    assert.equal(made.status, 201, made.text);
    assert.deepEqual([made.json.client_id, made.json.has_client_secret], ["", false]);
    const patched = await house.call("PATCH", "/v1/connections/pat", { body: { client_secret: "something" } });
    assert.equal(patched.status, 422, patched.text);
    assert.equal((await house.call("PATCH", "/v1/connections/pat", { body: { scopes: ["repo"] } })).status, 200);
  });

  test("every other preset still needs its client, and both faults are told at once", async () => {
    const answer = await house.call("POST", "/v1/connections", {
      body: { name: "app", preset: "github-app", hosts: hosts() },
    });
    assert.equal(answer.status, 422, answer.text);
    assert.deepEqual(
      answer.json.errors.map((error: { path: string }) => error.path),
      ["client_id", "client_secret"],
    );
  });

  test("nobody is sent to GitHub: a link is refused with the import as the next step", async () => {
    assert.equal((await house.call("PUT", path)).status, 201);
    const answer = await house.call("POST", `${path}/link`, { body: {} });
    assert.equal(answer.status, 422, answer.text);
    assert.equal(answer.json.code, "not_supported");
    assert.equal(answer.json.next.action, "import");
    assert.match(answer.json.next.detail as string, /POST \/v1\/connections\/pat\/accounts\/octo\/import/);
  });

  test("a token is brought, its scopes are what GitHub says, and proxy, tool and GitHub's own shape use it", async () => {
    const token = personal(["repo", "read:org"]);
    const made = await bring(token, { scopes: ["admin:everything"] });
    assert.equal(made.status, 200, made.text);
    assert.equal(made.json.status, "ACTIVE");
    assert.deepEqual(made.json.scopes, ["repo", "read:org"]);
    const headers = { connection_name: "pat", identifier: "octo" };
    assert.equal((await house.call("GET", "/proxy/repos/octo/hello", { headers })).status, 200);
    assert.equal(house.fake.calls.at(-1)?.token, token);
    const body = { identifier: "octo", input: { owner: "octo", repo: "hello" } };
    const tool = await house.call("POST", "/v1/tools/github_repo_get/execute", { body });
    assert.equal(tool.status, 200, tool.text);
  });

  test("there is nothing to refresh: a refresh token is refused, and a refresh asks whether the token lives", async () => {
    const answer = await bring(personal(), { refresh_token: "ghr_something" });
    assert.equal(answer.status, 422, answer.text);
    assert.equal(answer.json.errors[0].path, "refresh_token");
    assert.equal((await house.call("POST", `${path}/refresh`)).status, 200);
  });

  test("a token that its owner deleted ends the account after two refusals, and a new one revives it", async () => {
    const token = personal();
    assert.equal((await bring(token)).status, 200);
    house.fake.revokeToken(token);
    const headers = { connection_name: "pat", identifier: "octo" };
    const call = async () => house.call("GET", "/proxy/user", { headers });
    assert.equal((await call()).status, 401);
    await call();
    const ended = await house.call("GET", path);
    assert.deepEqual([ended.json.status, ended.json.status_reason], ["EXPIRED", "token_rejected"]);
    assert.equal((await call()).headers.get("behalf-refusal"), "account_expired");
    assert.equal((await bring(personal())).json.status, "ACTIVE");
    assert.equal((await call()).status, 200);
  });

  test("a delete erases the token here and claims nothing about GitHub, where it lives on", async () => {
    const token = personal();
    const account = await bring(token);
    const calls = house.fake.calls.length;
    assert.equal((await house.call("DELETE", path)).status, 204);
    assert.equal(house.fake.calls.length, calls);
    assert.equal((await house.call("GET", path)).status, 404);
    const rows = await house.behalf.house.store.audit.after(house.project, 0, 10_000);
    const told = rows.filter(({ subject }) => subject === account.json.id).map(({ name, details }) => [name, details]);
    const done = told.find(([name]) => name === "account.revocation_done");
    assert.equal((JSON.parse(done?.[1] ?? "{}") as { supported?: boolean }).supported, false);
    assert.equal(told.at(-1)?.[0], "account.deleted");
    const raw = await openRaw(house.database);
    assert.deepEqual(await raw.rows("select id from revocations"), []);
    await raw.close();
    const alive = await fetch(`${house.fake.api}/user`, {
      headers: { authorization: `Bearer ${token}`, "user-agent": "test" },
    });
    assert.equal(alive.status, 200);
    const { json } = await house.call("GET", "/v1/presets");
    const preset = (json.items as { name: string; note: string }[]).find(({ name }) => name === "github-pat");
    assert.match(preset?.note ?? "", /delete it at GitHub/);
  });
});
