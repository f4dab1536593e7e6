// Promise 2: a sealed value moved to another row, column or project does not open.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { Credential } from "../../src/crypto/credential.ts";
import { systemRandom } from "../../src/crypto/random.ts";
import { makeKeyRing, type Place, readEnvelope, SealError } from "../../src/crypto/seal.ts";
import { onEachDatabase } from "../support/databases.ts";
import { type Answer, adminToken, call, clientId, clientSecret, openHouse, type TestHouse } from "../support/house.ts";
import { Browser, connect, makeConnection, makeLink } from "../support/person.ts";
import { openRaw, quoted, type RawDatabase } from "../support/sql.ts";

interface Cell {
  readonly table: string;
  readonly key: string;
  readonly row: string;
  readonly column: string;
}

const keys: Readonly<Record<string, string>> = { idempotency: "key_digest", meta: "name", sealing_keys: "id" };

function cell(table: string, row: string, column: string): Cell {
  return { table, key: keys[table] ?? "id", row, column };
}

onEachDatabase("a sealed value that was moved does not open", (kind) => {
  let house: TestHouse;
  let raw: RawDatabase;
  let other: { id: string; token: string };

  const read = async ({ table, key, row, column }: Cell): Promise<string> => {
    const [found] = await raw.rows(`select ${column} as value from ${table} where ${key} = ${quoted(row)}`);
    return String(found?.["value"]);
  };
  const write = async ({ table, key, row, column }: Cell, value: string): Promise<void> =>
    raw.run(`update ${table} set ${column} = ${quoted(value)} where ${key} = ${quoted(row)}`);

  /** Puts what lies in one cell into another while `during` runs. */
  async function moved<T>(from: Cell, to: Cell, during: () => Promise<T>): Promise<T> {
    const earlier = await read(to);
    assert.match(earlier, /^bhs1\.k1\./);
    await write(to, await read(from));
    try {
      return await during();
    } finally {
      await write(to, earlier);
    }
  }

  async function one(sql: string): Promise<string> {
    const [row] = await raw.rows(sql);
    return String(row?.["value"]);
  }

  const accountId = async (identifier: string, project = house.project): Promise<string> =>
    one(`select id as value from accounts where identifier = '${identifier}' and project_id = '${project}'`);
  const credentialOf = async (identifier: string, project?: string): Promise<Cell> =>
    cell("accounts", await accountId(identifier, project), "credential");
  const secretOf = async (project = house.project): Promise<Cell> =>
    cell(
      "connections",
      await one(`select id as value from connections where project_id = '${project}'`),
      "client_secret",
    );

  const act = async (identifier: string): Promise<Answer> =>
    house.call("GET", "/proxy/user", { headers: { connection_name: "github", identifier } });

  /** The honest answer to what cannot be opened: our fault, said so, and nothing of what lay there. */
  function assertHonest(answer: Pick<Answer, "status" | "text">): void {
    assert.equal(answer.status, 500, answer.text);
    assert.match(answer.text, /Something went wrong here/);
    for (const leak of [/ghu_/, /ghr_/, /bhs1\./, /sealed|ciphertext|decrypt|envelope/i, new RegExp(clientSecret)])
      assert.doesNotMatch(answer.text, leak);
  }

  before(async () => {
    house = await openHouse({ kind });
    raw = await openRaw(house.database);
    for (const login of ["octo", "hubot"]) house.fake.user({ login });
    await makeConnection(house);
    await connect(house, "user_1", "octo");
    await connect(house, "user_2", "hubot");
    const made = await call(house.origin, "POST", "/v1/projects", { token: adminToken, body: { name: "Other" } });
    other = made.json as { id: string; token: string };
    const body = { preset: "github-app", client_id: clientId, client_secret: clientSecret, verification: "none" };
    const hosts = { web: house.fake.web, api: house.fake.api };
    await call(house.origin, "POST", "/v1/connections", {
      token: other.token,
      body: { ...body, name: "github", hosts },
    });
    const theirs: TestHouse = {
      ...house,
      call: async (method, path, ask = {}) => call(house.origin, method, path, { token: other.token, ...ask }),
    };
    await connect(theirs, "user_1", "hubot");
  });
  after(async () => {
    await raw.close();
    await house.close();
  });

  for (const [whence, from] of [
    ["another account of the connection", async () => credentialOf("user_2")],
    ["the same identifier of another project", async () => credentialOf("user_1", other.id)],
    ["the client secret of its connection", async () => secretOf()],
    ["the check value of the key", async () => cell("sealing_keys", "k1", "check_value")],
  ] as const) {
    test(`an account with a credential from ${whence} is not usable, and nothing is sent with it`, async () => {
      const sent = house.fake.calls.length;
      await moved(await from(), await credentialOf("user_1"), async () => {
        assertHonest(await act("user_1"));
        const body = { connection: "github", identifier: "user_1", input: {} };
        assertHonest(await house.call("POST", "/v1/tools/github_user_repos_list/execute", { body }));
        assertHonest(await house.call("POST", "/v1/connections/github/accounts/user_1/refresh"));
      });
      assert.equal(house.fake.calls.length, sent);
      assert.equal((await act("user_1")).json.login, "octo");
    });
  }

  test("a client secret of another project, or a credential in its place, connects nobody", async () => {
    const link = await makeLink(house, "user_3");
    for (const from of [await secretOf(other.id), await credentialOf("user_1")]) {
      const landing = await moved(from, await secretOf(), async () => new Browser().get(link));
      assertHonest(landing);
      assert.equal(landing.location, null);
    }
    assert.equal((await new Browser().get(link)).status, 302);
  });

  test("the PKCE verifier of another attempt is never sent to the provider", async () => {
    const walks = [];
    for (const identifier of ["user_4", "user_5"]) {
      const browser = new Browser();
      const opened = await browser.get(await makeLink(house, identifier));
      walks.push({ browser, back: await house.fake.approve(opened.location ?? "", "octo") });
    }
    const [first, second] = (await raw.rows("select id from attempts where status = 'STARTED' order by created_at, id"))
      .slice(-2)
      .map((row) => cell("attempts", String(row["id"]), "verifier"));
    assert.ok(first !== undefined && second !== undefined && walks[0] !== undefined && walks[1] !== undefined);
    const exchanges = house.fake.callsTo("web", "POST", /access_token/).length;
    // Exchanged, so that whoever comes back first meets a verifier that was sealed for the other.
    const own = [await read(first), await read(second)];
    await write(first, own[1] ?? "");
    await write(second, own[0] ?? "");
    for (const { browser, back } of walks) assertHonest(await browser.get(back));
    assert.equal(house.fake.callsTo("web", "POST", /access_token/).length, exchanges);
    assert.equal((await house.call("GET", "/v1/connections/github/accounts/user_4")).json.status, "PENDING");
  });

  test("the tokens of another waiting authorization activate no account", async () => {
    const patch = { verification: "custom", verify_url_origins: ["http://127.0.0.1:9"] };
    assert.equal((await house.call("PATCH", "/v1/connections/github", { body: patch })).status, 200);
    const ticket = async (identifier: string, login: string): Promise<string> => {
      const browser = new Browser();
      const link = await makeLink(house, identifier, { verify_url: "http://127.0.0.1:9/" });
      const back = await house.fake.approve((await browser.get(link)).location ?? "", login);
      return new URL((await browser.get(back)).location ?? "").searchParams.get("auth_request_id") ?? "";
    };
    const auth_request_id = await ticket("user_6", "octo");
    await ticket("user_7", "hubot");
    const waiting = async (identifier: string): Promise<Cell> => {
      const id = await accountId(identifier);
      const sql = `select id as value from attempts where account_id = '${id}' and status = 'VERIFYING'`;
      return cell("attempts", await one(sql), "credential");
    };
    const [mine, theirs] = [await waiting("user_6"), await waiting("user_7")];
    const body = { auth_request_id, identifier: "user_6" };
    const verify = async () => house.call("POST", "/v1/accounts/verify", { body });
    assertHonest(await moved(theirs, mine, verify));
    assertHonest(await moved(await credentialOf("user_1"), mine, verify));
    assertHonest(await moved({ ...mine, column: "verifier" }, mine, verify));
    assert.equal((await house.call("GET", "/v1/connections/github/accounts/user_6")).json.status, "VERIFYING");
    assert.equal((await verify()).json.status, "ACTIVE");
    await house.call("PATCH", "/v1/connections/github", { body: { verification: "none" } });
    await house.call("DELETE", "/v1/connections/github/accounts/user_7");
  });

  test("a recorded answer under another key is not replayed", async () => {
    const earlier = new Set((await raw.rows("select key_digest from idempotency")).map((row) => row["key_digest"]));
    const ask = async (key: string, path: string) => house.call("PUT", path, { headers: { "idempotency-key": key } });
    await ask("first", "/v1/connections/github/accounts/kept_1");
    const made = await raw.rows("select key_digest from idempotency");
    const first = String(made.find((row) => !earlier.has(row["key_digest"] ?? ""))?.["key_digest"]);
    await ask("second", "/v1/connections/github/accounts/kept_2");
    const later = await raw.rows(`select key_digest from idempotency where key_digest <> '${first}'`);
    const second = String(later.find((row) => !earlier.has(row["key_digest"] ?? ""))?.["key_digest"]);
    await moved(cell("idempotency", second, "answer"), cell("idempotency", first, "answer"), async () => {
      assertHonest(await ask("first", "/v1/connections/github/accounts/kept_1"));
    });
    const replayed = await ask("first", "/v1/connections/github/accounts/kept_1");
    assert.equal(replayed.json.identifier, "kept_1");
  });

  test("a queued revocation with the payload of another is not sent, and not forgotten", async () => {
    for (const identifier of ["gone_1", "gone_2"]) {
      await connect(house, identifier, "octo");
      house.fake.fault({ origin: "api", method: "DELETE", path: /applications/, kind: "status", status: 503 });
      assert.equal((await house.call("DELETE", `/v1/connections/github/accounts/${identifier}`)).status, 202);
    }
    const [first, second] = (await raw.rows("select id from revocations order by created_at, id")).map((row) =>
      cell("revocations", String(row["id"]), "payload"),
    );
    assert.ok(first !== undefined && second !== undefined);
    house.fake.clock.advance(3_600_000);
    const sent = house.fake.callsTo("api", "DELETE").length;
    await moved(await credentialOf("user_1"), first, async () =>
      moved(await secretOf(), second, async () => house.behalf.sweep()),
    );
    assert.equal(house.fake.callsTo("api", "DELETE").length, sent);
    assert.equal((await raw.rows("select id from revocations")).length, 2);
    house.fake.clock.advance(3_600_000);
    await house.behalf.sweep();
    assert.deepEqual(await raw.rows("select id from revocations"), []);
  });

  test("with the key of the audit exchanged nobody starts", async () => {
    for (const from of [await secretOf(), cell("sealing_keys", "k1", "check_value")])
      await moved(from, cell("meta", "audit_key", "value"), async () =>
        assert.rejects(house.replica(), { name: "SealError" }),
      );
    await moved(cell("meta", "audit_key", "value"), cell("sealing_keys", "k1", "check_value"), async () =>
      assert.rejects(house.replica(), { name: "WrongKeys" }),
    );
  });

  test("after all that the audit is whole and the log held no secret", async () => {
    assert.deepEqual((await house.behalf.verifyAudit()).faults, []);
    assert.ok(
      house.lines.some((line) => line.includes("A sealed value was altered, moved, or sealed with another key")),
    );
    assert.equal(
      house.lines.some((line) => /gh[ur]_[A-Za-z0-9]{30,}|bhs1\.k1\./.test(line)),
      false,
    );
  });
});

