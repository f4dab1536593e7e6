// Everything at once, on few accounts: nobody waits for ever, and no token is left behind. On PostgreSQL by two replicas; two
// houses on one SQLite file in one thread would block each other, which two processes do not.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { onEachDatabase } from "../support/databases.ts";
import { type Answer, type Ask, call, clientId, clientSecret, openHouse, type TestHouse } from "../support/house.ts";
import { Browser } from "../support/person.ts";

const forMs = 5_000;
const workers = 12;
const accounts = [
  { connection: "github", identifier: "a" },
  { connection: "github", identifier: "b" },
  { connection: "careful", identifier: "c" },
  { connection: "careful", identifier: "d" },
] as const;
const people = ["octo", "mallory"];
const verifyUrl = "https://app.example/verify";

function oneOf<Item>(items: readonly Item[]): Item {
  const item = items[Math.floor(Math.random() * items.length)];
  assert.ok(item !== undefined);
  return item;
}

onEachDatabase("many things at once", (kind) => {
  let house: TestHouse;
  let houses: readonly { readonly origin: string }[] = [];
  const userIds: string[] = [];
  const faults: string[] = [];
  let connected = 0;

  const ask = async (method: string, path: string, more: Ask = {}): Promise<Answer> => {
    const answer = await call(oneOf(houses).origin, method, path, { token: house.token, ...more });
    if (answer.status >= 500 && !answer.text.includes("upstream_")) faults.push(`${method} ${path}: ${answer.text}`);
    return answer;
  };
  const pathOf = ({ connection, identifier }: (typeof accounts)[number]): string =>
    `/v1/connections/${connection}/accounts/${identifier}`;

  before(async () => {
    house = await openHouse({ kind });
    houses = kind === "postgres" ? [house, await house.replica()] : [house];
    for (const login of people) userIds.push(String(house.fake.user({ login }).id));
    const redirectUris = houses.map(({ origin }) => `${origin}/oauth/callback`);
    house.fake.client({ clientId, clientSecret, kind: "github-app", redirectUris });
    for (const [name, verification] of [
      ["github", "none"],
      ["careful", "custom"],
    ] as const) {
      const hosts = { web: house.fake.web, api: house.fake.api };
      const client = { client_id: clientId, client_secret: clientSecret, verify_url_origins: ["https://app.example"] };
      await ask("POST", "/v1/connections", { body: { name, preset: "github-app", verification, hosts, ...client } });
    }
  });
  after(async () => house.close());

  const connect = async (): Promise<void> => {
    const account = oneOf(accounts);
    await ask("PUT", pathOf(account));
    const body = account.connection === "careful" ? { verify_url: verifyUrl } : {};
    const link = await ask("POST", `${pathOf(account)}/link`, { body });
    if (link.status !== 201) return;
    const browser = new Browser();
    const opened = await browser.get(link.json.link);
    if (opened.location === null) return;
    const landed = await browser.get(await house.fake.approve(opened.location, oneOf(["octo", "octo", "mallory"])));
    if (landed.status >= 500 && !landed.text.includes("upstream_")) faults.push(landed.text);
    if (landed.status === 200) connected += 1;
    const id = landed.location === null ? null : new URL(landed.location).searchParams.get("auth_request_id");
    // Some people are never confirmed.
    if (id === null || Math.random() < 0.3) return;
    await ask("POST", "/v1/accounts/verify", { body: { auth_request_id: id, identifier: account.identifier } });
  };
  const family = async (): Promise<void> => {
    const parent = await ask("POST", "/v1/tokens", { body: { name: "p", scopes: ["proxy", "tokens"] } });
    const child = { token: parent.json.token as string, body: { name: "c", scopes: ["proxy"] } };
    await Promise.all([ask("POST", "/v1/tokens", child), ask("DELETE", `/v1/tokens/${parent.json.id as string}`)]);
  };
  const acts: readonly (() => Promise<unknown>)[] = [
    connect,
    connect,
    connect,
    family,
    async () => ask("DELETE", pathOf(oneOf(accounts))),
    async () => ask("POST", `${pathOf(oneOf(accounts))}/disconnect`),
    async () => ask("POST", `${pathOf(oneOf(accounts))}/refresh`),
    async () => {
      const { connection, identifier } = oneOf(accounts);
      return ask("GET", "/proxy/user", { headers: { connection_name: connection, identifier } });
    },
    async () => house.behalf.sweep(),
    async () => Promise.resolve(house.fake.clock.advance(Math.random() < 0.2 ? oneOf([5, 11, 470]) * 60_000 : 0)),
  ];

  test("nobody meets an error of ours, no two changes wait for each other, and the audit is whole", async () => {
    const end = Date.now() + forMs;
    const worker = async (): Promise<void> => {
      while (Date.now() < end) await oneOf(acts)();
    };
    await Promise.all(Array.from({ length: workers }, worker));
    assert.ok(connected > 0, "nobody connected, so nothing was proven");
    assert.deepEqual(faults, []);
    const deadlocks = house.lines.filter((line) => /40P01|deadlock|SQLITE_BUSY|database is locked/.test(line));
    assert.deepEqual(deadlocks, []);
    assert.deepEqual((await house.behalf.verifyAudit()).faults, []);
  });

  test("when it is quiet again, every token that lives at GitHub belongs to an account", async () => {
    for (let round = 0; round < 6; round += 1) {
      house.fake.clock.advance(11 * 60_000);
      await house.behalf.sweep();
    }
    const { store, vault } = house.behalf.house;
    const owned = new Set<string>();
    for (const id of userIds) {
      for (const row of await store.accounts.ofPerson(id)) owned.add(vault.openAccount(row)?.access.reveal() ?? "");
    }
    const living = people.flatMap((login) => house.fake.liveTokens(login).map(({ access }) => access));
    assert.deepEqual(
      living.filter((access) => !owned.has(access)).map((access) => access.slice(0, 8)),
      [],
    );
    assert.deepEqual(await store.revocations.due(Number.MAX_SAFE_INTEGER, 10), []);
  });
});
