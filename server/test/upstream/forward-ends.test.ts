// Both ends of a streamed call are cut together, in bounded memory and time (promise 15, design §10.17).
import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { makeForward } from "../../src/upstream/forward.ts";
import { asAnswer, ask, gateway, get, outbound, serve, serveRaw, talk, until } from "./wires.ts";

const mib = 2 ** 20;

test("a slow reader slows the writer, and gets every byte in the end", async (t) => {
  const total = 96 * mib;
  let written = 0;
  const upstream = await serve(t, (_request, response) => {
    response.writeHead(200, { "content-length": total });
    const chunk = Buffer.alloc(64 * 1024, "x");
    const more = (): void => {
      while (written < total) {
        written += chunk.length;
        if (!response.write(chunk)) {
          response.once("drain", more);
          return;
        }
      }
      response.end();
    };
    more();
  });
  const { origin, seen } = await gateway(t, upstream);
  const { port } = new URL(origin);
  const socket = connect(Number(port), "127.0.0.1", () => socket.write(get("/")));
  await sleep(300);
  // Nothing was read: only what socket buffers hold has left the upstream.
  assert.equal(written < 48 * mib, true, `${written / mib} MiB were written`);
  const stalled = written;
  await sleep(100);
  assert.equal(written, stalled);
  let read = 0;
  socket.on("data", (chunk: Buffer) => {
    read += chunk.length;
  });
  await new Promise((resolve) => socket.on("close", resolve));
  assert.equal(read > total, true);
  assert.deepEqual(seen[0]?.streamed, { bytes: total, complete: true });
});

test("a slow upstream slows the uploader, and gets every byte in the end", async (t) => {
  const total = 96 * mib;
  let received = 0;
  const upstream = await serve(t, (request, response) => {
    setTimeout(() => {
      request.on("data", (chunk: Buffer) => {
        received += chunk.length;
      });
      request.on("end", () => response.end("done"));
    }, 350);
  });
  const { origin } = await gateway(t, upstream);
  let taken = 0;
  const body = new Readable({
    read() {
      taken += 64 * 1024;
      this.push(taken <= total ? Buffer.alloc(64 * 1024) : null);
    },
  });
  const answer = new Promise<number | undefined>((resolve, reject) => {
    const request = httpRequest(origin, { method: "PUT" }, (response) => resolve(response.resume().statusCode));
    request.on("error", reject);
    body.pipe(request);
  });
  await sleep(250);
  assert.equal(taken < 48 * mib, true, `${taken / mib} MiB were taken`);
  assert.equal(await answer, 200);
  assert.equal(received, total);
});

test("bodies with a length keep it, bodies without come in chunks", async (t) => {
  const heads: string[] = [];
  const upstream = await serve(t, (request, response) => {
    heads.push(`${request.headers["content-length"]} ${request.headers["transfer-encoding"]}`);
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk)).on("end", () => response.end(Buffer.concat(chunks)));
  });
  const { origin } = await gateway(t, upstream);
  const head = "POST / HTTP/1.1\r\nHost: g\r\nConnection: close\r\n";
  const lines = [`${head}Content-Length: 3\r\n\r\nabc`, `${head}Content-Length: 0\r\n\r\n`];
  for (const line of lines) await talk(origin, line);
  const stream = new Readable({ read() {} });
  const request = httpRequest(origin, { method: "POST" });
  stream.pipe(request);
  stream.push("ab");
  await sleep(50);
  stream.push("c");
  stream.push(null);
  await new Promise((resolve) => request.on("response", (response) => response.resume().on("end", resolve)));
  assert.deepEqual(heads, ["3 undefined", "0 undefined", "undefined chunked"]);
});

