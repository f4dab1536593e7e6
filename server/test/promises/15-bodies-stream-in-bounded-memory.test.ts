// Bodies stream both ways in bounded memory (promise 15): a server in a process of its own, watched from outside.
// The benchmark has the 2 GiB; a quarter of one is enough to tell streaming from keeping.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request as ask, createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect as open } from "node:net";
import { Readable } from "node:stream";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type FakeGitHub, startFakeGitHub } from "../fake-github/index.ts";
import { type Acting, actAs, type Child, requestBytes, startChild, until } from "../support/child.ts";
import { adminToken, call, type TestHouse } from "../support/house.ts";

const mib = 2 ** 20;
const large = 256 * mib;
const chunk = Buffer.alloc(64 * 1024, "x");

/** One call as the upstream lives it. */
interface Visit {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  written: number;
  received: number;
  /** The connection ended before both bodies were whole. */
  aborted: boolean;
}

let child: Child;
let fake: FakeGitHub;
let upstream: Server;
let acting: Acting;
/** Where the endpoint begins. */
let endpoint = "";
const visits: Visit[] = [];

function visit(request: IncomingMessage, response: ServerResponse): void {
  if (request.url === "/user") {
    response.writeHead(200, { "content-type": "application/json" }).end('{"id":7,"login":"octo"}');
    return;
  }
  const one: Visit = { request, response, written: 0, received: 0, aborted: false };
  visits.push(one);
  response.on("close", () => (one.aborted = !response.writableFinished));
  const path = new URL(`http://x${request.url ?? ""}`);
  const size = Number(path.searchParams.get("size") ?? "0");
  if (path.pathname === "/down") pour(one, size, path.searchParams.has("chunked"));
  if (path.pathname === "/up") drink(one);
  if (path.pathname === "/die") {
    response.writeHead(200, path.searchParams.has("chunked") ? {} : { "content-length": size });
    response.write(chunk, () => setTimeout(() => request.socket.destroy(), 50));
  }
}

/** As fast as the reader takes it. */
function pour(one: Visit, size: number, isChunked: boolean): void {
  one.response.writeHead(200, isChunked ? {} : { "content-length": size });
  const more = (): void => {
    while (one.written < size) {
      one.written += chunk.length;
      if (one.response.write(chunk)) continue;
      one.response.once("drain", more);
      return;
    }
    one.response.end();
  };
  more();
}

function drink(one: Visit): void {
  one.request.on("data", (data: Buffer) => (one.received += data.length));
  one.request.on("end", () => one.response.end(String(one.received)));
}

before(async () => {
  fake = await startFakeGitHub();
  upstream = createServer({ requestTimeout: 0 }, visit).listen(0, "127.0.0.1");
  await once(upstream, "listening");
  child = await startChild({ BEHALF_ADMIN_TOKEN: adminToken, BEHALF_ALLOW_UPSTREAM: "127.0.0.0/8" });
  const { origin } = child;
  const project = await call(origin, "POST", "/v1/projects", { token: adminToken, body: { name: "Test" } });
  const token = project.json.token as string;
  const asked: TestHouse["call"] = async (method, path, more = {}) => call(origin, method, path, { token, ...more });
  const house = { origin, token, fake, call: asked } as TestHouse;
  const api = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  acting = await actAs(house, api);
  const members = {
    slug: "github",
    name: "x",
    upstream_url: api,
    connection: "github",
    methods: ["GET", "POST", "PUT"],
  };
  const made = await house.call("POST", "/v1/endpoints", { body: members });
  endpoint = new URL(made.json.url as string).pathname;
  // What a first large body makes the process keep is not what the next ones cost.
  await download("/down?size=33554432");
  await upload(32 * mib, true);
});
after(async () => {
  await child.stop();
  upstream.closeAllConnections();
  upstream.close();
  await fake.close();
});
beforeEach(() => void visits.splice(0));

function headers(): Record<string, string> {
  return { authorization: `token ${acting.bound}` };
}

async function download(path: string, door = "/api/v3"): Promise<number> {
  let read = 0;
  const answer = await fetch(`${child.origin}${door}${path}`, { headers: headers() });
  for await (const data of answer.body ?? []) read += (data as Uint8Array).length;
  return read;
}

interface UploadOptions {
  readonly door?: string;
  readonly onChunk?: (sent: number) => void;
}

async function upload(size: number, hasLength: boolean, options: UploadOptions = {}): Promise<string> {
  const { door = "/api/v3", onChunk } = options;
  let sent = 0;
  const body = new Readable({
    read() {
      onChunk?.(sent);
      const more = sent < size;
      sent += more ? chunk.length : 0;
      this.push(more ? chunk : null);
    },
  });
  const length = hasLength ? { "content-length": size } : {};
  const request = ask(`${child.origin}${door}/up`, { method: "PUT", headers: { ...headers(), ...length } });
  body.pipe(request);
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  return (await answer.toArray()).join("");
}

