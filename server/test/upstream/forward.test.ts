// Upstream's answer is the caller's answer (promise 16), the credential stays with its host (promise 14).
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { Credential } from "../../src/crypto/credential.ts";
import { makeForward } from "../../src/upstream/forward.ts";
import { asAnswer, ask, gateway, get, outbound, serve, serveRaw, talk, until } from "./wires.ts";

test("status, reason, headers in order with duplicates, and bytes pass as they are", async (t) => {
  const head = [
    "HTTP/1.1 299 Very Odd",
    "X-B: 1",
    "x-a: caf\xe9",
    "X-B: 2",
    'ETag: W/"abc"',
    "X-RateLimit-Remaining: 12",
    "Content-Length: 4",
  ];
  const upstream = await serveRaw(t, (socket) => {
    socket.once("data", () => socket.write(`${head.join("\r\n")}\r\n\r\nb\xffdy`, "latin1"));
  });
  const { origin } = await gateway(t, upstream);
  const answer = await talk(origin, get("/"));
  assert.equal(answer, `${head.join("\r\n")}\r\nConnection: close\r\n\r\nb\xffdy`);
});

test("a compressed body passes untouched", async (t) => {
  const packed = gzipSync("x".repeat(100_000));
  const upstream = await serve(t, (_request, response) => {
    response.writeHead(200, { "content-encoding": "gzip", "content-length": packed.length }).end(packed);
  });
  const { origin } = await gateway(t, upstream);
  const answer = await talk(origin, get("/", "Accept-Encoding: gzip"));
  assert.match(answer, /content-encoding: gzip/i);
  assert.equal(answer.endsWith(packed.toString("latin1")), true);
});

test("method, path, query and headers reach the upstream byte for byte, with nothing added but the credential", async (t) => {
  const requests: string[] = [];
  const upstream = await serveRaw(t, (socket) => {
    socket.once("data", (chunk: Buffer) => {
      requests.push(chunk.toString("latin1"));
      socket.end("HTTP/1.1 204 No Content\r\n\r\n");
    });
  });
  const { origin } = await gateway(t, `${upstream}/api/v3`, { token: "ghu_secret" });
  const path = "/repos/a/b/contents/src%2Fmain.ts/?q=%0A&x=../..&y=a+b%20c";
  await talk(origin, get(path, "X-One: 1", "Authorization: token bh_live_caller", "Cookie: a=b", "X-One: 2"));
  assert.deepEqual(requests[0]?.split("\r\n"), [
    `GET /api/v3${path} HTTP/1.1`,
    `host: ${new URL(upstream).host}`,
    "connection: keep-alive",
    "X-One: 1",
    "X-One: 2",
    "authorization: Bearer ghu_secret",
    "",
    "",
  ]);
});

