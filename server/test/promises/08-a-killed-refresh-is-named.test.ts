// Promise 8, across processes that die or stand still: a pair that we received is never lost, one that nobody received is named honestly.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { digestOf } from "../../src/crypto/digest.ts";
import { onEachDatabase } from "../support/databases.ts";
import { type Answer, call, freePort } from "../support/house.ts";
import { eventually, openTown, type ServerProcess, type Town } from "../support/process.ts";

const rounds = 25;
/** Refreshes that one kill hits. */
const people = ["ada", "bob", "cyd"];
const leaseMs = 250;
const quick = { leaseMs, sweepMs: 50 };
/** Leaves recovering to others. */
const idle = { leaseMs, sweepMs: 600_000 };
const refreshes = /\/login\/oauth\/access_token$/;

interface Row {
  readonly status: string;
  readonly reason: string | null;
  readonly digest: string | null;
}

async function rowOf(town: Town, person: string): Promise<Row> {
  const columns = "status, status_reason as reason, refresh_digest as digest";
  const [row] = await town.raw.rows(`select ${columns} from accounts where identifier = '${person}'`);
  return row as unknown as Row;
}

async function rowsOf(town: Town): Promise<Map<string, Row>> {
  const rows = new Map<string, Row>();
  for (const person of people) rows.set(person, await rowOf(town, person));
  return rows;
}

/** GitHub has heard of one more refresh. */
async function heard(town: Town): Promise<void> {
  const { length } = town.fake.callsTo("web", "POST", refreshes);
  await eventually(() => (town.fake.callsTo("web", "POST", refreshes).length > length ? true : undefined));
}

async function openAttempts(town: Town): Promise<number> {
  return (await town.raw.rows("select id from refreshes where ended_at is null")).length;
}

/** Whether the refresh token in the row is one that GitHub takes. */
function isGood(town: Town, person: string, { digest }: Row): boolean {
  return town.fake.liveTokens(person).some(({ refresh }) => digest === digestOf("refresh-token", refresh ?? ""));
}

async function act(town: Town, person: string, origin = town.origin): Promise<Answer> {
  const headers = { connection_name: "github", identifier: person };
  return call(origin, "GET", "/proxy/user", { token: town.token, headers });
}

function refreshOf(town: Town, person: string): Promise<Answer | undefined> {
  const path = `/v1/connections/github/accounts/${person}/refresh`;
  // Who is killed gives no answer.
  return town.call("POST", path).catch(() => undefined);
}

/** The account works, with the pair that GitHub knows as the living one. */
async function assertWorks(town: Town, person: string, origin = town.origin): Promise<void> {
  const row = await rowOf(town, person);
  assert.deepEqual([row.status, row.reason], ["ACTIVE", null]);
  assert.ok(isGood(town, person, row), "the refresh token that is kept is dead");
  const answer = await act(town, person, origin);
  assert.equal(answer.json.login, person, answer.text);
}

/** The account says that a refresh was cut off, and how to mend it; and that mends it. */
async function assertInterrupted(town: Town, person: string): Promise<void> {
  const { json } = await town.call("GET", `/v1/connections/github/accounts/${person}`);
  assert.deepEqual([json.status, json.status_reason], ["EXPIRED", "refresh_interrupted"]);
  const { status, json: refusal } = await act(town, person);
  assert.deepEqual([status, refusal.code, refusal.next.action], [403, "account_expired", "reconnect"]);
  assert.equal(refusal.next.url, `${town.origin}/v1/connections/github/accounts/${person}/link`);
  const events = "select details from audit_events where name = 'account.expired' order by at desc, seq desc limit 1";
  assert.match(String((await town.raw.rows(events))[0]?.["details"]), /refresh_interrupted/);
  await town.connect(person, person);
  await assertWorks(town, person);
}

/** Until every attempt that was left behind is closed. */
async function recovered(town: Town): Promise<void> {
  await eventually(async () => ((await openAttempts(town)) === 0 ? true : undefined));
}

