// A server in a process of its own, that can be killed, stopped and told to end; and the world around it, which stays.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { systemRandom } from "../../src/crypto/random.ts";
import { type AuditReport, verifyAudit } from "../../src/flows/verify-audit.ts";
import { databaseOf, openStore } from "../../src/opening.ts";
import { type FakeGitHub, startFakeGitHub } from "../fake-github/index.ts";
import { type DatabaseKind, scratch } from "./databases.ts";
import { type Answer, type Ask, adminToken, call, clientId, clientSecret, freePort, newKey } from "./house.ts";
import { Browser, issuedBy } from "./person.ts";
import { openRaw, type RawDatabase } from "./sql.ts";

export const repositoryRoot = fileURLToPath(new URL("../../../", import.meta.url));
const mains = {
  /** With the settings of ProcessOptions. */
  child: fileURLToPath(new URL("./child-main.ts", import.meta.url)),
  /** As an operator starts it. */
  cli: join(repositoryRoot, "server/behalf.js"),
} as const;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ServerProcess {
  readonly pid: number;
  readonly origin: string;
  /** What it has written so far. */
  output(): string;
  kill(signal: NodeJS.Signals): void;
  readonly exit: Promise<Ended>;
  /** kill -9, and gone. */
  crash(): Promise<void>;
}

export interface ProcessOptions {
  readonly main?: keyof typeof mains;
  readonly port?: number;
  readonly leaseMs?: number;
  readonly sweepMs?: number;
  readonly clockAheadMs?: number;
  /** Names never resolve; else they all mean 127.0.0.1. */
  readonly stuckResolver?: boolean;
  readonly drainSeconds?: number;
}

/** Several processes at once or one after the other, on one database and one GitHub. */
export interface Town {
  readonly kind: DatabaseKind;
  readonly fake: FakeGitHub;
  readonly raw: RawDatabase;
  readonly origin: string;
  /** The project's token. */
  readonly token: string;
  /** Settings of every process here. */
  readonly env: Readonly<Record<string, string>>;
  start(options?: ProcessOptions): Promise<ServerProcess>;
  call(method: string, path: string, ask?: Ask): Promise<Answer>;
  /** Makes the project and the connection `github`; `web` instead of the fake's own. */
  settle(web?: string): Promise<void>;
  /** The whole way of a person: a link, GitHub, back. */
  connect(identifier: string, login: string): Promise<void>;
  verifyAudit(): Promise<AuditReport>;
  close(): Promise<void>;
}

async function isReady(origin: string): Promise<boolean> {
  try {
    return (await fetch(`${origin}/readyz`)).status === 200;
  } catch {
    return false;
  }
}

type Env = Readonly<Record<string, string>>;

function spawnMain(main: keyof typeof mains, env: Env): ChildProcess {
  const cache = { NODE_COMPILE_CACHE: join(tmpdir(), "behalf-test-compile-cache") };
  const child = spawn(process.execPath, [mains[main], "serve"], {
    cwd: tmpdir(),
    env: { PATH: process.env["PATH"], ...cache, ...env },
    stdio: "pipe",
  });
  // Whoever is killed does not read to the end.
  child.stdin.on("error", () => undefined);
  return child;
}

/** Starts a server, in a process that waits for its settings or was given them, until it is ready. */
async function serveIn(child: ChildProcess, origin: string, env: Env): Promise<ServerProcess> {
  child.stdin?.end(`${JSON.stringify(env)}\n`);
  let text = "";
  const hear = (chunk: Buffer): void => void (text += chunk.toString());
  child.stdout?.on("data", hear);
  child.stderr?.on("data", hear);
  const exit = once(child, "exit").then(([code, signal]): Ended => ({ code, signal }));
  const gone = exit.then(() => true);
  while (!(await isReady(origin))) {
    if (await Promise.race([gone, sleep(10)])) throw new Error(`The server did not start: ${text}`);
  }
  const kill = (signal: NodeJS.Signals): void => void child.kill(signal);
  const crash = async (): Promise<void> => {
    kill("SIGKILL");
    await exit;
  };
  return { pid: child.pid ?? 0, origin, output: () => text, kill, exit, crash };
}