test("HEAD, 204, 205 and 304 pass without a body and keep their headers", async (t) => {
  const upstream = await serveRaw(t, (socket) => {
    socket.on("data", (chunk: Buffer) => {
      const [, path] = chunk.toString().split(" ");
      const lines: Record<string, string> = {
        "/head": "200 OK\r\nContent-Length: 123",
        "/204": "204 No Content",
        "/205": "205 Reset Content\r\nContent-Length: 0",
        "/304": '304 Not Modified\r\nETag: "e"',
      };
      socket.write(`HTTP/1.1 ${lines[path ?? ""]}\r\n\r\n`);
    });
  });
  const { origin, seen } = await gateway(t, upstream);
  assert.equal(
    await talk(origin, get("/head").replace("GET", "HEAD")),
    "HTTP/1.1 200 OK\r\nContent-Length: 123\r\nConnection: close\r\n\r\n",
  );
  assert.equal(await talk(origin, get("/204")), "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
  assert.equal(
    await talk(origin, get("/205")),
    "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
  );
  assert.equal(await talk(origin, get("/304")), 'HTTP/1.1 304 Not Modified\r\nETag: "e"\r\nConnection: close\r\n\r\n');
  await until(() => seen.length === 4 && seen.every((one) => one.streamed?.complete === true));
});

test("informational answers and trailers are dropped, chunks and duplicates survive", async (t) => {
  const upstream = await serveRaw(t, (socket) => {
    socket.once("data", () => {
      socket.write("HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n");
      socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n");
      socket.write("3\r\nabc\r\n2\r\nde\r\n0\r\nX-T: late\r\n\r\n");
    });
  });
  const { origin, seen } = await gateway(t, upstream, { pauseMs: 20 });
  const answer = await talk(origin, get("/"));
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
  assert.doesNotMatch(answer, /x-t|early|preload/i);
  assert.match(answer, /Transfer-Encoding: chunked/);
  assert.deepEqual(seen[0]?.streamed, { bytes: 5, complete: true });
});

test("an event reaches the caller when it is sent, and the head before the first event", async (t) => {
  const upstream = await serve(t, (_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    setTimeout(() => response.write("data: 1\n\n"), 150);
  });
  const { origin } = await gateway(t, upstream);
  const started = performance.now();
  const answer = await fetch(origin);
  assert.equal(performance.now() - started < 120, true);
  const first = await answer.body?.getReader().read();
  assert.equal(Buffer.from(first?.value ?? []).toString(), "data: 1\n\n");
});

test("a redirect to another host is an answer: not followed, and the credential stays", async (t) => {
  let visits = 0;
  const elsewhere = await serve(t, (_request, response) => {
    visits += 1;
    response.end();
  });
  const upstream = await serve(t, (_request, response) => {
    response.writeHead(302, { location: `${elsewhere}/steal` }).end();
  });
  const { origin } = await gateway(t, upstream, { token: "ghu_secret" });
  const answer = await talk(origin, get("/"));
  assert.match(answer, /^HTTP\/1\.1 302 Found/);
  assert.match(answer, new RegExp(`location: ${elsewhere}/steal`, "i"));
  assert.doesNotMatch(answer, /ghu_secret/);
  assert.equal(visits, 0);
});

test("a target that would not stay under its base is never sent", async (t) => {
  let visits = 0;
  const upstream = await serve(t, (_request, response) => {
    visits += 1;
    response.end();
  });
  const forward = makeForward(outbound(t).dispatcher);
  for (const target of ["/../x", "/a/%2e%2E/x", "/a\\..\\x", "/x#y"]) {
    const answer = await forward(ask(`${upstream}/api`, { target, credential: new Credential("t") }));
    assert.equal(answer.kind === "failed" && answer.reason, "blocked", target);
  }
  assert.equal(visits, 0);
});

test("a discarded answer frees its connection for the next call", async (t) => {
  const ports = new Set<number | undefined>();
  const upstream = await serve(t, (request, response) => {
    ports.add(request.socket.remotePort);
    response.writeHead(401).end("x".repeat(request.url === "/big" ? 5_000_000 : 1000));
  });
  const forward = makeForward(outbound(t).dispatcher);
  asAnswer(await forward(ask(upstream))).discard();
  await sleep(50);
  asAnswer(await forward(ask(upstream, { target: "/big" }))).discard();
  await sleep(50);
  assert.equal(ports.size, 1);
  asAnswer(await forward(ask(upstream))).discard();
  assert.equal(ports.size, 2);
});

test("one connection serves call after call, and one caller's answer never reaches another", async (t) => {
  const ports = new Set<number | undefined>();
  const upstream = await serve(t, (request, response) => {
    ports.add(request.socket.remotePort);
    response.end(request.url);
  });
  const { origin } = await gateway(t, upstream);
  for (let at = 0; at < 20; at += 1) assert.equal(await (await fetch(`${origin}/${at}`)).text(), `/${at}`);
  assert.equal(ports.size, 1);
  const answers = await Promise.all(
    Array.from({ length: 50 }, async (_, at) => (await fetch(`${origin}/p${at}`)).text()),
  );
  assert.deepEqual(
    answers,
    answers.map((_, at) => `/p${at}`),
  );
});
