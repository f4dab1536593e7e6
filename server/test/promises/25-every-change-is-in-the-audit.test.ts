// Promise 25: every change is an audit event in the transaction of the change, hash-chained; a verification finds any edit.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { auditNames } from "../../src/rules/audit.ts";
import { putBack, rotationNames } from "../support/audit.ts";
import { type DatabaseKind, onEachDatabase } from "../support/databases.ts";
import { adminToken, call, clientId, newKey, openHouse, type TestHouse } from "../support/house.ts";
import { Browser, connect, follow, makeConnection, makeLink } from "../support/person.ts";
import { runCommand, serveCommand } from "../support/processes.ts";
import { openRaw, type RawDatabase, type RawRow } from "../support/sql.ts";

const accounts = "/v1/connections/github/accounts";
const key = newKey("k1");

async function opened(kind: DatabaseKind): Promise<{ house: TestHouse; raw: RawDatabase }> {
  const house = await openHouse({ kind, keys: [key] });
  const raw = await openRaw(house.database);
  for (const login of ["octo", "hubot"]) house.fake.user({ login });
  await makeConnection(house);
  return { house, raw };
}

function environment(house: TestHouse): Record<string, string> {
  return {
    BEHALF_DATABASE_URL: house.database.url,
    BEHALF_KEYS: `${key.id}:${key.key.reveal()}`,
    BEHALF_ADMIN_TOKEN: adminToken,
    BEHALF_ALLOW_UPSTREAM: "127.0.0.0/8",
    BEHALF_LOG_LEVEL: "silent",
  };
}

