// No request leaves for an address the operator did not allow (promise 13): said when a connection is made, and held when a call is.
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleepFor } from "node:timers/promises";
import { type Behalf, compose } from "../../src/compose.ts";
import { Credential } from "../../src/crypto/credential.ts";
import { systemRandom } from "../../src/crypto/random.ts";
import { createLog } from "../../src/log.ts";
import { databaseOf } from "../../src/opening.ts";
import { type AllowedUpstreams, allowedUpstreams } from "../../src/settings.ts";
import { type FakeGitHub, startFakeGitHub } from "../fake-github/index.ts";
import { until } from "../support/child.ts";
import { scratch } from "../support/databases.ts";
import {
  type Answer,
  adminToken,
  call,
  clientId,
  clientSecret,
  freePort,
  newKey,
  plainSettings,
} from "../support/house.ts";
import { Browser, issuedBy } from "../support/person.ts";

interface House {
  readonly origin: string;
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  close(): Promise<void>;
}

/** What names resolve to, now. Every name asked for is noted. */
const names = new Map<string, readonly string[]>();
const asked: string[] = [];

async function lookup(hostname: string): Promise<readonly string[]> {
  asked.push(hostname);
  return Promise.resolve(names.get(hostname) ?? []);
}

/** `allowed` as an operator writes BEHALF_ALLOW_UPSTREAM. */
async function open(allowed: string): Promise<House> {
  const parsed = allowed === "" ? { value: { hosts: [], ranges: [] } } : allowedUpstreams(allowed);
  if ("wrong" in parsed) throw new Error(`BEHALF_ALLOW_UPSTREAM=${allowed} ${parsed.wrong}`);
  const allowUpstream: AllowedUpstreams = parsed.value;
  const database = await scratch("sqlite");
  const store = databaseOf({ database: database.choice });
  await store.migrate();
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const now = (): number => Date.now();
  const log = createLog({ level: "silent", write: () => {}, now });
  const config = {
    url: origin,
    allowUpstream,
    ...plainSettings,
    keys: [newKey("k1")],
    adminToken: new Credential(adminToken),
  };
  const world = { now, random: systemRandom, sleep: async (ms: number) => sleepFor(ms), log, lookup };
  const behalf: Behalf = await compose(config, store, world);
  behalf.server.listen(port, "127.0.0.1");
  await once(behalf.server, "listening");
  const project = await call(origin, "POST", "/v1/projects", { token: adminToken, body: { name: "Test" } });
  const token = project.json.token as string;
  const house: House = {
    origin,
    call: async (method, path, body, headers = {}) =>
      call(origin, method, path, { token, headers, ...(body === undefined ? {} : { body }) }),
    async close() {
      behalf.server.closeAllConnections();
      behalf.server.close();
      await behalf.close();
      await database.drop();
    },
  };
  houses.push(house);
  return house;
}

const houses: House[] = [];
after(async () => void (await Promise.all(houses.map(async (house) => house.close()))));

let count = 0;
async function connection(house: House, hosts: { web: string; api: string }, more: object = {}): Promise<Answer> {
  count += 1;
  const client = { client_id: clientId, client_secret: clientSecret, verification: "none" };
  return house.call("POST", "/v1/connections", { name: `c${count}`, preset: "github", ...client, hosts, ...more });
}

/** An endpoint of the house's own connection, to this upstream. */
async function endpoint(house: House, upstream_url: string): Promise<Answer> {
  const made = await connection(house, { web: good, api: good });
  count += 1;
  const members = { slug: `e${count}`, name: "x", upstream_url, connection: made.json.name as string };
  return house.call("POST", "/v1/endpoints", members);
}

const good = "https://github.example";

