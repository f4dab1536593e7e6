// Promise 10: a revocation stops all processes within one second, and only an authoritative word is one.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleepFor } from "node:timers/promises";
import type { Fault } from "../fake-github/index.ts";
import { onEachDatabase } from "../support/databases.ts";
import { type Answer, call, clientId, openHouse, type TestHouse } from "../support/house.ts";
import { type ConnectionSpec, connect, makeConnection } from "../support/person.ts";

const minute = 60_000;
const hour = 60 * minute;
const isCheck = { origin: "api", method: "POST", path: /^\/applications\/.*\/token$/ } as const;

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let n = 0; n < 400 && !holds(); n += 1) await sleepFor(10);
  assert.equal(holds(), true, `never came true: ${what}`);
}

/** Three processes over one connection, and the words of a caller. */
async function openStage(kind: "sqlite" | "postgres", spec: ConnectionSpec = {}, replicas = 2) {
  const house: TestHouse = await openHouse({ kind });
  house.fake.user({ login: "octo" });
  await makeConnection(house, spec);
  house.fake.repository({ owner: "octo", name: "hello", private: true, files: { "README.md": "hello" } });
  if (spec.preset !== "github") house.fake.installation({ clientId, account: "octo", repositories: "all" });
  const origins = [house.origin];
  for (let n = 0; n < replicas; n += 1) origins.push((await house.replica()).origin);
  const path = (identifier: string) => `/v1/connections/github/accounts/${identifier}`;
  const at = (n: number) => origins[n % origins.length] ?? "";
  return {
    house,
    path,
    at,
    read: async (identifier: string, query = "", n = 0) =>
      (await call(at(n), "GET", path(identifier) + query, { token: house.token })).json,
    raw: async (n: number, identifier: string, ask: { method?: string; to?: string; body?: string } = {}) =>
      call(at(n), ask.method ?? "GET", `/proxy${ask.to ?? "/user"}`, {
        token: house.token,
        headers: { connection_name: "github", identifier },
        ...(ask.body === undefined ? {} : { body: ask.body }),
      }),
    tool: async (n: number, identifier: string): Promise<Answer> =>
      call(at(n), "POST", "/v1/tools/github_user_repos_list/execute", {
        token: house.token,
        body: { connection: "github", identifier, input: {} },
      }),
    checks: () => house.fake.callsTo("api", isCheck.method, isCheck.path).length,
    fault: (more: Partial<Fault>) => house.fake.fault({ ...isCheck, kind: "status", ...more }),
    issues: () => house.fake.callsTo("api", "POST", /^\/repos\/octo\/hello\/issues$/),
  };
}

type Stage = Awaited<ReturnType<typeof openStage>>;