function optionsAsEnv(options: ProcessOptions): Record<string, string> {
  const given: Record<string, string | number | undefined> = {
    BEHALF_TEST_LEASE_MS: options.leaseMs,
    BEHALF_TEST_SWEEP_MS: options.sweepMs,
    BEHALF_TEST_CLOCK_AHEAD_MS: options.clockAheadMs,
    BEHALF_TEST_RESOLVER: options.stuckResolver === true ? "stuck" : undefined,
    BEHALF_DRAIN_SECONDS: options.drainSeconds,
  };
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return Object.fromEntries(set.map(([name, value]) => [name, String(value)]));
}

/** A database, a GitHub with the person `octo`, and no process yet. */
export async function openTown(kind: DatabaseKind): Promise<Town> {
  const database = await scratch(kind);
  const fake = await startFakeGitHub();
  fake.user({ login: "octo" });
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const key = newKey("k1");
  const env = {
    BEHALF_PORT: String(port),
    BEHALF_DATABASE_URL: database.url,
    BEHALF_KEYS: `${key.id}:${key.key.reveal()}`,
    BEHALF_ADMIN_TOKEN: adminToken,
    BEHALF_ALLOW_UPSTREAM: "127.0.0.0/8",
  };
  const store = databaseOf({ database: database.choice });
  await store.migrate();
  const raw = await openRaw(database);
  const opened = await openStore(store, [key], { now: () => Date.now(), random: systemRandom });
  const started: ServerProcess[] = [];
  let spare = spawnMain("child", {});
  let token = "";
  const ask: Town["call"] = async (method, path, more = {}) => call(origin, method, path, { token, ...more });

  return {
    kind,
    fake,
    raw,
    origin,
    env,
    get token() {
      return token;
    },
    async start(options = {}) {
      const own = options.port === undefined ? {} : { BEHALF_PORT: String(options.port), BEHALF_URL: origin };
      const at = options.port === undefined ? origin : `http://127.0.0.1:${options.port}`;
      const settings = { ...env, ...own, ...optionsAsEnv(options) };
      const child = options.main === "cli" ? spawnMain("cli", settings) : spare;
      const server = await serveIn(child, at, settings);
      started.push(server);
      if (child === spare) spare = spawnMain("child", {});
      return server;
    },
    call: ask,
    async settle(web = fake.web) {
      const made = await call(origin, "POST", "/v1/projects", { token: adminToken, body: { name: "Test" } });
      token = (made.json as { token: string }).token;
      const redirectUris = [`${origin}/oauth/callback`];
      fake.client({ clientId, clientSecret, kind: "github-app", redirectUris });
      const body = connectionBody("github", { web, api: fake.api });
      const answer = await ask("POST", "/v1/connections", { body });
      if (answer.status !== 201) throw new Error(`connection: ${answer.status} ${answer.text}`);
    },
    async connect(identifier, login) {
      const path = `/v1/connections/github/accounts/${identifier}`;
      await ask("PUT", path);
      const { link } = (await ask("POST", `${path}/link`, { body: {} })).json as { link: string };
      const browser = new Browser();
      const toGitHub = new URL((await browser.get(link)).location ?? "");
      const back = await fake.approve(fake.web + toGitHub.pathname + toGitHub.search, login);
      const landing = await browser.get(issuedBy(toGitHub.origin, back));
      if (landing.status !== 200) throw new Error(`connect: ${landing.status} ${landing.text}`);
    },
    verifyAudit: async () => verifyAudit(opened),
    async close() {
      spare.kill("SIGKILL");
      for (const server of started) {
        // A stopped process must go too.
        server.kill("SIGKILL");
        await server.exit;
      }
      await raw.close();
      await store.close();
      await fake.close();
      await database.drop();
    },
  };
}

export function connectionBody(name: string, hosts: { readonly web: string; readonly api: string }) {
  const client = { client_id: clientId, client_secret: clientSecret };
  return { name, preset: "github-app", ...client, verification: "none", hosts };
}

/** Waits until it answers with something, at most so long. */
export async function eventually<T>(what: () => Promise<T | undefined> | T | undefined, withinMs = 5000): Promise<T> {
  const end = performance.now() + withinMs;
  for (;;) {
    const found = await what();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`Nothing after ${withinMs} ms`);
    await sleep(10);
  }
}