const text = fc.string({ unit: "binary", maxLength: 300 }).filter((value) => value.isWellFormed());
const place: fc.Arbitrary<Place> = fc.record({
  project: fc.string(),
  table: fc.string(),
  row: fc.string(),
  column: fc.string(),
});
const key = (fill: number) => new Credential(Buffer.alloc(32, fill).toString("base64"));
const ring = makeKeyRing([{ id: "k1", key: key(1) }], systemRandom);

test("what was sealed opens again in its place, whatever it was", () => {
  fc.assert(
    fc.property(text, place, (secret, at) => {
      const sealed = ring.seal(new Credential(secret), at);
      assert.match(sealed, /^bhs1\.k1\.[A-Za-z0-9_-]{38,}$/);
      assert.equal(ring.open(sealed, at).reveal(), secret);
    }),
  );
});

test("with any member of the place changed it does not open", () => {
  const members = fc.constantFrom("project", "table", "row", "column");
  fc.assert(
    fc.property(text, place, members, fc.string(), (secret, at, member, value) => {
      fc.pre(at[member] !== value);
      const sealed = ring.seal(new Credential(secret), at);
      assert.throws(() => ring.open(sealed, { ...at, [member]: value }), SealError);
    }),
  );
});

test("with text moved from one member of the place to its neighbour it does not open", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string(), fc.string(), (left, right, rest) => {
      const at = { project: left + right, table: rest, row: "r", column: "c" };
      const shifted = { project: left, table: right + rest, row: "r", column: "c" };
      fc.pre(right !== "");
      assert.throws(() => ring.open(ring.seal(new Credential("secret"), at), shifted), SealError);
    }),
  );
});