onEachDatabase("a revocation stops everyone", (kind) => {
  let stage: Stage;
  before(async () => {
    stage = await openStage(kind);
  });
  after(async () => stage.house.close());

  const connected = async (identifier: string): Promise<void> => {
    assert.equal((await connect(stage.house, identifier)).status, 200);
  };

  /** Every process refuses by itself, at every door, and GitHub hears nothing of it. */
  const refusedEverywhere = async (identifier: string, code: string): Promise<void> => {
    const calls = stage.house.fake.calls.length;
    for (const n of [0, 1, 2]) {
      const raw = await stage.raw(n, identifier);
      assert.equal(raw.status, 403);
      assert.equal(raw.headers.get("behalf-refusal"), code);
      assert.equal(raw.json.next.action, "reconnect");
      const tool = await stage.tool(n, identifier);
      assert.equal(tool.status, 409);
      assert.equal(tool.json.code, code);
      assert.equal(tool.json.next.method, "POST");
      assert.equal(tool.json.next.url, `${stage.at(n)}${stage.path(identifier)}/link`);
    }
    assert.equal(stage.house.fake.calls.length, calls);
  };

  test("the 401 that reveals it reaches the caller as GitHub said it; from then on nobody calls", async () => {
    await connected("shown");
    const minted = await stage.house.call("POST", "/v1/tokens", {
      body: { name: "bound", scopes: ["proxy"], account: { connection: "github", identifier: "shown" } },
    });
    stage.house.fake.revokeGrant("octo", clientId);
    const revealing = await stage.raw(1, "shown");
    assert.equal(revealing.status, 401);
    assert.equal(revealing.json.message, "Bad credentials");
    assert.equal(revealing.headers.get("behalf-refusal"), null);
    assert.notEqual(revealing.headers.get("x-github-request-id"), null);
    const account = await stage.read("shown");
    assert.equal(account.status, "REVOKED");
    assert.equal(account.status_reason, "token_rejected");
    await refusedEverywhere("shown", "account_revoked");
    const calls = stage.house.fake.calls.length;
    const enterprise = await call(stage.at(2), "GET", "/api/v3/user", { token: minted.json.token });
    assert.equal(enterprise.status, 403);
    assert.equal(enterprise.json.code, "account_revoked");
    await stage.read("shown", "?check=true");
    await stage.house.behalf.sweep();
    assert.equal((await stage.house.call("POST", `${stage.path("shown")}/refresh`)).status, 409);
    assert.equal(stage.house.fake.calls.length, calls);
  });

  test("a tool that finds out says so itself, with the way back", async () => {
    await connected("tool");
    stage.house.fake.revokeGrant("octo", clientId);
    const answer = await stage.tool(0, "tool");
    assert.equal(answer.status, 409, answer.text);
    assert.equal(answer.json.code, "account_revoked");
    assert.equal(answer.json.next.action, "reconnect");
    await refusedEverywhere("tool", "account_revoked");
  });

  test("many who find out at once end the account once", async () => {
    await connected("crowd");
    stage.house.fake.revokeGrant("octo", clientId);
    const answers = await Promise.all(Array.from({ length: 30 }, async (_, n) => stage.raw(n, "crowd")));
    assert.equal(
      [...new Set(answers.map(({ status }) => status))].every((status) => [401, 403].includes(status)),
      true,
    );
    await refusedEverywhere("crowd", "account_revoked");
    assert.deepEqual((await stage.house.behalf.verifyAudit()).faults, []);
  });

  test("a refresh token that GitHub refuses stops everyone, too", async () => {
    await connected("rejected");
    stage.house.fake.revokeGrant("octo", clientId);
    stage.house.fake.clock.advance(9 * hour);
    assert.equal((await stage.tool(1, "rejected")).json.code, "account_expired");
    assert.equal((await stage.read("rejected")).status_reason, "refresh_rejected");
    await refusedEverywhere("rejected", "account_expired");
  });

  test("so does the application's own wish to disconnect", async () => {
    await connected("leaving");
    const answer = await stage.house.call("POST", `${stage.path("leaving")}/disconnect`);
    assert.equal(answer.status, 200);
    assert.equal(answer.json.status_reason, "disconnected_by_request");
    await refusedEverywhere("leaving", "account_disconnected");
  });

  /** Sends while the token is being replaced: GitHub meets the old token after it has ended. */
  const sentTooLate = async (identifier: string, ask: { method?: string; to?: string; body?: string }) => {
    const held = Promise.withResolvers<void>();
    const path = ask.to === undefined ? /^\/user$/ : /\/issues$/;
    stage.house.fake.fault({ origin: "api", path, kind: "hold", before: true, release: held.promise });
    const calls = () => stage.house.fake.callsTo("api", ask.method ?? "GET", path).length;
    const earlier = calls();
    const calling = stage.raw(1, identifier, ask);
    await until("the call was sent", () => calls() > earlier);
    return { release: held.resolve, calling };
  };

  for (const [size, bytes, status] of [
    ["64 KiB", 65_536, 201],
    ["one byte more", 65_537, 401],
  ] as const) {
    test(`a 401 for a token replaced meanwhile is cured for a body of ${size}: ${status}`, async () => {
      const identifier = `body-${bytes}`;
      await connected(identifier);
      const title = `of ${bytes} bytes`;
      const body = JSON.stringify({ title }).padEnd(bytes, " ");
      const { release, calling } = await sentTooLate(identifier, {
        method: "POST",
        to: "/repos/octo/hello/issues",
        body,
      });
      assert.equal((await stage.house.call("POST", `${stage.path(identifier)}/refresh`)).status, 200);
      release();
      const answer = await calling;
      assert.equal(answer.status, status, answer.text);
      assert.equal((await stage.read(identifier)).status, "ACTIVE");
      const sent = stage.issues().filter((one) => one.body.includes(`"${title}"`));
      assert.deepEqual(
        sent.map((one) => one.status),
        status === 201 ? [401, 201] : [401],
      );
      assert.equal((await stage.raw(0, identifier)).status, 200);
    });
  }

  test("a 401 past the known life of the token is cured by a refresh, not taken for a revocation", async () => {
    await connected("midway");
    stage.house.fake.clock.advance(8 * hour - 6 * minute);
    const { release, calling } = await sentTooLate("midway", {});
    stage.house.fake.clock.advance(7 * minute);
    release();
    assert.equal((await calling).status, 200);
    assert.equal((await stage.read("midway")).status, "ACTIVE");
  });

  test("a 401 that GitHub's own check contradicts ends nothing", async () => {
    await connected("glitch");
    for (let n = 0; n < 3; n += 1) {
      stage.house.fake.fault({ origin: "api", path: /^\/user$/, kind: "status", status: 401 });
      assert.equal((await stage.raw(n, "glitch")).status, 401);
    }
    assert.equal((await stage.read("glitch")).status, "ACTIVE");
    assert.equal((await stage.raw(0, "glitch")).status, 200);
  });

  test("a check that gets no clear answer ends nothing, whatever it gets", async () => {
    await connected("unclear");
    stage.house.fake.revokeGrant("octo", clientId);
    const unclear: Partial<Fault>[] = [
      { status: 500 },
      { status: 503 },
      { status: 401 },
      { status: 403 },
      { status: 422 },
      { status: 429 },
      { kind: "reset-before" },
      { kind: "primary-limit-403" },
      { kind: "truncate" },
    ];
    for (const fault of unclear) {
      stage.fault(fault);
      assert.equal((await stage.raw(0, "unclear")).status, 401);
      assert.equal((await stage.read("unclear")).status, "ACTIVE", JSON.stringify(fault));
    }
    assert.equal((await stage.raw(0, "unclear")).status, 401);
    assert.equal((await stage.read("unclear")).status, "REVOKED");
  });

  test("asking with check=true reveals it, and asks GitHub at most once in ten seconds, whoever asks", async () => {
    await connected("asked");
    const ask = async (n: number) => stage.read("asked", "?check=true", n);
    stage.house.fake.clock.advance(11_000);
    const earlier = stage.checks();
    await Promise.all(Array.from({ length: 20 }, async (_, n) => ask(n)));
    assert.equal(stage.checks() - earlier, 1);
    stage.house.fake.clock.advance(5_000);
    await ask(0);
    assert.equal(stage.checks() - earlier, 1);
    stage.house.fake.revokeGrant("octo", clientId);
    stage.house.fake.clock.advance(6_000);
    assert.equal((await ask(0)).status, "REVOKED");
    assert.equal(stage.checks() - earlier, 2);
    await refusedEverywhere("asked", "account_revoked");
  });

  test("a check that fails is not repeated within ten seconds either, and ends nothing", async () => {
    await connected("polled");
    stage.house.fake.clock.advance(11_000);
    const earlier = stage.checks();
    stage.fault({ status: 503, times: 5 });
    for (let n = 0; n < 5; n += 1) assert.equal((await stage.read("polled", "?check=true", n)).status, "ACTIVE");
    assert.equal(stage.checks() - earlier, 1);
  });
});