onEachDatabase("every change that can be made", (kind) => {
  let house: TestHouse;
  let raw: RawDatabase;
  before(async () => ({ house, raw } = await opened(kind)));
  after(async () => {
    await raw.close();
    await house.close();
  });

  /** The names that were recorded while something was done, in their order. */
  async function recorded(deed: () => Promise<unknown>): Promise<string[]> {
    const earlier = new Set((await raw.rows("select id from audit_events")).map((row) => row["id"]));
    await deed();
    const rows = await raw.rows("select id, name from audit_events order by chain, seq");
    return rows.filter((row) => !earlier.has(row["id"] ?? "")).map((row) => String(row["name"]));
  }

  async function ok(status: number, where: string, body?: unknown, token = house.token) {
    const [method = "", path = ""] = where.split(" ");
    const answer = await house.call(method, path, { token, ...(body === undefined ? {} : { body }) });
    assert.equal(answer.status, status, `${where}: ${answer.text}`);
    return answer.json as Record<string, string>;
  }

  const refreshFault = (body: unknown, status = 200) =>
    house.fake.fault({ origin: "web", path: /access_token/, kind: "status", status, body: JSON.stringify(body) });

  test("is recorded under its name, once, and together they are all the names there are", async () => {
    const seen = new Set<string>(["key.added", "connection.created"]);
    const first = await raw.rows("select name, chain from audit_events");
    for (const name of seen)
      assert.ok(
        first.some((row) => row["name"] === name),
        `${name} was not recorded`,
      );
    const expect = async (names: string[], deed: () => Promise<unknown>): Promise<void> => {
      assert.deepEqual(await recorded(deed), names);
      for (const name of names) seen.add(name);
    };
    await expect(["project.created", "project.created", "token.created"], async () =>
      ok(201, "POST /v1/projects", { name: "P" }, adminToken),
    );
    await expect(["connection.changed"], async () => ok(200, "PATCH /v1/connections/github", { scopes: ["repo"] }));
    const parent = await ok(201, "POST /v1/tokens", { name: "parent", scopes: ["tokens", "tools"] });
    await expect(["token.created"], async () =>
      ok(201, "POST /v1/tokens", { name: "child", scopes: ["tools"] }, parent["token"]),
    );
    await expect(["token.revoked", "token.revoked"], async () => ok(204, `DELETE /v1/tokens/${parent["id"]}`));
    await expect([], async () => ok(204, `DELETE /v1/tokens/${parent["id"]}`));
    await expect(["account.created"], async () => ok(201, `PUT ${accounts}/user_1`));
    await expect([], async () => ok(200, `PUT ${accounts}/user_1`));
    await expect(["account.activated"], async () => connect(house));
    await expect(["account.link_failed", "account.revocation_done"], async () => {
      await follow(house, await makeLink(house, "user_1"), "hubot");
      await house.behalf.sweep();
    });
    const endpoint = { slug: "api", name: "API", upstream_url: house.fake.api, connection: "github" };
    await expect(["endpoint.created"], async () => ok(201, "POST /v1/endpoints", endpoint));
    await expect(["endpoint.changed"], async () => ok(200, "PATCH /v1/endpoints/api", { active: false }));
    await expect(["endpoint.deleted"], async () => ok(204, "DELETE /v1/endpoints/api"));
    await expect(["account.refreshed"], async () => ok(200, `POST ${accounts}/user_1/refresh`));
    await expect(["account.refresh_failed"], async () => {
      refreshFault({}, 500);
      await ok(502, `POST ${accounts}/user_1/refresh`);
    });
    await expect(["account.refresh_failed", "account.expired"], async () => {
      house.fake.revokeGrant("octo", clientId);
      await ok(409, `POST ${accounts}/user_1/refresh`);
    });
    await expect(["account.activated", "account.revocation_done"], async () => {
      await connect(house);
      await house.behalf.sweep();
    });
    await expect(["account.revoked"], async () => {
      house.fake.revokeGrant("octo", clientId);
      await house.call("GET", "/proxy/user", { headers: { connection_name: "github", identifier: "user_1" } });
    });
    await expect(["account.activated"], async () => connect(house));
    const bound = { name: "b", scopes: ["tools"], account: { connection: "github", identifier: "user_1" } };
    await expect(["token.created"], async () => ok(201, "POST /v1/tokens", bound));
    await expect(["account.disconnected", "account.revocation_done"], async () =>
      ok(200, `POST ${accounts}/user_1/disconnect`),
    );
    await expect(["account.activated"], async () => connect(house));
    await expect(["account.disconnected", "token.revoked", "account.revocation_done", "account.deleted"], async () =>
      ok(204, `DELETE ${accounts}/user_1`),
    );
    await expect(["account.created", "account.activated", "account.disconnected"], async () => {
      await connect(house, "user_2");
      house.fake.fault({ origin: "api", method: "DELETE", kind: "status", status: 500 });
      await ok(202, `DELETE ${accounts}/user_2`);
    });
    await expect(["account.revocation_failed", "account.deleted"], async () => {
      house.fake.clock.advance(8 * 24 * 3_600_000);
      refreshFault({}, 500);
      await house.behalf.sweep();
    });
    await expect(["connection.changed", "account.created", "account.linked", "account.activated"], async () => {
      await ok(200, "PATCH /v1/connections/github", {
        verification: "custom",
        verify_url_origins: ["http://127.0.0.1:9"],
      });
      const link = await makeLink(house, "user_3", { verify_url: "http://127.0.0.1:9/" });
      const landing = await follow(house, link, "hubot");
      const auth_request_id = new URL(landing.location ?? "").searchParams.get("auth_request_id");
      await ok(200, "POST /v1/accounts/verify", { auth_request_id, identifier: "user_3" });
    });
    const access_token = house.fake.liveTokens("hubot").at(-1)?.access;
    await expect(["account.imported"], async () => ok(200, `POST ${accounts}/user_3/import`, { access_token }));
    const last = ["account.disconnected", "account.revocation_done", "account.deleted", "connection.deleted"];
    await expect(last, async () => ok(204, "DELETE /v1/connections/github?accounts=revoke"));
    const rotated = await rotationNames(kind);
    assert.deepEqual(rotated, ["key.added", "key.added", "key.rotated"]);
    for (const name of rotated) seen.add(name);
    assert.deepEqual([...seen].toSorted(), Object.keys(auditNames).toSorted());
  });

  test("says who did it and to what, and holds no more than that", async () => {
    const rows = await raw.rows("select name, actor, subject, details from audit_events order by chain, seq");
    const of = (name: string) =>
      rows.filter((row) => row["name"] === name).map((row) => JSON.parse(String(row["actor"])));
    assert.deepEqual(of("project.created")[0], { kind: "token", id: "environment", name: "BEHALF_ADMIN_TOKEN" });
    assert.equal(of("connection.changed")[0].name, "first token");
    assert.equal(of("account.linked")[0].kind, "person");
    assert.deepEqual(of("account.refreshed")[0], { kind: "system", task: "refresh" });
    assert.deepEqual(of("account.revoked")[0], { kind: "system", task: "check" });
    for (const row of rows) assert.match(String(row["subject"]), /^([a-z]{3}_[0-9a-f]{32}|k1)$/);
  });

  test("leaves a chain that is whole", async () => {
    assert.deepEqual((await house.behalf.verifyAudit()).faults, []);
  });
});

