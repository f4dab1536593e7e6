// What stands around a house under test: a server process of its own, an upstream and a client that speak raw bytes.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, connect as open, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { TestHouse } from "./house.ts";
import { connect, makeConnection } from "./person.ts";

export interface Child {
  readonly origin: string;
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

/** `behalf serve` in a process and a folder of its own, on SQLite and a free port, with these settings on top. */
export async function startChild(settings: Readonly<Record<string, string>>): Promise<Child> {
  const folder = mkdtempSync(join(tmpdir(), "behalf-child-"));
  const child = spawn(process.execPath, [fileURLToPath(new URL("../../src/cli.ts", import.meta.url)), "serve"], {
    cwd: folder,
    env: { BEHALF_PORT: "0", BEHALF_DATABASE_URL: `file:${folder}/behalf.db`, BEHALF_LOG_LEVEL: "error", ...settings },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const isListening = (): boolean => /listens on http:\/\/\S+/.test(said);
  await until(() => isListening() || child.exitCode !== null, 10_000);
  const origin = /listens on (http:\/\/\S+)/.exec(said)?.[1];
  if (origin === undefined) throw new Error(`The server did not start: ${said}`);
  return {
    origin,
    process: child,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGKILL");
        await once(child, "exit");
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** One request as its bytes came in, read as Latin-1. */
export interface Heard {
  readonly method: string;
  readonly target: string;
  /** Request line and headers, without the empty line. */
  readonly head: string;
  readonly body: string;
  readonly socket: Socket;
}

export interface RawUpstream {
  readonly origin: string;
  readonly heard: Heard[];
  /** The bytes of the answer as Latin-1; null answers nothing. Starts as a provider that knows one person. */
  say: (heard: Heard) => string | null;
  close(): Promise<void>;
}

const person = JSON.stringify({ id: 7, login: "octo", name: null });

export function answered(status: string, headers: readonly string[], body = ""): string {
  return `${[`HTTP/1.1 ${status}`, ...headers].join("\r\n")}\r\n\r\n${body}`;
}

function asProvider({ target }: Heard): string {
  const body = target === "/user" ? person : "[]";
  return answered("200 OK", ["Content-Type: application/json", `Content-Length: ${body.length}`], body);
}

/** An upstream that answers with exactly the bytes it is told to. */
export async function rawUpstream(): Promise<RawUpstream> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}).on("close", () => sockets.delete(socket)));
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      const request = wholeRequest(text);
      if (request === undefined) return;
      text = "";
      const one = { ...request, socket };
      upstream.heard.push(one);
      const said = upstream.say(one);
      if (said !== null) socket.write(said, "latin1");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const upstream: RawUpstream = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard: [],
    say: asProvider,
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
  return upstream;
}

function wholeRequest(text: string): Omit<Heard, "socket"> | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const [head, body] = [text.slice(0, end), text.slice(end + 4)];
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? "0");
  const isChunked = /\r\ntransfer-encoding: *chunked/i.test(head);
  if (isChunked ? !body.endsWith("0\r\n\r\n") : body.length < length) return undefined;
  const [method = "", target = ""] = head.split(" ", 2);
  return { method, target, head, body };
}

/** Sends bytes and collects bytes until the other side closes; at most five seconds. */
export async function wire(origin: string, text: string): Promise<string> {
  const socket = open(Number(new URL(origin).port), "127.0.0.1");
  socket.setTimeout(5000, () => socket.destroy(new Error("The other side neither answers nor closes")));
  socket.on("connect", () => socket.write(text, "latin1"));
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await new Promise<void>((resolve, reject) => {
    socket.on("close", () => resolve());
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "ECONNRESET" && error.code !== "EPIPE") reject(error);
    });
  });
  return Buffer.concat(chunks).toString("latin1");
}

/** A request for `wire`, as bytes: one that asks for the connection to be closed. */
export function requestBytes(line: string, headers: readonly string[], body = ""): string {
  return `${[`${line} HTTP/1.1`, "Host: behalf", "Connection: close", ...headers].join("\r\n")}\r\n\r\n${body}`;
}

/** Waits until something is true. */
export async function until(isTrue: () => boolean, longestMs = 3000): Promise<void> {
  const end = performance.now() + longestMs;
  while (!isTrue()) {
    if (performance.now() > end) throw new Error(`It did not become true in ${longestMs} ms`);
    await sleep(10);
  }
}

export interface Acting {
  /** A token bound to the account: for /api/v3. */
  readonly bound: string;
  /** Names the account at /proxy. */
  readonly naming: { readonly connection_name: string; readonly identifier: string };
  /** The same as lines of raw bytes, with the project's token. */
  readonly lines: readonly string[];
  /** The account's own token at GitHub. */
  readonly credential: string;
}

/** Connects `octo` as `user_1` by an OAuth App whose API is at `api`, and mints a token bound to the account. */
export async function actAs(house: TestHouse, api: string): Promise<Acting> {
  house.fake.user({ login: "octo", id: 7 });
  await makeConnection(house, { preset: "github", more: { hosts: { web: house.fake.web, api }, scopes: ["repo"] } });
  const landing = await connect(house);
  if (landing.status !== 200) throw new Error(`connect: ${landing.status} ${landing.text}`);
  const minted = await house.call("POST", "/v1/tokens", {
    body: { name: "run", scopes: ["proxy", "tools"], account: { connection: "github", identifier: "user_1" } },
  });
  return {
    bound: minted.json.token as string,
    naming: { connection_name: "github", identifier: "user_1" },
    lines: [
      `Authorization: Bearer ${house.token}`,
      "connection_name: github",
      "identifier: user_1",
      "User-Agent: behalf-tests",
    ],
    credential: house.fake.liveTokens("octo")[0]?.access ?? "",
  };
}