onEachDatabase("kill -9 around a refresh", (kind) => {
  let town: Town;
  before(async () => {
    town = await openTown(kind);
    for (const login of people) town.fake.user({ login });
    const first = await town.start(quick);
    // A name, so that a test can keep it from being found.
    await town.settle(town.fake.web.replace("127.0.0.1", "github.test"));
    for (const person of people) await town.connect(person, person);
    await first.crash();
  });
  after(async () => town.close());

  test("before it is sent: nothing is lost", async () => {
    const stuck = await town.start({ ...idle, stuckResolver: true });
    const sent = town.fake.callsTo("web", "POST", refreshes).length;
    const old = await rowOf(town, "ada");
    const never = refreshOf(town, "ada");
    await eventually(async () => ((await openAttempts(town)) === 1 ? true : undefined));
    await stuck.crash();
    assert.equal(await never, undefined);
    assert.equal(town.fake.callsTo("web", "POST", refreshes).length, sent);
    assert.deepEqual(await rowOf(town, "ada"), old);

    const next = await town.start(quick);
    assert.equal((await act(town, "ada")).status, 200);
    await recovered(town);
    await assertWorks(town, "ada");
    assert.equal(town.fake.callsTo("web", "POST", refreshes).length, sent + 1);
    await next.crash();
  });

  test("after it is committed: nothing is lost, and nothing has to be done again", async () => {
    const server = await town.start(quick);
    const old = await rowOf(town, "ada");
    const never = refreshOf(town, "ada");
    await eventually(async () => ((await rowOf(town, "ada")).digest === old.digest ? undefined : true));
    await server.crash();
    await never;
    const sent = town.fake.callsTo("web", "POST", refreshes).length;
    const next = await town.start(quick);
    await sleep(leaseMs * 2);
    await assertWorks(town, "ada");
    assert.equal(town.fake.callsTo("web", "POST", refreshes).length, sent);
    await next.crash();
  });

  test("after GitHub has rotated, before it is committed: the account says so, not earlier than the lease", async () => {
    const server = await town.start(idle);
    const old = await rowOf(town, "ada");
    const released = Promise.withResolvers<void>();
    town.fake.fault({ kind: "hold", origin: "web", method: "POST", path: refreshes, release: released.promise });
    const never = refreshOf(town, "ada");
    await eventually(() => (isGood(town, "ada", old) ? undefined : true));
    await server.crash();
    released.resolve();
    assert.equal(await never, undefined);

    const next = await town.start({ ...idle, leaseMs: 10_000 });
    // As long as somebody may hold the pair nobody says that it is lost, whoever asks and however.
    const path = "/v1/connections/github/accounts/ada";
    const [checked] = await Promise.all([
      town.call("GET", `${path}?check=true`),
      act(town, "ada"),
      refreshOf(town, "ada"),
    ]);
    assert.equal(checked.json.status, "ACTIVE");
    assert.equal((await rowOf(town, "ada")).status, "ACTIVE");
    await next.crash();
    await town.start(quick);
    await recovered(town);
    await assertInterrupted(town, "ada");
  });
});

/** Refreshes everybody, kills the server meanwhile, and says when that was for each: by what GitHub knows, and what is stored. */
async function killAmongRefreshes(town: Town, server: ServerProcess, round: number) {
  const old = await rowsOf(town);
  for (let n = 0; n < people.length; n += 1) {
    const slow = { kind: "slow-headers", delayMs: Math.random() * 60, before: Math.random() < 0.3 } as const;
    town.fake.fault({ ...slow, origin: "web", method: "POST", path: refreshes });
  }
  const never = people.map(async (person) => refreshOf(town, person));
  // Half of the kills come at any time, half once GitHub has heard of it.
  if (round % 2 === 1) await heard(town);
  await sleep(Math.random() * (round % 2 === 1 ? 80 : 150));
  await server.crash();
  await Promise.all(never);
  // What is on its way to GitHub arrives, whoever sent it.
  await sleep(80);
  const left = await rowsOf(town);
  return people.map((person) => {
    const row = left.get(person) ?? assert.fail();
    const isStored = row.digest !== old.get(person)?.digest;
    return [person, isStored ? "after" : isGood(town, person, row) ? "before" : "between"] as const;
  });
}

onEachDatabase("kill -9 around a refresh, at random", (kind) => {
  let town: Town;
  before(async () => {
    town = await openTown(kind);
    for (const login of people) town.fake.user({ login });
  });
  after(async () => town.close());

  test(`${rounds} times: the account works, or says that a refresh was cut off, as GitHub knows it to be`, async (t) => {
    let server = await town.start(quick);
    await town.settle();
    for (const person of people) await town.connect(person, person);
    const seen = { before: 0, between: 0, after: 0 };
    for (let round = 0; round < rounds; round += 1) {
      const what = await killAmongRefreshes(town, server, round);
      server = await town.start(quick);
      await recovered(town);
      for (const [person, when] of what) {
        seen[when] += 1;
        if (when === "between") await assertInterrupted(town, person);
        else await assertWorks(town, person);
      }
    }
    t.diagnostic(JSON.stringify(seen));
    assert.ok(seen.between > 0 && seen.before + seen.after > 0, "the kills missed");
    const lies = "select * from audit_events where details like '%refresh_rejected%' or name = 'account.revoked'";
    assert.deepEqual(await town.raw.rows(lies), []);
    assert.deepEqual((await town.verifyAudit()).faults, []);
  });
});

