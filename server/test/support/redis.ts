// The Redis that limits are counted in. Its suites are skipped, loudly, where none answers. A line to it can be cut.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { Redis } from "ioredis";

const redisUrl = process.env["BEHALF_TEST_REDIS_URL"] ?? "redis://127.0.0.1:6379";

export interface ScratchRedis {
  /** As BEHALF_REDIS_URL. */
  readonly url: string;
  /** Of its own, since nobody's Redis is emptied for a test. */
  readonly prefix: string;
  /** Every key under the prefix, with its raw value. */
  dump(): Promise<Record<string, unknown>>;
  /** Forgets all, as a Redis does that was started anew. */
  forget(): Promise<void>;
  drop(): Promise<void>;
}

async function answers(): Promise<boolean> {
  const client = new Redis(redisUrl, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 5000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.ping();
    return true;
  } catch {
    return false;
  } finally {
    client.disconnect();
  }
}

const redisAnswers = await answers();
if (!redisAnswers && process.env["BEHALF_TEST_REQUIRE_SERVICES"] === "1") {
  throw new Error("Redis does not answer, and BEHALF_TEST_REQUIRE_SERVICES=1 lets no suite be skipped");
}

/** For the options of a suite that needs Redis. */
export const withoutRedis: false | string = redisAnswers ? false : "Redis does not answer";

export async function scratchRedis(): Promise<ScratchRedis> {
  const prefix = `behalf-test:${randomBytes(8).toString("hex")}:`;
  const client = new Redis(redisUrl);
  const keys = async (): Promise<string[]> => client.keys(`${prefix}*`);
  async function forget(): Promise<void> {
    const found = await keys();
    if (found.length > 0) await client.del(found);
  }
  return {
    url: redisUrl,
    prefix,
    async dump() {
      const values: Record<string, unknown> = {};
      for (const key of await keys()) {
        const isHash = (await client.type(key)) === "hash";
        values[key] = isHash ? await client.hgetall(key) : await client.zrange(key, "0", "-1");
      }
      return values;
    },
    forget,
    async drop() {
      await forget();
      await client.quit();
    },
  };
}

/** A line to a server, which can be cut, or go silent, without anything being done to the server. */
export interface Line {
  readonly url: string;
  cut(): void;
  /** Takes connections and bytes, and answers nothing. */
  silence(): void;
  mend(): void;
  close(): Promise<void>;
}

export async function lineTo(target: string): Promise<Line> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let state: "open" | "cut" | "silent" = "open";
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
  };
  const server = createServer((client) => {
    keep(client);
    if (state === "cut") return void client.destroy();
    if (state === "silent") return void client.resume();
    const upstream = connect({ host: hostname, port: Number(port === "" ? 6379 : port) });
    keep(upstream);
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
    client.on("data", (bytes: Buffer) => state === "open" && upstream.write(bytes));
    upstream.on("data", (bytes: Buffer) => state === "open" && client.write(bytes));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const drop = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const url = new URL(target);
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: url.href,
    cut() {
      state = "cut";
      drop();
    },
    silence() {
      state = "silent";
    },
    mend() {
      state = "open";
      drop();
    },
    async close() {
      drop();
      server.close();
      await once(server, "close");
    },
  };
}