onEachDatabase("a change and its event are one", (kind) => {
  let house: TestHouse;
  let raw: RawDatabase;
  before(async () => ({ house, raw } = await opened(kind)));
  after(async () => {
    await raw.close();
    await house.close();
  });

  /** While this lasts the audit takes no event: whatever wants one has to fail as a whole. */
  async function withoutAudit(deed: () => Promise<void>): Promise<void> {
    const [close, open] =
      kind === "sqlite"
        ? [
            "create trigger no_audit before insert on audit_events begin select raise(abort, 'no audit'); end",
            "drop trigger no_audit",
          ]
        : [
            "alter table audit_events add constraint no_audit check (seq < 0) not valid",
            "alter table audit_events drop constraint no_audit",
          ];
    await raw.run(close);
    try {
      await deed();
    } finally {
      await raw.run(open);
    }
  }

  async function state(): Promise<Record<string, RawRow[]>> {
    const { projects = [], tokens = [], connections = [], accounts: all = [], ...rest } = await raw.dump();
    const still = (rows: RawRow[]) =>
      rows.map((row) => ({ ...row, last_used_at: 0, lease_holder: 0, lease_until: 0, checked_at: 0 }));
    const { revocations = [], audit_events = [], audit_heads = [] } = rest;
    return {
      projects,
      tokens: still(tokens),
      connections,
      accounts: still(all),
      revocations,
      audit_events,
      audit_heads,
    };
  }

  test("what cannot be recorded is not done, whatever it is", async () => {
    await connect(house, "user_1", "octo");
    const token = await house.call("POST", "/v1/tokens", { body: { name: "t", scopes: ["tools"] } });
    await house.call("POST", "/v1/connections", {
      body: { name: "spare", preset: "github", client_id: "x", client_secret: "y" },
    });
    const browser = new Browser();
    const opening = await browser.get(await makeLink(house, "user_2"));
    const back = await house.fake.approve(opening.location ?? "", "octo");
    const earlier = await state();
    await withoutAudit(async () => {
      for (const [method, path, body] of [
        ["POST", "/v1/projects", { name: "P" }],
        ["POST", "/v1/tokens", { name: "t2", scopes: ["tools"] }],
        ["DELETE", `/v1/tokens/${token.json.id}`],
        ["POST", "/v1/connections", { name: "new", preset: "github", client_id: "x", client_secret: "y" }],
        ["PATCH", "/v1/connections/github", { scopes: ["repo"] }],
        ["DELETE", "/v1/connections/spare"],
        ["PUT", `${accounts}/user_9`],
        ["DELETE", `${accounts}/user_1`],
        ["POST", `${accounts}/user_1/disconnect`],
      ] as const) {
        const ask = path === "/v1/projects" ? { token: adminToken } : {};
        const answer = await house.call(method, path, body === undefined ? ask : { ...ask, body });
        assert.equal(answer.status, 500, `${method} ${path}: ${answer.text}`);
      }
      assert.equal((await browser.get(back)).status, 500);
      house.fake.fault({ origin: "web", path: /access_token/, kind: "status", status: 500, body: "{}" });
      assert.equal((await house.call("POST", `${accounts}/user_1/refresh`)).status, 500);
    });
    assert.deepEqual(await state(), earlier);
  });

  test("twenty changes at once, through two processes, make one straight chain", async () => {
    const two = await Promise.all([1, 2].map(async () => serveCommand(environment(house), house.database.folder)));
    try {
      const made = Array.from({ length: 20 }, async (_, at) =>
        call(two[at % 2]?.origin ?? "", "POST", "/v1/tokens", {
          token: house.token,
          body: { name: `parallel ${at}`, scopes: ["tools"] },
        }),
      );
      const statuses = (await Promise.all(made)).map(({ status }) => status);
      assert.deepEqual(
        statuses,
        Array.from({ length: 20 }, () => 201),
      );
    } finally {
      for (const one of two) await one.stop();
    }
    assert.deepEqual((await house.behalf.verifyAudit()).faults, []);
    const rows = await raw.rows(
      `select seq, hash, prev from audit_events where chain = '${house.project}' order by seq`,
    );
    assert.deepEqual(
      rows.map((row) => row["seq"]),
      rows.map((_, at) => at + 1),
    );
    assert.deepEqual(
      rows.slice(1).map((row) => row["prev"]),
      rows.slice(0, -1).map((row) => row["hash"]),
    );
  });
});