describe("a connection, or an endpoint, is refused", () => {
  let house: House;
  before(async () => {
    house = await open("");
  });

  const hostile: Readonly<Record<string, readonly string[]>> = {
    "for this machine": ["https://127.0.0.1", "https://127.255.255.254", "https://localhost", "https://a.localhost"],
    "for this machine with a dot": ["https://localhost.", "https://LOCALHOST", "https://0.0.0.0", "https://[::]"],
    "for private networks": ["https://10.0.0.1", "https://172.16.0.1", "https://172.31.255.255", "https://192.168.1.1"],
    "for shared, benchmark and reserved ranges": ["https://100.64.0.1", "https://198.18.0.1", "https://240.0.0.1"],
    "for broadcast and multicast": ["https://255.255.255.255", "https://224.0.0.1", "https://[ff02::1]"],
    "for link-local and metadata": ["https://169.254.169.254", "https://[fe80::1]", "https://[fd00:ec2::254]"],
    "for metadata in public space": ["https://168.63.129.16", "https://100.100.100.200", "https://192.0.0.192"],
    "for numbers written otherwise": ["https://2130706433", "https://0x7f.1", "https://0177.0.0.1", "https://127.1"],
    "for numbers in other scripts": ["https://１２７.0.0.1", "https://127。0。0。1", "https://①27.0.0.1"],
    "for IPv6": ["https://[::1]", "https://[fd12::1]", "https://[fec0::1]", "https://[0:0:0:0:0:0:0:1]"],
    "for IPv4 inside IPv6": ["https://[::ffff:127.0.0.1]", "https://[::ffff:7f00:1]", "https://[::127.0.0.1]"],
    "for IPv4 behind a translator": ["https://[64:ff9b::7f00:1]", "https://[2002:7f00:1::]", "https://[64:ff9b:1::1]"],
    "for plain http": ["http://api.github.com", "http://1.1.1.1", "http://github.example:8080/api/v3"],
  };
  for (const [kind, urls] of Object.entries(hostile)) {
    test(`${kind}, and the refusal names the setting`, async () => {
      for (const url of urls) {
        const answers = [
          { path: "hosts.api", answer: await connection(house, { web: good, api: url }) },
          { path: "hosts.web", answer: await connection(house, { web: url, api: good }) },
          { path: "settings.token_url", answer: await generic(house, `${url}/token`) },
          { path: "upstream_url", answer: await endpoint(house, `${url}/base`) },
        ];
        for (const { path, answer } of answers) {
          assert.equal(answer.status, 422, `${path} ${url} ${answer.text}`);
          assert.equal(answer.json.code, "invalid_input");
          const fault = answer.json.errors.find((one: { path: string }) => one.path === path);
          assert.match(fault?.message ?? "", /BEHALF_ALLOW_UPSTREAM/, `${path} ${url}`);
        }
      }
    });
  }

  test("for what is no web address at all", async () => {
    const others = [
      "ftp://github.example",
      "file:///etc/passwd",
      "https://u:p@github.example",
      "https://u@github.example",
    ];
    for (const url of [...others, "gopher://127.0.0.1", "https://github.example#x", "https://", "//github.example"]) {
      for (const answer of [await connection(house, { web: good, api: url }), await endpoint(house, url)])
        assert.equal(answer.status, 422, `${url} ${answer.text}`);
    }
  });

  test("and stays as it was when a change would move it there", async () => {
    const made = await connection(house, { web: good, api: good });
    assert.equal(made.status, 201, made.text);
    const path = `/v1/connections/${made.json.name as string}`;
    const changed = await house.call("PATCH", path, { hosts: { web: good, api: "https://10.0.0.1" } });
    assert.equal(changed.status, 422, changed.text);
    assert.deepEqual((await house.call("GET", path)).json.hosts, { web: good, api: good });
    const route = await endpoint(house, good);
    const at = `/v1/endpoints/${route.json.slug as string}`;
    for (const upstream_url of ["https://10.0.0.1", "http://api.github.com", "https://[::ffff:7f00:1]"])
      assert.equal((await house.call("PATCH", at, { upstream_url })).status, 422, upstream_url);
    assert.equal((await house.call("GET", at)).json.upstream_url, good);
  });
});

async function generic(house: House, tokenUrl: string): Promise<Answer> {
  const settings = { authorize_url: `${good}/a`, token_url: tokenUrl, user_url: `${good}/u`, user_id_member: "id" };
  return connection(house, { web: good, api: good }, { preset: "generic", settings });
}