function residentMiB(): number {
  const status = readFileSync(`/proc/${child.process.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

/** How much the server's memory grew at its highest while `work` ran. */
async function growth(work: () => Promise<void>): Promise<number> {
  const start = residentMiB();
  let highest = start;
  const timer = setInterval(() => (highest = Math.max(highest, residentMiB())), 5);
  await work();
  clearInterval(timer);
  return Math.max(highest, residentMiB()) - start;
}

const canWatch = process.platform === "linux" ? false : "needs /proc";

describe("256 MiB pass with at most 64 MiB more memory,", { skip: canWatch }, () => {
  test("down, with a length and in chunks", async () => {
    for (const kind of ["", "&chunked"]) {
      const grown = await growth(async () => assert.equal(await download(`/down?size=${large}${kind}`), large));
      assert.ok(grown <= 64, `${grown} MiB ${kind}`);
    }
  });

  test("up, with a length and in chunks", async () => {
    for (const hasLength of [true, false]) {
      const grown = await growth(async () => assert.equal(await upload(large, hasLength), String(large)));
      assert.ok(grown <= 64, `${grown} MiB ${hasLength}`);
    }
  });

  test("both ways through an endpoint", async () => {
    const down = await growth(async () => assert.equal(await download(`/down?size=${large}`, endpoint), large));
    assert.ok(down <= 64, `${down} MiB down`);
    const up = await growth(async () => {
      assert.equal(await upload(large, false, { door: endpoint }), String(large));
    });
    assert.ok(up <= 64, `${up} MiB up`);
  });

  test("while the reader reads nothing at all", async () => {
    const grown = await growth(async () => {
      const sockets = await Promise.all(Array.from({ length: 8 }, async () => stalledReader()));
      await until(() => visits.length === 8 && visits.every(({ written }) => written > mib));
      await sleep(300);
      for (const socket of sockets) socket.destroy();
    });
    assert.ok(grown <= 64, `${grown} MiB`);
  });
});

async function stalledReader() {
  const socket = open(Number(new URL(child.origin).port), "127.0.0.1");
  await once(socket, "connect");
  socket.write(requestBytes(`GET /api/v3/down?size=${large}`, [`Authorization: token ${acting.bound}`]));
  return socket;
}

describe("the slower end sets the pace:", () => {
  test("a reader that stops, stops the writer, and then gets every byte", async () => {
    const socket = await stalledReader();
    await until(() => visits.length === 1);
    await sleep(300);
    const stalled = visits[0]?.written ?? 0;
    assert.ok(stalled < 64 * mib, `${stalled / mib} MiB were written to nobody`);
    await sleep(200);
    assert.equal(visits[0]?.written, stalled);
    let read = 0;
    socket.on("data", (data: Buffer) => (read += data.length));
    await once(socket, "end");
    assert.ok(read > large && read < large + 2000, String(read));
  });

  test("an upstream that stops reading, stops the uploader, and then gets every byte", async () => {
    upstream.removeAllListeners("request");
    upstream.on("request", (request, response) => {
      const one: Visit = { request, response, written: 0, received: 0, aborted: false };
      visits.push(one);
      setTimeout(() => drink(one), 600);
    });
    let taken = 0;
    const answer = upload(large, true, { onChunk: (sent) => (taken = sent) });
    await until(() => visits.length === 1);
    await sleep(400);
    assert.ok(taken < 64 * mib, `${taken / mib} MiB were taken for nobody`);
    assert.equal(await answer, String(large));
    upstream.removeAllListeners("request").on("request", visit);
  });
});

describe("one end that dies takes the other with it:", () => {
  test("a client that leaves while it waits, reads or writes ends the upstream call", async () => {
    const token = `Authorization: token ${acting.bound}`;
    const requests = [
      requestBytes("GET /api/v3/silent", [token]),
      requestBytes(`GET /api/v3/down?size=${large}`, [token]),
      requestBytes("POST /api/v3/silent", [token, "Content-Length: 4"], "body"),
      requestBytes("POST /api/v3/up", [token, "Content-Length: 500000"], "some"),
      requestBytes(`GET ${endpoint}/silent`, [token]),
      requestBytes(`GET ${endpoint}/down?size=${large}`, [token]),
      requestBytes(`POST ${endpoint}/up`, [token, "Content-Length: 500000"], "some"),
    ];
    for (const bytes of requests) {
      visits.splice(0);
      const socket = open(Number(new URL(child.origin).port), "127.0.0.1");
      await once(socket, "connect");
      socket.write(bytes);
      await until(() => visits.length === 1);
      assert.equal(visits[0]?.aborted, false);
      socket.destroy();
      await until(() => visits[0]?.aborted === true, 1000);
    }
  });

  test("an upstream that dies in the middle cuts the client, who can tell", async () => {
    for (const kind of ["", "&chunked"]) {
      const answer = await fetch(`${child.origin}/api/v3/die?size=${mib}${kind}`, { headers: headers() });
      assert.equal(answer.status, 200);
      await assert.rejects(answer.arrayBuffer());
    }
  });

  test("a client that leaves does not harm the next one", async () => {
    for (let round = 0; round < 20; round += 1) {
      const left = new AbortController();
      const answer = await fetch(`${child.origin}/api/v3/down?size=${8 * mib}`, {
        headers: headers(),
        signal: left.signal,
      });
      left.abort();
      await answer.body?.cancel().catch(() => {});
      assert.equal(await download(`/down?size=${mib}`), mib);
    }
    assert.equal(child.process.exitCode, null);
  });
});
