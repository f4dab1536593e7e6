// Promise 6: a link expires, and is spent by the first callback that carries a state it issued, in the browser that opened it.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { request } from "node:http";
import { after, before, test } from "node:test";
import { setTimeout as sleepFor } from "node:timers/promises";
import { compose } from "../../src/compose.ts";
import { Credential } from "../../src/crypto/credential.ts";
import { systemRandom } from "../../src/crypto/random.ts";
import { createLog } from "../../src/log.ts";
import { databaseOf } from "../../src/opening.ts";
import { onEachDatabase } from "../support/databases.ts";
import { adminToken, clientId, freePort, newKey, openHouse, plainSettings, type TestHouse } from "../support/house.ts";
import { Browser, follow, makeConnection, makeLink } from "../support/person.ts";

const minute = 60_000;
const at127 = { hosts: [], ranges: [{ address: "127.0.0.0", prefix: 8 }] };

/** Opens a link and says yes at GitHub: what the provider sends the browser back to. */
async function approved(house: TestHouse, link: string, browser: Browser, login = "octo"): Promise<string> {
  const opened = await browser.get(link);
  assert.equal(opened.status, 302, opened.text);
  return house.fake.approve(opened.location ?? "", login);
}

async function statusOf(house: TestHouse, identifier: string): Promise<string> {
  const answer = await house.call("GET", `/v1/connections/github/accounts/${identifier}`);
  return answer.json.status as string;
}

function exchanges(house: TestHouse): number {
  return house.fake.callsTo("web", "POST", /access_token/).length;
}

/** A GET with a Host header of one's own, which fetch does not allow. */
async function getAs(host: string, url: string): Promise<{ status: number; headers: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { headers: { host } }, (response) => {
      response.resume();
      resolve({ status: response.statusCode ?? 0, headers: response.headers });
    });
    asked.on("error", reject).end();
  });
}

