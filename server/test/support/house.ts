// A whole house for tests: real database, real sockets, the strict fake GitHub, one clock for both.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { setTimeout as sleepFor } from "node:timers/promises";
import { type Behalf, compose } from "../../src/compose.ts";
import type { Config } from "../../src/config.ts";
import { Credential } from "../../src/crypto/credential.ts";
import { systemRandom } from "../../src/crypto/random.ts";
import { createLog } from "../../src/log.ts";
import { databaseOf } from "../../src/opening.ts";
import { type FakeGitHub, startFakeGitHub } from "../fake-github/index.ts";
import { type DatabaseKind, type ScratchDatabase, scratch } from "./databases.ts";

export const adminToken = "test-admin-token-of-more-than-32-characters";
export const clientId = "Iv1.test";
export const clientSecret = "client-secret-for-tests-0123456789";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // Tests read many shapes: what an answer holds is asserted, not typed.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly json: any;
}

export interface Ask {
  readonly token?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

export interface TestHouse {
  readonly behalf: Behalf;
  readonly origin: string;
  readonly fake: FakeGitHub;
  readonly database: ScratchDatabase;
  /** Every line that was logged. */
  readonly lines: string[];
  /** A call of the API; with the project's token unless another is given. */
  call(method: string, path: string, ask?: Ask): Promise<Answer>;
  readonly project: string;
  readonly token: string;
  /** A further process on the same database, with its own memory. */
  replica(): Promise<Behalf & { readonly origin: string }>;
  close(): Promise<void>;
}

/** What most tests do not turn on: nobody counts addresses, no Redis, no token for the metrics. */
export const plainSettings: Pick<Config, "trustedProxies" | "addressLimit" | "redis" | "metricsToken"> = {
  trustedProxies: [],
  addressLimit: 0,
  redis: null,
  metricsToken: null,
};

export interface HouseOptions {
  readonly kind?: DatabaseKind;
  /** The key ring, newest first; default one key. */
  readonly keys?: readonly { readonly id: string; readonly key: Credential }[];
  readonly leaseMs?: number;
  readonly settings?: Partial<typeof plainSettings>;
  readonly allowUpstream?: { hosts: string[]; ranges: { address: string; prefix: number }[] };
}

export function newKey(id: string): { readonly id: string; readonly key: Credential } {
  return { id, key: new Credential(randomBytes(32).toString("base64")) };
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

export async function call(origin: string, method: string, path: string, ask: Ask = {}): Promise<Answer> {
  const response = await fetch(origin + path, {
    method,
    redirect: "manual",
    headers: {
      ...(ask.token === undefined ? {} : { authorization: `Bearer ${ask.token}` }),
      ...(ask.body === undefined ? {} : { "content-type": "application/json" }),
      ...ask.headers,
    },
    ...(ask.body === undefined ? {} : { body: typeof ask.body === "string" ? ask.body : JSON.stringify(ask.body) }),
  });
  const text = await response.text();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: response.status, headers: response.headers, text, json };
}

/** Opens a house with one project, a GitHub App client and people at the fake GitHub; no connection yet. */
export async function openHouse(options: HouseOptions = {}): Promise<TestHouse> {
  const database = await scratch(options.kind ?? "sqlite");
  const fake = await startFakeGitHub();
  const lines: string[] = [];
  const keys = options.keys ?? [newKey("k1")];
  const opened: Behalf[] = [];

  const open = async (): Promise<Behalf & { readonly origin: string }> => {
    const port = await freePort();
    const origin = `http://127.0.0.1:${port}`;
    const store = databaseOf({ database: database.choice });
    await store.migrate();
    const world = {
      now: () => fake.clock.now(),
      random: systemRandom,
      sleep: async (ms: number) => sleepFor(ms),
      log: createLog({ level: "debug", write: (line) => void lines.push(line), now: () => fake.clock.now() }),
      ...(options.leaseMs === undefined ? {} : { leaseMs: options.leaseMs }),
    };
    const allowUpstream = options.allowUpstream ?? { hosts: [], ranges: [{ address: "127.0.0.0", prefix: 8 }] };
    const behalf = await compose(
      {
        url: origin,
        allowUpstream,
        ...plainSettings,
        ...options.settings,
        keys,
        adminToken: new Credential(adminToken),
      },
      store,
      world,
    );
    behalf.server.listen(port, "127.0.0.1");
    await once(behalf.server, "listening");
    opened.push(behalf);
    return { ...behalf, origin };
  };

  // A house that does not come up must not leave its fake listening: the test process would never end.
  const first = await open().catch(async (error: unknown) => {
    await fake.close();
    throw error;
  });
  const created = await call(first.origin, "POST", "/v1/projects", { token: adminToken, body: { name: "Test" } });
  const { id, token } = created.json as { id: string; token: string };
  return {
    behalf: first,
    origin: first.origin,
    fake,
    database,
    lines,
    project: id,
    token,
    call: async (method, path, ask = {}) => call(first.origin, method, path, { token, ...ask }),
    replica: open,
    async close() {
      for (const behalf of opened) {
        behalf.beginEnd();
        behalf.server.closeAllConnections();
        behalf.server.close();
        await behalf.close();
      }
      await fake.close();
      await database.drop();
    },
  };
}
