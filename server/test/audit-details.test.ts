// What events of accounts say: where the account went, and by GitHub's own digest which token came or went.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { accountStatuses } from "../src/rules/account.ts";
import { onEachDatabase } from "./support/databases.ts";
import { clientId, openHouse, type TestHouse } from "./support/house.ts";
import { connect, follow, makeConnection, makeLink } from "./support/person.ts";

type Details = Record<string, unknown>;

const accounts = "/v1/connections/github/accounts";

onEachDatabase("events of accounts", (kind) => {
  let house: TestHouse;
  before(async () => {
    house = await openHouse({ kind });
    for (const login of ["octo", "hubot"]) house.fake.user({ login });
    await makeConnection(house);
  });
  after(async () => house.close());

  let seen = 0;
  /** The details of what was recorded since this was asked last, oldest first. */
  async function told(): Promise<[string, Details][]> {
    const { json } = await house.call("GET", "/v1/audit?name=account.*&limit=100");
    const items = (json.items as { seq: number; name: string; details: Details }[]).filter(({ seq }) => seq > seen);
    seen = Math.max(seen, ...items.map(({ seq }) => seq));
    return items.toSorted((left, right) => left.seq - right.seq).map(({ name, details }) => [name, details]);
  }

  const digest = (token: string) => createHash("sha256").update(token).digest("base64");
  const liveDigest = (login: string) => digest(house.fake.liveTokens(login).at(-1)?.access ?? "");
  const statusOf = (details: Details) => ({ status: details["status"], status_reason: details["status_reason"] });
  const only = async (name: string): Promise<Details> => {
    const found = (await told()).filter(([own]) => own === name);
    assert.equal(found.length, 1, name);
    return found[0]?.[1] ?? {};
  };
  const active = { status: "ACTIVE", status_reason: null };

  test("say where a person's connecting, refreshing and leaving took the account, and which token it was", async () => {
    await connect(house);
    const born = await told();
    assert.deepEqual(
      born.map(([name]) => name),
      ["account.created", "account.activated"],
    );
    assert.deepEqual(statusOf(born[0]?.[1] ?? {}), { status: "PENDING", status_reason: null });
    const activated = born[1]?.[1] ?? {};
    assert.deepEqual(statusOf(activated), active);
    assert.equal(activated["hashed_token"], liveDigest("octo"));
    await house.call("POST", `${accounts}/user_1/refresh`);
    const refreshed = await only("account.refreshed");
    assert.equal(refreshed["hashed_token"], liveDigest("octo"));
    assert.notEqual(refreshed["hashed_token"], activated["hashed_token"]);
    const last = liveDigest("octo");
    await house.call("DELETE", `${accounts}/user_1`);
    const left = Object.fromEntries(await told());
    assert.deepEqual(statusOf(left["account.disconnected"] ?? {}), {
      status: "DISCONNECTED",
      status_reason: "deletion_pending",
    });
    assert.equal(left["account.revocation_done"]?.["hashed_token"], last);
    assert.deepEqual(statusOf(left["account.deleted"] ?? {}), { status: "DELETED", status_reason: null });
  });

  test("say so of a grant that the provider ended, on use and on refresh", async () => {
    await connect(house, "user_2");
    await told();
    const token = liveDigest("octo");
    house.fake.revokeGrant("octo", clientId);
    await house.call("GET", "/proxy/user", { headers: { connection_name: "github", identifier: "user_2" } });
    const revoked = await only("account.revoked");
    assert.deepEqual(statusOf(revoked), { status: "REVOKED", status_reason: "token_rejected" });
    assert.equal(revoked["hashed_token"], token);
    await connect(house, "user_2");
    await told();
    house.fake.revokeGrant("octo", clientId);
    await house.call("POST", `${accounts}/user_2/refresh`);
    assert.deepEqual(statusOf(await only("account.expired")), { status: "EXPIRED", status_reason: "refresh_rejected" });
  });

  test("say so of a person who is yet to be confirmed, and nothing of an account that stayed as it was", async () => {
    await house.call("PATCH", "/v1/connections/github", {
      body: { verification: "custom", verify_url_origins: ["http://127.0.0.1:9"] },
    });
    const walk = async (identifier: string) =>
      follow(house, await makeLink(house, identifier, { verify_url: "http://127.0.0.1:9/" }), "hubot");
    await walk("user_3");
    assert.deepEqual(statusOf(await only("account.linked")), { status: "VERIFYING", status_reason: null });
    await walk("user_3");
    assert.deepEqual(await only("account.linked"), {});
    house.fake.clock.advance(11 * 60_000);
    await house.behalf.sweep();
    const failed = (await told()).filter(([name]) => name === "account.link_failed").map(([, details]) => details);
    const moved = failed.filter((details) => "status" in details);
    assert.equal(failed.length, 2);
    assert.deepEqual(moved.map(statusOf), [{ status: "PENDING", status_reason: "verification_timeout" }]);
  });

  test("never hold a status that accounts do not have, nor a token", async () => {
    const { json } = await house.call("GET", "/v1/audit?name=account.*&limit=100");
    for (const { name, details } of json.items as { name: string; details: Details }[]) {
      const known = [...accountStatuses, "DELETED", undefined];
      assert.ok(known.includes(details["status"] as "ACTIVE"), name);
      const hashed = details["hashed_token"];
      if (hashed !== undefined) assert.match(hashed as string, /^[A-Za-z0-9+/]{43}=$/, name);
    }
  });
});