onEachDatabase("a link is spent once", (kind) => {
  const keys = [newKey("k1")];
  let house: TestHouse;
  before(async () => {
    house = await openHouse({ kind, keys });
    house.fake.user({ login: "octo" });
    await makeConnection(house);
    house.fake.installation({ clientId: "Iv1.test", account: "octo", repositories: "all" });
  });
  after(async () => house.close());

  test("a link says that it lives ten minutes, and does", async () => {
    const answer = await house.call("PUT", "/v1/connections/github/accounts/life");
    const made = await house.call("POST", "/v1/connections/github/accounts/life/link", { body: {} });
    assert.equal(Date.parse(made.json.expires_at) - Date.parse(answer.json.created_at) < 11 * minute, true);
    assert.equal(Date.parse(made.json.expires_at) - house.fake.clock.now() > 9 * minute, true);
    house.fake.clock.advance(10 * minute - 10_000);
    assert.equal((await new Browser().get(made.json.link)).status, 302);
    house.fake.clock.advance(10_000);
    const late = await new Browser().get(made.json.link);
    assert.equal(late.status, 410);
    assert.match(late.text, /start again/);
    assert.equal((await fetch(made.json.link, { method: "HEAD" })).status, 410);
  });

  test("a state older than ten minutes connects nobody and asks GitHub nothing", async () => {
    const browser = new Browser();
    const callback = await approved(house, await makeLink(house, "slow"), browser);
    const earlier = exchanges(house);
    house.fake.clock.advance(10 * minute);
    assert.equal((await browser.get(callback)).status, 410);
    assert.equal(exchanges(house) - earlier, 0);
    assert.equal(await statusOf(house, "slow"), "PENDING");
  });

  test("the first callback spends link and state; a replay connects nobody", async () => {
    const browser = new Browser();
    const link = await makeLink(house, "replay");
    const callback = await approved(house, link, browser);
    const earlier = exchanges(house);
    assert.equal((await browser.get(callback)).status, 200);
    assert.equal(await statusOf(house, "replay"), "ACTIVE");
    const replayed = await browser.get(callback);
    assert.equal(replayed.status, 410);
    assert.match(replayed.text, /This authorization is over/);
    assert.equal((await browser.get(link)).status, 410);
    assert.equal(exchanges(house) - earlier, 1);
    assert.equal(await statusOf(house, "replay"), "ACTIVE");
  });

  test("fifty callbacks at once with one state cause one exchange", async () => {
    const browser = new Browser();
    const callback = await approved(house, await makeLink(house, "fifty"), browser);
    const earlier = exchanges(house);
    const landings = await Promise.all(Array.from({ length: 50 }, async () => browser.get(callback)));
    const statuses = landings.map(({ status }) => status).toSorted((left, right) => left - right);
    assert.deepEqual(statuses, [200, ...Array.from({ length: 49 }, () => 410)]);
    assert.equal(exchanges(house) - earlier, 1);
  });

  test("two tabs of one link cannot both finish, even at the same moment", async () => {
    const browser = new Browser();
    const link = await makeLink(house, "tabs");
    const tabs = [await approved(house, link, browser), await approved(house, link, browser)];
    const earlier = exchanges(house);
    const landings = await Promise.all(tabs.map(async (callback) => browser.get(callback)));
    assert.deepEqual(
      landings.map(({ status }) => status).toSorted((left, right) => left - right),
      [200, 410],
    );
    assert.equal(exchanges(house) - earlier, 1);
  });

  test("opening again starts a new state and leaves the older one good until one succeeds", async () => {
    const browser = new Browser();
    const link = await makeLink(house, "twice");
    const first = await browser.get(link);
    const second = await browser.get(link);
    const of = (location: string | null, name: string) => new URL(location ?? "").searchParams.get(name);
    assert.notEqual(of(first.location, "state"), of(second.location, "state"));
    assert.notEqual(of(first.location, "code_challenge"), of(second.location, "code_challenge"));
    const older = await house.fake.approve(first.location ?? "", "octo");
    const newer = await house.fake.approve(second.location ?? "", "octo");
    assert.equal((await browser.get(older)).status, 200);
    assert.equal((await browser.get(newer)).status, 410);
  });

  test("success voids every other link to the same account", async () => {
    const other = await makeLink(house, "links");
    const started = new Browser();
    const pending = await approved(house, other, started);
    assert.equal((await follow(house, await makeLink(house, "links"), "octo")).status, 200);
    assert.equal((await started.get(pending)).status, 410);
    assert.equal((await new Browser().get(other)).status, 410);
  });

  test("a mail scanner's HEAD starts nothing, and a link opens twenty times", async () => {
    const link = await makeLink(house, "scanned");
    for (let n = 0; n < 25; n += 1) {
      const head = await fetch(link, { method: "HEAD", redirect: "manual" });
      assert.equal(head.status, 200);
      assert.equal(head.headers.get("location"), null);
      assert.deepEqual(head.headers.getSetCookie(), []);
    }
    const openings = [];
    for (let n = 0; n < 20; n += 1) openings.push((await new Browser().get(link)).status);
    assert.deepEqual([...new Set(openings)], [302]);
    assert.equal((await new Browser().get(link)).status, 410);
    assert.equal((await fetch(link, { method: "HEAD" })).status, 410);
  });

  test("another browser is refused and spends nothing", async () => {
    const browser = new Browser();
    const callback = await approved(house, await makeLink(house, "stolen"), browser);
    const earlier = exchanges(house);
    const thief = new Browser();
    await thief.get(await makeLink(house, "thief"));
    for (const stranger of [thief, new Browser()]) {
      const refused = await stranger.get(callback);
      assert.equal(refused.status, 403);
      assert.match(refused.text, /another browser/);
    }
    assert.equal(exchanges(house) - earlier, 0);
    assert.equal((await browser.get(callback)).status, 200);
    assert.equal(await statusOf(house, "stolen"), "ACTIVE");
  });

  test("every authorization carries PKCE S256 and exactly our redirect URI, and the exchange proves it", async () => {
    const browser = new Browser();
    const opened = await browser.get(await makeLink(house, "pkce"));
    const asked = new URL(opened.location ?? "");
    assert.equal(asked.origin, house.fake.web);
    assert.equal(asked.searchParams.get("client_id"), clientId);
    assert.equal(asked.searchParams.get("redirect_uri"), `${house.origin}/oauth/callback`);
    assert.equal(asked.searchParams.get("code_challenge_method"), "S256");
    assert.match(asked.searchParams.get("state") ?? "", /^[A-Za-z0-9_-]{43}$/);
    const landing = await browser.get(await house.fake.approve(asked.href, "octo"));
    assert.equal(landing.status, 200);
    const sent = new URLSearchParams(house.fake.callsTo("web", "POST", /access_token/).at(-1)?.body);
    assert.equal(sent.get("redirect_uri"), `${house.origin}/oauth/callback`);
    const challenge = createHash("sha256")
      .update(sent.get("code_verifier") ?? "")
      .digest("base64url");
    assert.equal(challenge, asked.searchParams.get("code_challenge"));
  });

  test("a person who says no is told so; nothing is connected and the link is spent", async () => {
    const browser = new Browser();
    const link = await makeLink(house, "denied");
    const opened = await browser.get(link);
    const earlier = exchanges(house);
    const landing = await browser.get(await house.fake.approve(opened.location ?? "", "octo", { deny: true }));
    assert.equal(landing.status, 403);
    assert.match(landing.text, /said no\. Nothing was connected\./);
    assert.equal(exchanges(house) - earlier, 0);
    assert.equal(await statusOf(house, "denied"), "PENDING");
    assert.equal((await browser.get(link)).status, 410);
  });

  test("a callback with a state we never issued asks GitHub nothing", async () => {
    const browser = new Browser();
    const callback = new URL(await approved(house, await makeLink(house, "forged"), browser));
    const earlier = exchanges(house);
    const state = callback.searchParams.get("state") ?? "";
    for (const forged of ["", "x", state.toLowerCase(), `${state}A`, state.slice(1)]) {
      callback.searchParams.set("state", forged);
      assert.equal((await browser.get(callback.href)).status, 410);
    }
    callback.searchParams.delete("state");
    assert.equal((await browser.get(callback.href)).status, 410);
    assert.equal(exchanges(house) - earlier, 0);
    callback.searchParams.set("state", state);
    assert.equal((await browser.get(callback.href)).status, 200);
  });

  test("an answer that comes in at another provider's door is nobody's answer", async () => {
    const made = await house.call("POST", "/v1/connections", {
      body: {
        name: "other",
        preset: "generic",
        client_id: "generic-client",
        client_secret: "generic-secret-0123456789",
        verification: "none",
        hosts: { web: house.fake.web, api: house.fake.api },
        settings: {
          authorize_url: `${house.fake.web}/login/oauth/authorize`,
          token_url: `${house.fake.web}/login/oauth/access_token`,
          user_url: `${house.fake.api}/user`,
          user_id_member: "id",
        },
      },
    });
    assert.equal(made.status, 201, made.text);
    assert.equal(made.json.redirect_uri, `${house.origin}/oauth/callback/${made.json.id}`);
    house.fake.client({
      clientId: "generic-client",
      clientSecret: "generic-secret-0123456789",
      kind: "oauth-app",
      redirectUris: [made.json.redirect_uri],
    });
    await house.call("PUT", "/v1/connections/other/accounts/mix");
    const { json } = await house.call("POST", "/v1/connections/other/accounts/mix/link", { body: {} });
    const browser = new Browser();
    const own = await approved(house, json.link, browser);
    assert.equal(own.startsWith(`${house.origin}/oauth/callback/${made.json.id}?`), true);
    const shared = await approved(house, await makeLink(house, "mix"), browser);
    const earlier = exchanges(house);
    const path = `/oauth/callback/${made.json.id}`;
    assert.equal((await browser.get(own.replace(path, "/oauth/callback"))).status, 410);
    assert.equal((await browser.get(own.replace(made.json.id, "con_00000000000000000000000000000000"))).status, 410);
    assert.equal((await browser.get(shared.replace("/oauth/callback", path))).status, 410);
    assert.equal(exchanges(house) - earlier, 0);
    assert.equal((await browser.get(own)).status, 200);
    assert.equal((await browser.get(shared)).status, 200);
    const sent = new URLSearchParams(house.fake.callsTo("web", "POST", /access_token/).at(-2)?.body);
    assert.equal(sent.get("redirect_uri"), made.json.redirect_uri);
  });

  test("the browser's cookie is out of reach of scripts and other sites, and holds for every link", async () => {
    const first = await fetch(await makeLink(house, "cookie"), { redirect: "manual" });
    const [line = "", ...rest] = first.headers.getSetCookie();
    assert.deepEqual(rest, []);
    assert.match(line, /^behalf_browser=[A-Za-z0-9_-]{43}; Max-Age=7200; Path=\/; HttpOnly; SameSite=Lax$/);
    const cookie = line.split(";", 1)[0] ?? "";
    const again = await fetch(await makeLink(house, "cookie"), { redirect: "manual", headers: { cookie } });
    assert.equal(again.headers.getSetCookie()[0]?.startsWith(`${cookie};`), true);
    // A value that is not of our making is never taken over.
    const planted = { cookie: "behalf_browser=chosen-by-an-attacker" };
    const fresh = await fetch(await makeLink(house, "cookie"), { redirect: "manual", headers: planted });
    assert.match(fresh.headers.getSetCookie()[0] ?? "", /^behalf_browser=[A-Za-z0-9_-]{43};/);
  });

  test("under https the cookie is Secure and bound to the host by its name", async () => {
    const port = await freePort();
    const world = {
      now: () => house.fake.clock.now(),
      random: systemRandom,
      sleep: async (ms: number) => sleepFor(ms),
      log: createLog({ level: "error", write: () => undefined, now: () => house.fake.clock.now() }),
    };
    const config = {
      url: "https://behalf.example",
      allowUpstream: at127,
      ...plainSettings,
      keys,
      adminToken: new Credential(adminToken),
    };
    const behalf = await compose(config, databaseOf({ database: house.database.choice }), world);
    behalf.server.listen(port, "127.0.0.1");
    await once(behalf.server, "listening");
    try {
      const path = new URL(await makeLink(house, "secure")).pathname;
      const opened = await getAs("behalf.example", `http://127.0.0.1:${port}${path}`);
      assert.equal(opened.status, 302);
      assert.match(
        String(opened.headers["set-cookie"]),
        /^__Host-behalf_browser=[A-Za-z0-9_-]{43}; Max-Age=7200; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
      );
    } finally {
      behalf.server.closeAllConnections();
      behalf.server.close();
      await behalf.close();
    }
  });

  test("a person who comes by another host name is sent to ours, and nothing is started there", async () => {
    const link = await makeLink(house, "host");
    for (let n = 0; n < 25; n += 1) {
      const answer = await getAs("evil.example", link);
      assert.equal(answer.status, 308);
      assert.equal(answer.headers["location"], link);
      assert.equal(answer.headers["set-cookie"], undefined);
    }
    const browser = new Browser();
    const callback = await approved(house, link, browser);
    const moved = await getAs("evil.example:80", callback);
    assert.equal(moved.status, 308);
    assert.equal(moved.headers["location"], callback);
    assert.equal((await browser.get(callback)).status, 200);
  });
});
