// Promise 26: SIGTERM cuts no accepted request and loses no audit event; kill -9 at any moment loses no acknowledged change.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import { connect as openSocket } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { onEachDatabase } from "../support/databases.ts";
import type { Answer } from "../support/house.ts";
import { connectionBody, eventually, openTown, repositoryRoot, type Town } from "../support/process.ts";

const rounds = 25;
const workers = 6;
const asOcto = { connection: "github", identifier: "user_1" };
const viaProxy = { connection_name: "github", identifier: "user_1" };

const hostsOf = ({ fake: { web, api } }: Town) => ({ web, api });

async function furnish(town: Town): Promise<void> {
  await town.settle();
  town.fake.repository({ owner: "octo", name: "hello", private: true, files: { "README.md": "hello" } });
  town.fake.installation({ clientId: "Iv1.test", account: "octo", repositories: "all" });
  town.fake.user({ login: "mona" });
  await town.connect("user_1", "octo");
  await town.connect("user_2", "mona");
}

/** Opens an issue by a tool call that may be repeated. */
async function openIssue(town: Town, title: string): Promise<Answer> {
  return town.call("POST", "/v1/tools/github_issue_create/execute", {
    headers: { "idempotency-key": title },
    body: { ...asOcto, input: { owner: "octo", repo: "hello", title } },
  });
}

function timesOpened(town: Town, title: string): number {
  const body = JSON.stringify({ title });
  return town.fake.callsTo("api", "POST", /\/issues$/).filter((seen) => seen.body === body).length;
}

/** What an acknowledged change looks like after a restart. */
type Proof = () => Promise<void>;

/** A write that answers, once acknowledged, with how to prove it. */
type Write = (town: Town, name: string) => Promise<Proof>;

const writes: readonly Write[] = [
  async function account(town, name) {
    const path = `/v1/connections/github/accounts/${name}`;
    const { status, json } = await town.call("PUT", path);
    assert.equal(status, 201);
    return async () => assert.deepEqual((await town.call("GET", path)).json, json);
  },
  async function connection(town, name) {
    const made = await town.call("POST", "/v1/connections", { body: connectionBody(name, hostsOf(town)) });
    assert.equal(made.status, 201, made.text);
    const patched = await town.call("PATCH", `/v1/connections/${name}`, {
      body: { client_secret: `secret-of-${name}` },
    });
    assert.equal(patched.status, 200, patched.text);
    return async () => assert.deepEqual((await town.call("GET", `/v1/connections/${name}`)).json, patched.json);
  },
  async function token(town, name) {
    const made = await town.call("POST", "/v1/tokens", { body: { name, scopes: ["accounts"] } });
    assert.equal(made.status, 201, made.text);
    return async () => assert.equal((await town.call("GET", "/v1/accounts", { token: made.json.token })).status, 200);
  },
  async function revokedToken(town, name) {
    const made = await town.call("POST", "/v1/tokens", { body: { name, scopes: ["accounts"] } });
    const gone = await town.call("DELETE", `/v1/tokens/${made.json.id}`);
    assert.equal(gone.status, 204, gone.text);
    return async () => assert.equal((await town.call("GET", "/v1/accounts", { token: made.json.token })).status, 401);
  },
  async function issue(town, title) {
    const first = await openIssue(town, title);
    assert.equal(first.status, 200, first.text);
    return async () => {
      const again = await openIssue(town, title);
      assert.equal(again.headers.get("idempotency-replayed"), "true", again.text);
      assert.deepEqual(again.json, first.json);
      assert.equal(timesOpened(town, title), 1);
    };
  },
];

/** Writes until the server is killed; gives the proofs of what was acknowledged and the names of what was not. */
async function writeUntilKilled(town: Town, round: number, kill: () => Promise<void>) {
  const proofs: Proof[] = [];
  const unanswered: string[] = [];
  const { promise: first, resolve: isFirst } = Promise.withResolvers<void>();
  let isOver = false;
  const work = async (worker: number): Promise<void> => {
    for (let n = worker; !isOver; n += 1) {
      const write = writes[n % writes.length] ?? assert.fail();
      const name = `${write.name}-${round}-${worker}-${n}`;
      try {
        proofs.push(await write(town, name));
        isFirst();
      } catch (error) {
        // A cut connection is what is expected here; an answer that is not right is not.
        if (error instanceof assert.AssertionError) throw error;
        unanswered.push(name);
        return;
      }
    }
  };
  const all = Array.from({ length: workers }, async (_, worker) => work(worker));
  // Half of the kills come into a cold start, half into the full stream.
  if (round % 2 === 1) await Promise.race([first, sleep(2000)]);
  await sleep(Math.random() * (round % 2 === 1 ? 300 : 150));
  await kill();
  isOver = true;
  await Promise.all(all);
  return { proofs, unanswered };
}