onEachDatabase("a verification finds what was done to the audit behind our back", (kind) => {
  let house: TestHouse;
  let raw: RawDatabase;
  let kept: Record<string, RawRow[]>;
  let project: string;
  before(async () => {
    ({ house, raw } = await opened(kind));
    for (let n = 0; n < 4; n += 1) await house.call("PUT", `${accounts}/user_${n}`);
    await call(house.origin, "POST", "/v1/projects", { token: adminToken, body: { name: "Second" } });
    kept = await raw.dump();
    project = house.project;
  });
  after(async () => {
    await raw.close();
    await house.close();
  });

  const restore = async (): Promise<void> => putBack(raw, ["audit_events", "audit_heads"], kept);

  /** Does it, verifies, and puts everything back. */
  async function faultsAfter(sql: readonly string[]): Promise<string[]> {
    for (const statement of sql) await raw.run(statement);
    const { faults } = await house.behalf.verifyAudit();
    await restore();
    assert.deepEqual((await house.behalf.verifyAudit()).faults, []);
    return faults.map(({ chain, seq, fault }) => `${chain === project ? "project" : chain} ${seq} ${fault}`);
  }

  const at = (seq: number, chain = project) => `where chain = '${chain}' and seq = ${seq}`;

  for (const [column, value] of [
    ["id", "'evt_00000000000040008000000000000000'"],
    ["at", '"at" + 1'],
    ["name", "'account.deleted'"],
    ["actor", `'{"kind":"system","task":"sweep"}'`],
    ["subject", "'acc_00000000000040008000000000000000'"],
    ["details", `'{"a":1}'`],
    ["prev", "'AAAA'"],
    ["hash", "'AAAA'"],
    ["seq", "99"],
  ] as const) {
    test(`an event whose ${column} was edited`, async () => {
      const [fault, ...more] = await faultsAfter([`update audit_events set "${column}" = ${value} ${at(4)}`]);
      assert.deepEqual(more, []);
      assert.match(fault ?? "", /^project 4 (was edited|is missing|does not follow the event before it)$/);
    });
  }

  test("an event moved to another chain, and two exchanged between chains", async () => {
    const [newest] = await raw.rows("select id from projects order by created_at desc");
    const other = String(newest?.["id"]);
    assert.notEqual(other, project);
    const moved = await faultsAfter([`update audit_events set chain = '${other}', seq = 3 ${at(7)}`]);
    assert.deepEqual(moved.toSorted(), [
      `${other} 3 does not follow the event before it`,
      "project 7 is missing at the end",
    ]);
    const exchanged = await faultsAfter([
      `update audit_events set chain = 'aside' ${at(2)}`,
      `update audit_events set chain = '${project}' ${at(2, other)}`,
      `update audit_events set chain = '${other}' where chain = 'aside'`,
    ]);
    const theirs = `${other} 2 does not follow the event before it`;
    assert.deepEqual(exchanged.toSorted(), [theirs, "project 2 does not follow the event before it"]);
  });

  test("an event gone from the middle, from the beginning and from the end", async () => {
    assert.deepEqual(await faultsAfter([`delete from audit_events ${at(4)}`]), ["project 4 is missing"]);
    assert.deepEqual(await faultsAfter([`delete from audit_events ${at(1)}`]), ["project 1 is missing"]);
    assert.deepEqual(await faultsAfter([`delete from audit_events ${at(7)}`]), ["project 7 is missing at the end"]);
  });

  test("an end cut off whose head was set back to match", async () => {
    const [last] = await raw.rows(`select hash from audit_events ${at(6)}`);
    const faults = await faultsAfter([
      `delete from audit_events ${at(7)}`,
      `update audit_heads set seq = 6, hash = '${last?.["hash"]}' where chain = '${project}'`,
    ]);
    assert.equal(faults.length, 1, "the cut was not found");
  });

  test("a whole chain gone, with its head and without", async () => {
    for (const chain of [project, "instance"]) {
      const events = `delete from audit_events where chain = '${chain}'`;
      const head = `delete from audit_heads where chain = '${chain}'`;
      assert.equal((await faultsAfter([events])).length, 1, `events of ${chain}`);
      assert.equal((await faultsAfter([events, head])).length, 1, `events and head of ${chain}`);
      assert.equal((await faultsAfter([head])).length, 1, `head of ${chain}`);
    }
    assert.equal((await faultsAfter(["delete from audit_events", "delete from audit_heads"])).length, 3);
  });

  test("an event put in between, one put at the end, and two whose order was changed", async () => {
    const columns = 'chain, "at", name, actor, subject, details, prev, hash';
    const copy = (seq: number) =>
      `insert into audit_events (id, seq, ${columns}) select 'evt_copy', ${seq}, ${columns} from audit_events ${at(3)}`;
    const shift = [7, 6, 5, 4].map((seq) => `update audit_events set seq = ${seq + 1} ${at(seq)}`);
    assert.deepEqual(await faultsAfter([...shift, copy(4)]), ["project 4 does not follow the event before it"]);
    assert.deepEqual(await faultsAfter([copy(8)]), ["project 8 does not follow the event before it"]);
    const swap = [`set seq = 90 ${at(4)}`, `set seq = 4 ${at(5)}`, `set seq = 5 ${at(90)}`];
    const swapped = await faultsAfter(swap.map((change) => `update audit_events ${change}`));
    assert.deepEqual(swapped, ["project 4 does not follow the event before it"]);
  });

  test("the command names the first bad event and ends with 1; of a whole audit it says so and ends with 0", async () => {
    const verify = async () => runCommand(["audit", "verify"], environment(house), house.database.folder);
    const good = await verify();
    assert.equal(good.code, 0, good.stderr);
    assert.match(good.stdout, /^\d+ events in 3 chains, all in order\n$/);
    await raw.run(`update audit_events set name = 'account.deleted' ${at(5)}`);
    await raw.run(`delete from audit_events ${at(6)}`);
    const bad = await verify();
    await restore();
    assert.equal(bad.code, 1);
    assert.match(
      bad.stdout,
      new RegExp(`^BROKEN  ${project}: event 5 was edited\n\\d+ events in 3 chains, 1 broken\n$`),
    );
  });
});