onEachDatabase("a host without the check endpoint", (kind) => {
  let stage: Stage;
  before(async () => {
    stage = await openStage(kind, { preset: "github", client: { tokenCheck: false } }, 1);
  });
  after(async () => stage.house.close());

  test("one 401 proves nothing; the second on the same credential ends the account", async () => {
    await connect(stage.house, "strikes");
    stage.house.fake.fault({ origin: "api", path: /^\/user$/, kind: "status", status: 401 });
    assert.equal((await stage.raw(0, "strikes")).status, 401);
    assert.equal((await stage.read("strikes")).status, "ACTIVE");
    assert.equal((await stage.raw(1, "strikes")).status, 200);

    await connect(stage.house, "ends");
    stage.house.fake.revokeGrant("octo", clientId);
    assert.equal((await stage.raw(0, "ends")).status, 401);
    assert.equal((await stage.read("ends")).status, "ACTIVE");
    assert.equal((await stage.raw(1, "ends")).status, 401);
    const account = await stage.read("ends");
    assert.equal(account.status, "EXPIRED");
    assert.equal(account.status_reason, "token_rejected");
    const calls = stage.house.fake.calls.length;
    assert.equal((await stage.raw(0, "ends")).headers.get("behalf-refusal"), "account_expired");
    assert.equal((await stage.tool(1, "ends")).json.code, "account_expired");
    assert.equal(stage.house.fake.calls.length, calls);
  });

  test("a new credential starts at no strike", async () => {
    await connect(stage.house, "fresh");
    stage.house.fake.fault({ origin: "api", path: /^\/user$/, kind: "status", status: 401 });
    await stage.raw(0, "fresh");
    assert.equal((await connect(stage.house, "fresh")).status, 200);
    stage.house.fake.fault({ origin: "api", path: /^\/user$/, kind: "status", status: 401 });
    await stage.raw(0, "fresh");
    assert.equal((await stage.read("fresh")).status, "ACTIVE");
  });

  test("check=true asks who the token belongs to instead", async () => {
    await connect(stage.house, "who");
    stage.house.fake.clock.advance(11_000);
    const earlier = Date.parse((await stage.read("who")).checked_at);
    const checked = await stage.read("who", "?check=true");
    assert.equal(checked.status, "ACTIVE");
    assert.equal(Date.parse(checked.checked_at) > earlier, true);
    stage.house.fake.revokeGrant("octo", clientId);
    for (const status of ["ACTIVE", "EXPIRED"]) {
      stage.house.fake.clock.advance(11_000);
      assert.equal((await stage.read("who", "?check=true")).status, status);
    }
  });
});