describe("what the operator allows is allowed, and exactly that:", () => {
  test("the setting a refusal names is accepted, and then the connection is", async () => {
    const house = await open("");
    const urls = ["https://10.0.0.1", "https://10.0.0.1:8443", "https://localhost", "http://ghe.corp", "https://[::1]"];
    for (const url of [...urls, "http://127.0.0.1:9100/api/v3", "https://[fd12::1]:8443", "http://[::1]"]) {
      const refused = await connection(house, { web: good, api: url });
      const [, setting = ""] = /BEHALF_ALLOW_UPSTREAM=(\S+)/.exec(refused.text.replaceAll('"', " ")) ?? [];
      const opened = await open(setting);
      for (const made of [await connection(opened, { web: good, api: url }), await endpoint(opened, url)])
        assert.equal(made.status, 201, `${url} with ${setting}: ${made.text}`);
    }
  });

  test("not its neighbours", async () => {
    const house = await open("127.0.0.1:9100,10.20.0.0/16,ghe.corp:8080");
    const yes = ["http://127.0.0.1:9100", "http://10.20.3.4", "https://10.20.255.255:1", "http://ghe.corp:8080"];
    const no = [
      "http://127.0.0.1:9101",
      "http://127.0.0.1",
      "http://127.0.0.2:9100",
      "http://10.21.0.1",
      "http://10.19.255.255",
    ];
    for (const url of yes) assert.equal((await connection(house, { web: good, api: url })).status, 201, url);
    for (const url of yes) assert.equal((await endpoint(house, url)).status, 201, url);
    const more = [
      "https://[::ffff:10.20.0.1]",
      "https://[::1]:9100",
      "https://localhost:9100",
      "https://ghe.corp.localhost:8080",
    ];
    for (const url of [...no, ...more]) {
      assert.equal((await connection(house, { web: good, api: url })).status, 422, url);
      assert.equal((await endpoint(house, url)).status, 422, url);
    }
  });
});

describe("a name is judged by the address it leads to, at the call:", () => {
  let trap: Server;
  let house: House;
  let caught = 0;
  let name = "";
  before(async () => {
    trap = createServer((socket) => {
      caught += 1;
      socket.destroy();
    }).listen(0, "127.0.0.1");
    await once(trap, "listening");
    house = await open("");
    const api = `https://api.corp.example:${(trap.address() as AddressInfo).port}`;
    const made = await connection(house, { web: good, api });
    name = made.json.name as string;
    assert.equal(made.status, 201, made.text);
  });
  after(() => void trap.close());

  const ask = async (): Promise<Answer> => {
    const body = { connection: name, input: { username: "octo" } };
    return house.call("POST", "/v1/tools/github_public_repos_list/execute", body);
  };

  test("private, loopback, metadata and disguised addresses are upstream_blocked, and nothing connects", async () => {
    const private4 = [
      "127.0.0.1",
      "10.1.2.3",
      "192.168.0.1",
      "169.254.169.254",
      "100.64.1.1",
      "0.0.0.0",
      "168.63.129.16",
    ];
    const private6 = ["::1", "::", "::ffff:127.0.0.1", "fe80::1", "fd00:ec2::254", "64:ff9b::7f00:1", "fe80::1%lo"];
    for (const address of [...private4, ...private6, "127.1", "not an address"]) {
      names.set("api.corp.example", [address]);
      const answer = await ask();
      assert.equal(answer.status, 403, `${address} ${answer.text}`);
      assert.equal(answer.json.code, "upstream_blocked", address);
      assert.match(answer.json.next.detail, /BEHALF_ALLOW_UPSTREAM/);
      assert.doesNotMatch(answer.text, /corp\.example/);
    }
    assert.equal(caught, 0);
  });

  test("several private addresses are no better than one, and no address is no block", async () => {
    names.set("api.corp.example", ["127.0.0.1", "::1", "10.0.0.1"]);
    assert.equal((await ask()).json.code, "upstream_blocked");
    names.set("api.corp.example", []);
    assert.equal((await ask()).json.code, "upstream_unavailable");
    assert.equal(caught, 0);
  });

  test("a host that was opened by name may not turn into the machine's own keys", async () => {
    const opened = await open("gh.test:9100");
    const made = await connection(opened, { web: good, api: "http://gh.test:9100" });
    const body = { connection: made.json.name, input: { username: "octo" } };
    for (const address of ["169.254.169.254", "fd00:ec2::254", "fe80::1", "224.0.0.1", "168.63.129.16"]) {
      names.set("gh.test", [address]);
      const answer = await opened.call("POST", "/v1/tools/github_public_repos_list/execute", body);
      assert.equal(answer.json.code, "upstream_blocked", `${address} ${answer.text}`);
    }
  });
});

