// Reconnecting and installing: a new authorization does no harm to a live account until it succeeds (design §10.3, §10.7).
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { onEachDatabase } from "../support/databases.ts";
import { type Answer, clientId, clientSecret, openHouse, type TestHouse } from "../support/house.ts";
import { Browser, follow, type Landing, makeConnection } from "../support/person.ts";

const minute = 60_000;
const hour = 60 * minute;
const verify_url = "https://app.example/verify";

interface Place {
  readonly connection: string;
  readonly identifier: string;
}

onEachDatabase("reconnecting", (kind) => {
  let house: TestHouse;
  before(async () => {
    house = await openHouse({ kind });
    for (const login of ["octo", "mallory"]) house.fake.user({ login });
    await makeConnection(house, { more: { settings: { app_slug: "helper" } } });
    const custom = { verification: "custom", verify_url_origins: ["https://app.example"] };
    const hosts = { web: house.fake.web, api: house.fake.api };
    const client = { client_id: clientId, client_secret: clientSecret };
    const body = { name: "careful", preset: "github-app", hosts, ...client, ...custom };
    assert.equal((await house.call("POST", "/v1/connections", { body })).status, 201);
    house.fake.installation({ clientId, account: "octo", repositories: "all" });
    house.fake.installation({ clientId, account: "mallory", repositories: "all" });
  });
  after(async () => house.close());

  const direct = (identifier: string): Place => ({ connection: "github", identifier });
  const careful = (identifier: string): Place => ({ connection: "careful", identifier });
  const pathOf = ({ connection, identifier }: Place) => `/v1/connections/${connection}/accounts/${identifier}`;
  const read = async (place: Place) => (await house.call("GET", pathOf(place))).json;
  const raw = async ({ connection, identifier }: Place): Promise<Answer> =>
    house.call("GET", "/proxy/user", { headers: { connection_name: connection, identifier } });
  const liveTokens = (login: string) => house.fake.liveTokens(login).map(({ access }) => access);
  const usedToken = async (place: Place): Promise<string> => {
    assert.equal((await raw(place)).status, 200);
    return house.fake.callsTo("api", "GET", /^\/user$/).at(-1)?.token ?? "";
  };
  const linkTo = async (place: Place): Promise<string> => {
    await house.call("PUT", pathOf(place));
    const body = place.connection === "careful" ? { verify_url } : {};
    const made = await house.call("POST", `${pathOf(place)}/link`, { body });
    assert.equal(made.status, 201, made.text);
    return made.json.link as string;
  };
  const walk = async (place: Place, login: string, browser = new Browser()): Promise<Landing> =>
    follow(house, await linkTo(place), login, browser);
  const confirm = async (landing: Landing, identifier: string): Promise<Answer> => {
    const auth_request_id = new URL(landing.location ?? "").searchParams.get("auth_request_id");
    return house.call("POST", "/v1/accounts/verify", { body: { auth_request_id, identifier } });
  };
  const connected = async (place: Place, login = "octo"): Promise<void> => {
    const landing = await walk(place, login);
    if (place.connection === "careful") assert.equal((await confirm(landing, place.identifier)).status, 200);
    assert.equal((await read(place)).status, "ACTIVE");
  };

  test("twenty callers who make the same account at once end with one", async () => {
    const make = async () => house.call("PUT", pathOf(direct("twenty")));
    const answers = await Promise.all(Array.from({ length: 20 }, make));
    assert.deepEqual(
      answers.map(({ status }) => status).toSorted((left, right) => left - right),
      [...Array.from({ length: 19 }, () => 200), 201],
    );
    assert.equal(new Set(answers.map(({ json }) => json.id)).size, 1);
  });

  test("a live account keeps status and credential while its person says yes again, and swaps them on success", async () => {
    const place = careful("steady");
    await connected(place);
    const old = await usedToken(place);
    const since = (await read(place)).status_changed_at;
    const landing = await walk(place, "octo");
    assert.equal((await read(place)).status, "ACTIVE");
    assert.equal(await usedToken(place), old);
    const verified = await confirm(landing, "steady");
    assert.equal(verified.json.status, "ACTIVE");
    assert.equal(verified.json.status_changed_at, since);
    const fresh = await usedToken(place);
    assert.notEqual(fresh, old);
    await house.behalf.sweep();
    assert.equal(liveTokens("octo").includes(old), false);
    assert.equal(liveTokens("octo").includes(fresh), true);
    assert.equal((await raw(place)).status, 200);
  });

  test("opening a link, saying no and coming late harm nothing", async () => {
    const place = direct("firm");
    await connected(place);
    const old = await usedToken(place);
    const browser = new Browser();
    const opened = await browser.get(await linkTo(place));
    await browser.get(await house.fake.approve(opened.location ?? "", "octo", { deny: true }));
    const late = await browser.get(await linkTo(place));
    const callback = await house.fake.approve(late.location ?? "", "octo");
    house.fake.clock.advance(11 * minute);
    assert.equal((await browser.get(callback)).status, 410);
    assert.equal((await read(place)).status, "ACTIVE");
    assert.equal(await usedToken(place), old);
  });

  test("what nobody confirms is revoked without touching the live account", async () => {
    const place = careful("patient");
    await connected(place);
    const old = await usedToken(place);
    const earlier = liveTokens("octo");
    await walk(place, "octo");
    const fresh = liveTokens("octo").filter((access) => !earlier.includes(access));
    assert.equal(fresh.length, 1);
    house.fake.clock.advance(10 * minute);
    await house.behalf.sweep();
    assert.deepEqual(
      fresh.filter((access) => liveTokens("octo").includes(access)),
      [],
    );
    assert.equal((await read(place)).status, "ACTIVE");
    assert.equal(await usedToken(place), old);
  });

  test("without verification another person cannot take the account over, and their token is revoked", async () => {
    const place = direct("mine");
    await connected(place);
    const old = await usedToken(place);
    const landing = await walk(place, "mallory");
    assert.equal(landing.status, 409);
    assert.match(landing.text, /Another person&#39;s account|Another person's account/);
    await house.behalf.sweep();
    assert.deepEqual(liveTokens("mallory"), []);
    const account = await read(place);
    assert.equal(account.provider_user.login, "octo");
    assert.equal(account.status, "ACTIVE");
    assert.equal(await usedToken(place), old);
  });

  test("not even once the account has ended: only after it was deleted", async () => {
    const place = direct("heir");
    await connected(place);
    await house.call("POST", `${pathOf(place)}/disconnect`);
    assert.equal((await walk(place, "mallory")).status, 409);
    assert.equal((await read(place)).status, "DISCONNECTED");
    assert.equal((await house.call("DELETE", pathOf(place))).status, 204);
    await connected(place, "mallory");
    assert.equal((await read(place)).provider_user.login, "mallory");
    assert.equal((await house.call("DELETE", pathOf(place))).status, 204);
  });

  test("with verification the application may confirm another person, and the token of the first is revoked", async () => {
    const place = careful("shift");
    await connected(place);
    const old = await usedToken(place);
    const landing = await walk(place, "mallory");
    assert.equal((await read(place)).provider_user.login, "octo");
    assert.equal((await confirm(landing, "shift")).status, 200);
    assert.equal((await read(place)).provider_user.login, "mallory");
    assert.equal((await raw(place)).json.login, "mallory");
    await house.behalf.sweep();
    assert.equal(liveTokens("octo").includes(old), false);
    assert.equal((await house.call("DELETE", pathOf(place))).status, 204);
  });

  test("of two authorizations that wait, the confirmed one stays and the other is withdrawn", async () => {
    const place = careful("pair");
    const first = await walk(place, "octo");
    const second = await walk(place, "octo");
    assert.equal((await read(place)).status, "VERIFYING");
    assert.equal((await confirm(second, "pair")).status, 200);
    const used = await usedToken(place);
    const count = liveTokens("octo").length;
    await house.behalf.sweep();
    assert.equal(liveTokens("octo").length, count - 1);
    assert.equal(liveTokens("octo").includes(used), true);
    assert.equal((await confirm(first, "pair")).status, 404);
    assert.equal((await raw(place)).status, 200);
  });

  for (const status of ["EXPIRED", "REVOKED", "DISCONNECTED"]) {
    test(`an account that is ${status} comes back with a new link, whole`, async () => {
      const place = direct(`back-${status}`);
      await connected(place);
      const token = await usedToken(place);
      if (status === "DISCONNECTED") await house.call("POST", `${pathOf(place)}/disconnect`);
      else house.fake.revokeToken(token);
      if (status === "EXPIRED") house.fake.clock.advance(9 * hour);
      await raw(place);
      assert.equal((await read(place)).status, status);
      await connected(place);
      const account = await read(place);
      assert.equal(account.status_reason, null);
      assert.equal(Date.parse(account.expires_at) > house.fake.clock.now() + 7 * hour, true);
      assert.equal((await raw(place)).status, 200);
      await house.behalf.sweep();
      assert.equal((await raw(place)).status, 200);
    });
  }

  test("a person whose app is installed nowhere is offered the way, and may look again in that browser only", async () => {
    house.fake.user({ login: "newcomer" });
    const place = direct("bare");
    const browser = new Browser();
    const landing = await walk(place, "newcomer", browser);
    assert.equal(landing.status, 200);
    assert.match(landing.text, new RegExp(`href="${house.fake.web}/apps/helper/installations/new"`));
    const again = house.origin + (/href="(\/connect\/installed\/[^"]+)"/.exec(landing.text)?.[1] ?? assert.fail());
    const account = await read(place);
    assert.deepEqual(account.installations, []);
    assert.equal(account.install_url, `${house.fake.web}/apps/helper/installations/new`);

    const stillNot = await browser.get(again);
    assert.equal(stillNot.status, 200);
    assert.match(stillNot.text, /One step is left/);
    house.fake.installation({ clientId, account: "newcomer", repositories: "all" });
    const stranger = new Browser();
    await stranger.get(await linkTo(direct("stranger")));
    for (const other of [stranger, new Browser()]) {
      assert.equal((await other.get(again)).status, 410);
      assert.deepEqual((await read(place)).installations, []);
    }
    house.fake.clock.advance(11_000);
    const installed = await browser.get(again);
    assert.equal(installed.status, 200);
    assert.doesNotMatch(installed.text, /One step is left/);
    assert.match(installed.text, /newcomer/);
    assert.equal((await read(place)).installations[0].account, "newcomer");
    house.fake.clock.advance(61 * minute);
    assert.equal((await browser.get(again)).status, 410);
  });

  test("a return_url waits until the app is installed", async () => {
    house.fake.user({ login: "traveller" });
    const place = direct("returner");
    const origins = { verify_url_origins: ["https://app.example"] };
    assert.equal((await house.call("PATCH", "/v1/connections/github", { body: origins })).status, 200);
    await house.call("PUT", pathOf(place));
    const ask = { body: { return_url: "https://app.example/done" } };
    const { json } = await house.call("POST", `${pathOf(place)}/link`, ask);
    const browser = new Browser();
    const landing = await follow(house, json.link, "traveller", browser);
    assert.equal(landing.status, 200);
    assert.match(landing.text, /href="https:\/\/app\.example\/done"/);
    const again = house.origin + (/href="(\/connect\/installed\/[^"]+)"/.exec(landing.text)?.[1] ?? assert.fail());
    house.fake.installation({ clientId, account: "traveller", repositories: "all" });
    house.fake.clock.advance(11_000);
    const installed = await browser.get(again);
    assert.equal(installed.status, 302);
    assert.equal(installed.location, "https://app.example/done");
  });

  test("a tool that finds nothing where the app is not installed says where to install it", async () => {
    house.fake.user({ login: "acme" });
    house.fake.repository({ owner: "acme", name: "api", private: true, files: { "README.md": "hi" } });
    house.fake.repository({ owner: "octo", name: "here", private: true, files: { "README.md": "hi" } });
    const place = direct("toolsmith");
    await connected(place);
    const get = async (owner: string, repo: string) =>
      house.call("POST", "/v1/tools/github_repo_get/execute", {
        body: { connection: "github", identifier: "toolsmith", input: { owner, repo } },
      });
    const missing = await get("acme", "api");
    assert.equal(missing.status, 404);
    assert.equal(missing.json.code, "upstream_not_found");
    assert.equal(missing.json.next.action, "install_app");
    assert.equal(missing.json.next.url, `${house.fake.web}/apps/helper/installations/new`);
    assert.equal((await get("OCTO", "here")).status, 200);
    const inside = await get("Octo", "nothing-here");
    assert.equal(inside.status, 404);
    assert.notEqual(inside.json.next.action, "install_app");
  });

  test("nothing of all this broke the audit", async () => {
    assert.deepEqual((await house.behalf.verifyAudit()).faults, []);
  });
});