test("with any bit flipped it does not open", () => {
  fc.assert(
    fc.property(text, place, fc.nat(), (secret, at, which) => {
      const sealed = ring.seal(new Credential(secret), at);
      const body = Buffer.from(sealed.slice(8), "base64url");
      const bit = which % (body.length * 8);
      body[bit >> 3] = (body[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.throws(() => ring.open(`bhs1.k1.${body.toString("base64url")}`, at), SealError);
    }),
    { numRuns: 500 },
  );
});

test("with any character changed, added or taken away it does not open", () => {
  fc.assert(
    fc.property(text, fc.nat(), fc.string({ unit: "binary", maxLength: 2 }), fc.nat(2), (secret, where, put, take) => {
      const at = { project: "p", table: "t", row: "r", column: "c" };
      const sealed = ring.seal(new Credential(secret), at);
      const cut = where % (sealed.length + 1);
      const altered = sealed.slice(0, cut) + put + sealed.slice(cut + take);
      fc.pre(altered !== sealed);
      assert.throws(() => ring.open(altered, at), SealError);
    }),
    { numRuns: 1000 },
  );
});

test("neither another key under the same id nor the same key under another id opens it", () => {
  const at = { project: "p", table: "t", row: "r", column: "c" };
  const sealed = ring.seal(new Credential("secret"), at);
  const impostor = makeKeyRing([{ id: "k1", key: key(2) }], systemRandom);
  const renamed = makeKeyRing([{ id: "k2", key: key(1) }], systemRandom);
  assert.throws(() => impostor.open(sealed, at), SealError);
  assert.throws(() => renamed.open(sealed, at), { message: "Key k1 is not on the ring" });
  assert.throws(() => renamed.open(sealed.replace(".k1.", ".k2."), at), SealError);
});

test("any text at all is either refused by the envelope parser or read as it was written", () => {
  const almost = fc.tuple(fc.constantFrom("bhs1", "bhs2", "BHS1", ""), fc.string({ maxLength: 18 }), fc.base64String());
  const hostile = fc.oneof(
    fc.string({ unit: "binary" }),
    almost.map(([version, id, body]) => `${version}.${id}.${body}`),
    fc.tuple(fc.stringMatching(/^[a-z0-9]{1,17}$/), fc.uint8Array({ maxLength: 60 })).map(([id, bytes]) => {
      return `bhs1.${id}.${Buffer.from(bytes).toString("base64url")}`;
    }),
  );
  fc.assert(
    fc.property(hostile, (written) => {
      const envelope = readEnvelope(written);
      if (envelope === undefined) return;
      assert.ok(envelope.body.length >= 28);
      assert.equal(`bhs1.${envelope.keyId}.${envelope.body.toString("base64url")}`, written);
    }),
    { numRuns: 3000 },
  );
});

test("a value has one spelling: the spare bits of its last character are not ours to lose", () => {
  const at = { project: "p", table: "t", row: "r", column: "c" };
  // 28 bytes: the last character carries four bits that Base64 readers ignore.
  const sealed = ring.seal(new Credential(""), at);
  assert.equal(sealed.length, 46);
  for (const char of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
    const respelled = sealed.slice(0, -1) + char;
    if (respelled !== sealed) assert.throws(() => ring.open(respelled, at), SealError, char);
  }
});

test("an envelope of 28 bytes is the least there is", () => {
  const of = (length: number) => readEnvelope(`bhs1.k1.${Buffer.alloc(length).toString("base64url")}`);
  assert.equal(of(27), undefined);
  assert.equal(of(28)?.keyId, "k1");
});