onEachDatabase("what a refresh outlives", (kind) => {
  test("a process that stood still saves the pair it receives, though another has taken its lease and been told that the token is spent", async () => {
    const town = await openTown(kind);
    try {
      town.fake.user({ login: "ada" });
      const stalled = await town.start(idle);
      await town.settle();
      await town.connect("ada", "ada");
      const old = await rowOf(town, "ada");
      const released = Promise.withResolvers<void>();
      town.fake.fault({ kind: "hold", origin: "web", method: "POST", path: refreshes, release: released.promise });
      const answer = refreshOf(town, "ada");
      await eventually(() => (isGood(town, "ada", old) ? undefined : true));
      stalled.kill("SIGSTOP");
      released.resolve();

      const other = await town.start({ ...quick, port: await freePort() });
      await eventually(async () => ((await rowOf(town, "ada")).status === "EXPIRED" ? true : undefined));
      assert.deepEqual(await rowOf(town, "ada"), { ...old, status: "EXPIRED", reason: "refresh_interrupted" });
      assert.equal((await act(town, "ada", other.origin)).status, 403);

      stalled.kill("SIGCONT");
      assert.equal((await answer)?.json.status, "ACTIVE");
      await assertWorks(town, "ada", other.origin);
      await assertWorks(town, "ada");
      const names = await town.raw.rows("select name from audit_events where name like 'account.%' order by at, seq");
      assert.deepEqual(
        names.slice(-4).map(({ name }) => name),
        ["account.refresh_failed", "account.expired", "account.refreshed", "account.activated"],
      );
      assert.deepEqual((await town.verifyAudit()).faults, []);
    } finally {
      await town.close();
    }
  });

  // A file does not go away.
  if (kind === "sqlite") return;
  test("a database that goes away while a pair is being saved does not cost the pair", async () => {
    const town = await openTown(kind);
    try {
      town.fake.user({ login: "ada" });
      await town.start(idle);
      await town.settle();
      await town.connect("ada", "ada");
      const old = await rowOf(town, "ada");
      const released = Promise.withResolvers<void>();
      town.fake.fault({ kind: "hold", origin: "web", method: "POST", path: refreshes, release: released.promise });
      const answer = refreshOf(town, "ada");
      await eventually(() => (isGood(town, "ada", old) ? undefined : true));
      await town.raw.run("begin");
      await town.raw.run("select id from accounts for update");
      released.resolve();
      const blocked = "select pid from pg_stat_activity where pg_backend_pid() = any(pg_blocking_pids(pid))";
      await eventually(async () => ((await town.raw.rows(blocked)).length > 0 ? true : undefined));
      await town.raw.run(`select pg_terminate_backend(pid) from (${blocked}) as waiting`);
      await town.raw.run("rollback");
      assert.equal((await answer)?.json.status, "ACTIVE");
      await assertWorks(town, "ada");
    } finally {
      await town.close();
    }
  });
});

const limitMs = 300;

/** Asks from a process that stands still for longer than its time limit; says what it got. */
async function askAndStall(answers: "meanwhile" | "afterwards" | "never"): Promise<unknown> {
  const waiting: ServerResponse[] = [];
  const upstream = createServer((_request, response) => void waiting.push(response)).listen(0, "127.0.0.1");
  await once(upstream, "listening");
  const main = fileURLToPath(new URL("../support/exchange-main.ts", import.meta.url));
  const origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const child = spawn(process.execPath, [main, origin, String(limitMs)], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const told = once(createInterface({ input: child.stdout }), "line");
    await eventually(() => (waiting.length === 2 ? true : undefined));
    // It has nothing left to do but to wait.
    await sleep(100);
    child.kill("SIGSTOP");
    if (answers === "meanwhile") for (const response of waiting) response.end("done");
    await sleep(limitMs * 3);
    child.kill("SIGCONT");
    await sleep(limitMs / 5);
    if (answers === "afterwards") for (const response of waiting) response.end("done");
    const [line] = (await told) as [string];
    return JSON.parse(line);
  } finally {
    child.kill("SIGKILL");
    upstream.closeAllConnections();
    upstream.close();
  }
}

test("an answer that came while the process stood still is read before the time limit is believed", async () => {
  for (let n = 0; n < 3; n += 1) assert.deepEqual(await askAndStall("meanwhile"), [200, 200]);
});

test("the time in which the process stood still does not count, and yet it does not wait for ever", async () => {
  assert.deepEqual(await askAndStall("afterwards"), [200, 200]);
  assert.deepEqual(await askAndStall("never"), ["timeout", "timeout"]);
});