describe("a name that changes its address between two calls", () => {
  let fake: FakeGitHub;
  let house: House;
  let trap: Server;
  let caught = 0;
  const naming = { connection_name: "", identifier: "user_1" };
  let gate = "";
  before(async () => {
    fake = await startFakeGitHub();
    fake.user({ login: "octo" });
    const { port } = new URL(fake.api);
    trap = createServer((socket) => {
      caught += 1;
      socket.destroy();
    }).listen(Number(port), "127.0.0.2");
    await once(trap, "listening");
    house = await open("127.0.0.1/32");
    names.set("gh.test", ["127.0.0.1"]);
    const at = (url: string): string => url.replace("127.0.0.1", "gh.test");
    fake.client({ clientId, clientSecret, kind: "oauth-app", redirectUris: [`${house.origin}/oauth/callback`] });
    const made = await connection(house, { web: at(fake.web), api: at(fake.api) });
    assert.equal(made.status, 201, made.text);
    naming.connection_name = made.json.name as string;
    const path = `/v1/connections/${naming.connection_name}/accounts/user_1`;
    await house.call("PUT", path);
    const browser = new Browser();
    const opened = await browser.get((await house.call("POST", `${path}/link`, {})).json.link as string);
    const back = await fake.approve((opened.location ?? "").replace("gh.test", "127.0.0.1"), "octo");
    const landing = await browser.get(issuedBy(new URL(opened.location ?? "").origin, back));
    assert.equal(landing.status, 200, landing.text);
    const members = { name: "x", upstream_url: at(fake.api), connection: naming.connection_name };
    const route = await house.call("POST", "/v1/endpoints", { slug: "gate", ...members, identifier: "user_1" });
    assert.equal(route.status, 201, route.text);
    gate = new URL(route.json.url as string).pathname;
  });
  after(async () => {
    trap.close();
    await fake.close();
  });
  beforeEach(() => void names.set("gh.test", ["127.0.0.1"]));

  const doors = {
    "/proxy": async (): Promise<Answer> =>
      house.call("GET", "/proxy/user", undefined, { ...naming, "user-agent": "t" }),
    "an endpoint": async (): Promise<Answer> => house.call("GET", `${gate}/user`, undefined, { "user-agent": "t" }),
  };

  test("is followed only as long as it leads to an allowed one, whichever door a call comes by", async () => {
    for (const get of Object.values(doors)) assert.equal((await get()).json.login, "octo");
    // Every open connection is held busy, so that the next call has to make one of its own.
    const busy = 4;
    let release = (): void => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    fake.fault({ kind: "hold", path: /^\/user$/, release: released, times: busy });
    const seen = fake.callsTo("api").length;
    const held = Promise.all(Array.from({ length: busy }, doors["/proxy"]));
    await until(() => fake.callsTo("api").length === seen + busy);
    names.set("gh.test", ["127.0.0.2"]);
    for (const get of Object.values(doors)) {
      const lookups = asked.length;
      const blocked = await get();
      assert.equal(blocked.status, 403, blocked.text);
      assert.equal(blocked.headers.get("behalf-refusal"), "upstream_blocked");
      assert.equal(asked.length, lookups + 1);
      assert.equal(caught, 0);
    }
    // Between a good and a bad address only the good one is taken.
    names.set("gh.test", ["127.0.0.2", "127.0.0.1"]);
    for (const get of Object.values(doors)) assert.equal((await get()).json.login, "octo");
    assert.equal(caught, 0);
    release();
    for (const { status } of await held) assert.equal(status, 200);
  });
});