/** Rows without their event, events without their row, answers that are half there. */
async function halfRows(town: Town): Promise<unknown[]> {
  const found: unknown[] = [];
  const pairs = { accounts: "account.created", tokens: "token.created", connections: "connection.created" };
  for (const [table, name] of Object.entries(pairs)) {
    const events = `select subject from audit_events where name = '${name}'`;
    found.push(...(await town.raw.rows(`select id from ${table} where id not in (${events})`)));
    found.push(...(await town.raw.rows(`${events} and subject not in (select id from ${table})`)));
  }
  const revoked = "select subject from audit_events where name = 'token.revoked'";
  found.push(
    ...(await town.raw.rows(`select id from tokens where (revoked_at is not null) <> (id in (${revoked}))`)),
    ...(await town.raw.rows("select * from idempotency where (state = 'answered') <> (answer is not null)")),
  );
  return found;
}

onEachDatabase("kill -9 at any moment", (kind) => {
  let town: Town;
  before(async () => {
    town = await openTown(kind);
  });
  after(async () => town.close());

  test(`${rounds} times in a stream of writes: every acknowledged change is there, nothing is there by half`, async (t) => {
    let server = await town.start();
    await furnish(town);
    const proofs: Proof[] = [];
    const unanswered: string[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const written = await writeUntilKilled(town, round, async () => server.crash());
      server = await town.start();
      for (const proof of written.proofs) await proof();
      assert.deepEqual(await halfRows(town), []);
      assert.deepEqual((await town.verifyAudit()).faults, []);
      proofs.push(...written.proofs);
      unanswered.push(...written.unanswered);
    }
    t.diagnostic(`${proofs.length} acknowledged, ${unanswered.length} not`);
    assert.ok(proofs.length > rounds / 2, "too little was written to prove anything");

    // Much later, all of it once more; and what was under way is known by its outcome, never done again.
    await server.crash();
    await town.start({ clockAheadMs: 600_000 });
    for (const proof of proofs) await proof();
    for (const title of unanswered.filter((name) => name.startsWith("issue-"))) {
      const opened = timesOpened(town, title);
      const { status, json } = await openIssue(town, title);
      assert.ok(status === 200 || json.code === "outcome_unknown", `${status} ${json.code}`);
      assert.ok(timesOpened(town, title) <= 1, `${title} was opened twice`);
      if (opened === 1 && status === 200) assert.equal(timesOpened(town, title), 1);
    }
  });
});

/** A connection that has made one call and now waits; or one that never says a word. */
async function openConnection(origin: string, isSilent: boolean) {
  const { hostname, port } = new URL(origin);
  const socket = openSocket(Number(port), hostname);
  await once(socket, "connect");
  if (!isSilent) {
    socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(socket, "data");
  }
  socket.on("error", () => undefined);
  return { closed: once(socket.resume(), "close").then(() => performance.now()) };
}

async function isRefused(origin: string): Promise<boolean> {
  const { hostname, port } = new URL(origin);
  const socket = openSocket(Number(port), hostname);
  return new Promise((resolve) => {
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code === "ECONNREFUSED"));
    socket.on("connect", () => {
      socket.destroy();
      resolve(false);
    });
  });
}

/** Sends an issue by the raw door, slowly. */
async function upload(town: Town, ms: number): Promise<Answer> {
  const text = JSON.stringify({ title: "uploaded", body: "x".repeat(50_000) });
  const steps = 10;
  async function* slowly() {
    for (let at = 0; at < steps; at += 1) {
      yield Buffer.from(text.slice((at * text.length) / steps, ((at + 1) * text.length) / steps));
      await sleep(ms / steps);
    }
  }
  const response = await fetch(`${town.origin}/proxy/repos/octo/hello/issues`, {
    method: "POST",
    headers: { authorization: `Bearer ${town.token}`, "content-type": "application/json", ...viaProxy },
    body: ReadableStream.from(slowly()),
    duplex: "half",
  });
  const answered = await response.text();
  return { status: response.status, headers: response.headers, text: answered, json: JSON.parse(answered) };
}

async function slowRead(town: Town): Promise<Answer> {
  return town.call("GET", "/proxy/repos/octo/hello", { headers: viaProxy });
}