onEachDatabase("an OAuth App, whose tokens never end", (kind) => {
  let stage: Stage;
  before(async () => {
    stage = await openStage(kind, { preset: "github" }, 1);
  });
  after(async () => stage.house.close());

  test("refreshing asks whether the token lives", async () => {
    await connect(stage.house, "alive");
    stage.house.fake.clock.advance(1000 * hour);
    const earlier = stage.checks();
    const live = await stage.house.call("POST", `${stage.path("alive")}/refresh`);
    assert.equal(live.status, 200);
    assert.equal(stage.checks() - earlier, 1);
    assert.equal(stage.house.fake.clock.now() - Date.parse(live.json.checked_at) < minute, true);
    assert.equal(live.json.expires_at, null);
    stage.house.fake.revokeGrant("octo", clientId);
    const dead = await stage.house.call("POST", `${stage.path("alive")}/refresh`);
    assert.equal(dead.status, 409);
    assert.equal(dead.json.code, "account_revoked");
  });

  test("a daily probe finds the revocation that nobody tells us", async () => {
    await connect(stage.house, "daily");
    stage.house.fake.revokeGrant("octo", clientId);
    const earlier = stage.checks();
    stage.house.fake.clock.advance(23 * hour);
    await stage.house.behalf.sweep();
    assert.equal(stage.checks() - earlier, 0);
    stage.house.fake.clock.advance(2 * hour);
    stage.fault({ status: 503 });
    await stage.house.behalf.sweep();
    assert.equal((await stage.read("daily")).status, "ACTIVE");
    stage.house.fake.clock.advance(25 * hour);
    await stage.house.behalf.sweep();
    assert.equal((await stage.read("daily")).status, "REVOKED");
    assert.equal((await stage.read("daily")).status_reason, "token_rejected");
  });

  test("from eight tokens of one person on the account warns, since GitHub ends the oldest of eleven", async () => {
    const warnings = async (n: number) =>
      ((await stage.read(`many-${n}`)).warnings as { code: string }[]).map(({ code }) => code);
    for (let n = 1; n <= 7; n += 1) await connect(stage.house, `many-${n}`);
    assert.deepEqual(await warnings(1), []);
    await connect(stage.house, "many-8");
    assert.deepEqual(await warnings(1), ["token_limit_near"]);
    assert.deepEqual(await warnings(8), ["token_limit_near"]);
    for (let n = 9; n <= 11; n += 1) await connect(stage.house, `many-${n}`);
    assert.equal((await stage.raw(0, "many-1")).status, 401);
    assert.equal((await stage.read("many-1")).status, "REVOKED");
    assert.equal((await stage.raw(0, "many-2")).status, 200);
  });
});