test("an Expect header stays here: the caller is told to go on by us", async (t) => {
  const upstream = await serve(t, (request, response) => {
    request.resume().on("end", () => response.end(`expect ${request.headers.expect}`));
  });
  const { origin } = await gateway(t, upstream);
  const head = "POST / HTTP/1.1\r\nHost: g\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab";
  const answer = await talk(origin, head);
  assert.match(answer, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
  assert.match(answer, /expect undefined/);
});

for (const [kind, head] of [
  ["with a length", "Content-Length: 100"],
  ["in chunks", "Transfer-Encoding: chunked"],
] as const) {
  test(`a body ${kind} that upstream cuts is cut for the caller, who can tell`, async (t) => {
    const upstream = await serveRaw(t, (socket) => {
      socket.once("data", () => {
        socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n5\r\nhello`);
        setTimeout(() => socket.destroy(), 50);
      });
    });
    const { origin, seen } = await gateway(t, upstream);
    const answer = await fetch(origin);
    await assert.rejects(answer.text());
    await until(() => seen[0]?.streamed?.complete === false);
  });
}

test("over HTTP/1.0 a cut body ends in a reset, not in a quiet end", async (t) => {
  const upstream = await serveRaw(t, (socket) => {
    socket.once("data", () => {
      socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello");
      setTimeout(() => socket.destroy(), 50);
    });
  });
  const { origin } = await gateway(t, upstream);
  const { port } = new URL(origin);
  const error = await new Promise<Error | null>((resolve) => {
    const socket = connect(Number(port), "127.0.0.1", () => socket.write("GET / HTTP/1.0\r\n\r\n"));
    socket.resume().on("error", resolve);
    socket.on("end", () => resolve(null));
  });
  assert.match(String(error), /ECONNRESET/);
});

test("a caller that goes away before the answer aborts the upstream call", async (t) => {
  let isAborted = false;
  const upstream = await serve(t, (request) => {
    request.on("close", () => {
      isAborted = true;
    });
  });
  const { origin, seen } = await gateway(t, upstream);
  await assert.rejects(fetch(origin, { signal: AbortSignal.timeout(100) }));
  await until(() => isAborted && seen[0]?.failure !== undefined);
  assert.deepEqual(seen[0]?.failure, { reason: "aborted", sent: true });
});

test("a caller that goes away in the middle of the answer aborts the upstream call", async (t) => {
  let isAborted = false;
  const upstream = await serve(t, (request, response) => {
    request.on("close", () => {
      isAborted = true;
    });
    response.write("some");
  });
  const { origin, seen } = await gateway(t, upstream);
  const { port } = new URL(origin);
  const socket = connect(Number(port), "127.0.0.1", () => socket.write(get("/")));
  socket.once("data", () => socket.destroy());
  await until(() => isAborted && seen[0]?.streamed !== undefined);
  assert.deepEqual(seen[0]?.streamed, { bytes: 4, complete: false });
});

test("a caller that goes away in the middle of its body aborts the upstream call", async (t) => {
  let isAborted = false;
  const upstream = await serve(t, (request) => {
    request.resume().on("error", () => {
      isAborted = true;
    });
  });
  const { origin, seen } = await gateway(t, upstream);
  const { port } = new URL(origin);
  const head = "POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 100\r\n\r\nsome";
  const socket = connect(Number(port), "127.0.0.1", () => socket.write(head));
  setTimeout(() => socket.destroy(), 100);
  await until(() => isAborted && seen[0]?.failure !== undefined);
  assert.deepEqual(seen[0]?.failure, { reason: "aborted", sent: true });
});

test("the time limit counts from the end of the body, however long the body takes", async (t) => {
  const upstream = await serve(t, (request, response) => {
    request.resume().on("end", () => setTimeout(() => response.end("ok"), 150));
  });
  const { origin } = await gateway(t, upstream, { timeoutMs: 300 });
  const request = httpRequest(origin, { method: "POST" });
  const status = new Promise((resolve) => request.on("response", (answer) => resolve(answer.resume().statusCode)));
  for (let sent = 0; sent < 5; sent += 1) {
    request.write("part");
    await sleep(100);
  }
  request.end();
  assert.equal(await status, 200);
});

test("an upstream that is silent after the body is a timeout, soon after the limit", async (t) => {
  const upstream = await serve(t, (request) => void request.resume());
  const { origin, seen } = await gateway(t, upstream, { timeoutMs: 200 });
  const started = performance.now();
  await talk(origin, "POST / HTTP/1.1\r\nHost: g\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab");
  const elapsed = performance.now() - started;
  assert.equal(elapsed >= 195 && elapsed < 600, true, `${elapsed} ms`);
  assert.deepEqual(seen[0]?.failure, { reason: "timeout", sent: true });
});

test("an upload at a standstill ends the call", async (t) => {
  const upstream = await serve(t, (request) => void request.resume());
  const { origin, seen } = await gateway(t, upstream, { idleMs: 200 });
  await talk(origin, "POST / HTTP/1.1\r\nHost: g\r\nConnection: close\r\nContent-Length: 9\r\n\r\nab");
  assert.deepEqual(seen[0]?.failure, { reason: "timeout", sent: true });
});

test("an answer at a standstill is cut, one that trickles is not", async (t) => {
  const upstream = await serve(t, (request, response) => {
    response.write("a");
    const timer = setInterval(() => response.write("a"), 100);
    if (request.url === "/stall") clearInterval(timer);
    setTimeout(() => {
      clearInterval(timer);
      if (request.url !== "/stall") response.end();
    }, 600);
  });
  const { origin, seen } = await gateway(t, upstream, { idleMs: 250 });
  assert.equal((await (await fetch(`${origin}/trickle`)).text()).length >= 5, true);
  await assert.rejects((await fetch(`${origin}/stall`)).text());
  assert.deepEqual(seen[1]?.streamed, { bytes: 1, complete: false });
});

test("a reader at a standstill ends both sides", async (t) => {
  let isAborted = false;
  const upstream = await serve(t, (request, response) => {
    request.on("close", () => {
      isAborted = true;
    });
    response.end(Buffer.alloc(96 * mib));
  });
  const { origin, seen } = await gateway(t, upstream, { idleMs: 300 });
  const { port } = new URL(origin);
  const socket = connect(Number(port), "127.0.0.1", () => socket.write(get("/")));
  socket.on("error", () => {});
  await until(() => isAborted && seen[0]?.streamed !== undefined);
  assert.equal(seen[0]?.streamed?.complete, false);
  socket.destroy();
});

test("an answer before the end of the body reaches the caller, whose connection lives on", async (t) => {
  const upstream = await serve(t, (_request, response) => response.writeHead(413).end("too big"));
  const { origin, seen } = await gateway(t, upstream);
  const { port } = new URL(origin);
  let heard = "";
  const socket = connect(Number(port), "127.0.0.1");
  t.after(() => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    heard += chunk.toString();
  });
  socket.write("POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 1000000\r\n\r\n");
  socket.write("x".repeat(300_000));
  await until(() => heard.includes("too big"));
  socket.write("x".repeat(700_000));
  socket.write(get("/next"));
  await until(() => heard.split("too big").length === 3);
  assert.equal(seen.length, 2);
});

test("a call aborted before it was sent says so", async (t) => {
  const forward = makeForward(outbound(t).dispatcher);
  const answer = await forward(ask("http://127.0.0.1:9", { signal: AbortSignal.abort() }));
  assert.deepEqual(answer.kind === "failed" && [answer.reason, answer.sent], ["aborted", false]);
});

test("an upstream that is not there was not sent anything", async (t) => {
  const forward = makeForward(outbound(t).dispatcher);
  const answer = await forward(ask("http://127.0.0.1:1"));
  assert.deepEqual(answer.kind === "failed" && [answer.reason, answer.sent], ["unreachable", false]);
});

test("an upstream that hangs up without an answer may have seen the request", async (t) => {
  const upstream = await serveRaw(t, (socket) => socket.once("data", () => socket.destroy()));
  const forward = makeForward(outbound(t).dispatcher);
  const answer = await forward(ask(upstream));
  assert.deepEqual(answer.kind === "failed" && [answer.reason, answer.sent], ["unreachable", true]);
});

test("an upstream that dies between head and body ends the caller's connection", async (t) => {
  const upstream = await serveRaw(t, (socket) => {
    socket.once("data", () => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
      socket.destroy();
    });
  });
  const { origin, seen } = await gateway(t, upstream, { pauseMs: 100 });
  assert.equal(await talk(origin, get("/")), "");
  assert.deepEqual(seen[0]?.streamed, { bytes: 0, complete: false });
});

test("the request headers and credential that undici refuses make a failure, not an exception", async (t) => {
  const forward = makeForward(outbound(t).dispatcher);
  const answer = await forward(ask("http://127.0.0.1:9", { headers: ["bad name", "x"] }));
  assert.deepEqual(answer.kind === "failed" && [answer.reason, answer.sent], ["unreachable", false]);
  assert.throws(() => asAnswer(answer));
});

test("a body that ends with the connection is whole, also for a slow reader", async (t) => {
  const total = 24 * mib;
  const upstream = await serveRaw(t, (socket) => {
    socket.once("data", () => {
      socket.write("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
      socket.end(Buffer.alloc(total, "x"));
    });
  });
  const { origin, seen } = await gateway(t, upstream, { pauseMs: 100 });
  const answer = await fetch(origin);
  await sleep(200);
  assert.equal((await answer.arrayBuffer()).byteLength, total);
  assert.deepEqual(seen[0]?.streamed, { bytes: total, complete: true });
});

test("a caller that leaves before the last byte did not get the whole answer", async (t) => {
  const total = 8 * mib;
  const upstream = await serve(t, (_request, response) => response.end(Buffer.alloc(total)));
  const { origin, seen } = await gateway(t, upstream);
  const { port } = new URL(origin);
  const socket = connect(Number(port), "127.0.0.1", () => socket.write(get("/")));
  socket.once("readable", () => setTimeout(() => socket.destroy(), 200));
  await until(() => seen[0]?.streamed !== undefined);
  assert.equal(seen[0]?.streamed?.complete, false);
});
