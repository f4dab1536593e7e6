// The connection to Redis: quick to give up, never a queue, and no attempt of its own to come back; whoever needs it asks again.
import { Redis } from "ioredis";
import { within } from "./reach.ts";
import { scripts } from "./redis-scripts.ts";

export interface RedisChoice {
  readonly url: string;
  /** Before every key; one Redis may serve several deployments. */
  readonly prefix?: string | undefined;
}

export interface RedisLink {
  /** Runs a script on one key; `key` without the prefix. */
  run(script: keyof typeof scripts, key: string, args: readonly (string | number)[]): Promise<unknown>;
  ping(): Promise<void>;
  close(): Promise<void>;
}

type Scripted = Readonly<
  Record<keyof typeof scripts, (key: string, ...args: readonly (string | number)[]) => Promise<unknown>>
>;

export const redisPatienceMs = 250;
/** A connection may take longer than a call waits for it: the next call finds it. */
const connectMs = 2000;
const endMs = 500;

export function openRedis({ url, prefix = "behalf:" }: RedisChoice, onEnd: (error: Error) => void): RedisLink {
  const client = new Redis(url, {
    scripts: Object.fromEntries(Object.entries(scripts).map(([name, lua]) => [name, { lua, numberOfKeys: 1 }])),
    protocol: 2,
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    commandTimeout: redisPatienceMs,
    connectTimeout: connectMs,
    keepAlive: 10_000,
    disableClientInfo: true,
  });
  // Without a listener ioredis prints what the failing command tells anyway.
  client.on("error", () => undefined);
  let connecting: Promise<void> | undefined;
  let isClosed = false;
  client.on("end", () => onEnd(new Error("The connection to Redis ended")));
  async function connected(): Promise<void> {
    if (client.status === "ready") return;
    if (isClosed) throw new Error("The connection to Redis was closed");
    connecting ??= client.connect().finally(() => {
      connecting = undefined;
    });
    await connecting;
  }
  connected().catch(() => undefined);
  return {
    async run(script, key, args) {
      if (client.status !== "ready") await connected();
      return (client as unknown as Scripted)[script](`${prefix}${key}`, ...args);
    },
    async ping() {
      try {
        await connected();
        await client.ping();
      } catch (error) {
        // A connection that hangs is never noticed by the system in time: the next attempt gets a new one.
        client.disconnect();
        throw error;
      }
    },
    async close() {
      isClosed = true;
      if (client.status === "ready") await within(client.quit(), endMs).catch(() => undefined);
      client.disconnect();
    },
  };
}