onEachDatabase("SIGTERM", (kind) => {
  let town: Town;
  before(async () => {
    town = await openTown(kind);
    const first = await town.start();
    await furnish(town);
    first.kill("SIGTERM");
    assert.deepEqual(await first.exit, { code: 0, signal: null });
  });
  after(async () => town.close());

  test("lets everything that was accepted end, takes nothing new, and a second one changes nothing", async () => {
    const server = await town.start({ main: "cli", drainSeconds: 10 });
    const slow = { kind: "slow-headers", delayMs: 1000 } as const;
    town.fake.fault({ ...slow, origin: "api", method: "GET", path: /^\/repos\/octo\/hello$/ });
    town.fake.fault({ ...slow, origin: "api", method: "POST", path: /issues$/ });
    town.fake.fault({ ...slow, origin: "web", method: "POST", path: /access_token$/ });
    const quiet = [await openConnection(town.origin, false), await openConnection(town.origin, true)];
    const refreshed = town.call("POST", "/v1/connections/github/accounts/user_2/refresh");
    const accepted = [slowRead(town), openIssue(town, `drained-${kind}`), upload(town, 1000)];
    await sleep(250);

    const signalled = performance.now();
    server.kill("SIGTERM");
    for (const { closed } of quiet) assert.ok((await closed) - signalled < 800, "an idle connection was kept");
    await eventually(async () => ((await isRefused(town.origin)) ? true : undefined), 500);
    server.kill("SIGTERM");
    await sleep(100);
    server.kill("SIGINT");
    const [read, issue, uploaded] = await Promise.all(accepted);
    assert.equal(read?.json.full_name, "octo/hello");
    assert.equal(issue?.status, 200, issue?.text);
    assert.equal(uploaded?.status, 201, uploaded?.text);
    assert.equal(uploaded.json.body.length, 50_000);
    assert.equal((await refreshed).json.status, "ACTIVE");
    assert.deepEqual(await server.exit, { code: 0, signal: null });
    assert.ok(performance.now() - signalled < 5000, "it waited for nothing");
    assert.doesNotMatch(server.output(), /"level":"(?:warn|error)"/);
    assert.deepEqual((await town.verifyAudit()).faults, []);
    const [event] = await town.raw.rows("select name from audit_events order by at desc, seq desc limit 1");
    assert.equal(event?.["name"], "account.refreshed");
  });

  test("cuts no call of clients that go on calling on the connections they have", async () => {
    const server = await town.start({ main: "cli", drainSeconds: 10 });
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    const ends: string[] = [];
    let done = 0;
    const caller = async (): Promise<void> => {
      for (;;) {
        const end = await oneCall(agent, town);
        if (end === "200") done += 1;
        else return void ends.push(end);
      }
    };
    const callers = Array.from({ length: 8 }, caller);
    await sleep(300);
    server.kill("SIGTERM");
    await Promise.all(callers);
    agent.destroy();
    assert.ok(done > 50, `only ${done} calls`);
    assert.deepEqual(new Set(ends), new Set(["ECONNREFUSED"]));
    assert.deepEqual(await server.exit, { code: 0, signal: null });
  });

  test("cuts what is left when the drain time is over, and says so", async () => {
    const server = await town.start({ main: "cli", drainSeconds: 1 });
    const released = Promise.withResolvers<void>();
    town.fake.fault({ kind: "hold", release: released.promise, origin: "api", method: "GET", path: /hello$/ });
    town.fake.fault({ kind: "hold", release: released.promise, origin: "api", method: "POST", path: /issues$/ });
    const held = [slowRead(town), openIssue(town, `held-${kind}`)].map(async (answer) =>
      answer.then(
        ({ status }) => status,
        () => "cut",
      ),
    );
    await sleep(200);
    const signalled = performance.now();
    server.kill("SIGTERM");
    const ended = await server.exit;
    const took = performance.now() - signalled;
    released.resolve();
    // Those who still listen hear that nobody knows what came of it.
    assert.deepEqual(await Promise.all(held), [502, 502]);
    assert.deepEqual(ended, { code: 0, signal: null });
    assert.ok(took > 900 && took < 2500, `it ended after ${took} ms`);
    assert.match(server.output(), /drain time is over/);
    assert.deepEqual((await town.verifyAudit()).faults, []);
  });

  test("through npm reaches the server twice, and it still drains", { timeout: 30_000 }, async () => {
    const npm = spawn("npm", ["start"], {
      cwd: repositoryRoot,
      detached: true,
      stdio: "ignore",
      env: { ...process.env, ...town.env, npm_config_update_notifier: "false" },
    });
    const group = npm.pid ?? assert.fail();
    const exit = once(npm, "exit");
    try {
      await eventually(async () => ((await isRefused(town.origin)) ? undefined : true), 15_000);
      await eventually(async () => ((await fetch(`${town.origin}/readyz`)).status === 200 ? true : undefined));
      town.fake.fault({ kind: "slow-headers", delayMs: 1500, origin: "api", method: "GET", path: /hello$/ });
      const read = slowRead(town);
      await sleep(250);
      const [server = assert.fail()] = membersOf(group).filter((pid) => commandOf(pid).startsWith("node "));
      process.kill(-group, "SIGTERM");
      // npm hands on what it gets itself, unless a shell that died of it stands between.
      await sleep(50);
      process.kill(server, "SIGTERM");
      await eventually(async () => ((await isRefused(town.origin)) ? true : undefined), 500);
      assert.equal((await read).json.full_name, "octo/hello");
      await eventually(() => (commandOf(server) === "" ? true : undefined), 3000);
      await exit;
    } finally {
      if (membersOf(group).length > 0) process.kill(-group, "SIGKILL");
    }
  });
});

async function oneCall(agent: Agent, town: Town): Promise<string> {
  const headers = { authorization: `Bearer ${town.token}` };
  return new Promise((resolve) => {
    const request = httpRequest(`${town.origin}/v1/accounts`, { agent, headers }, (response) => {
      response.resume();
      response.on("end", () => resolve(String(response.statusCode)));
      response.on("error", (error: NodeJS.ErrnoException) => resolve(`answer ${error.code ?? error.message}`));
    });
    request.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    request.end();
  });
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

/** Living processes of a process group. */
function membersOf(group: number): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => groupOf(pid) === group && commandOf(pid) !== "");
}

function groupOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]);
  } catch {
    return 0;
  }
}
