// A buffered exchange answers or says why not, and whether the other side may have seen the request.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Exchange, ExchangeRequest } from "../../src/upstream/exchange.ts";
import { makeForward } from "../../src/upstream/forward.ts";
import { ask, outbound, serve, serveRaw } from "./wires.ts";

function get(url: string, more: Partial<ExchangeRequest> = {}): ExchangeRequest {
  return { method: "GET", url: new URL(url), headers: {}, timeoutMs: 2000, ...more };
}

function failure(exchange: Exchange): readonly [string, boolean] | undefined {
  return exchange.kind === "failed" ? [exchange.reason, exchange.sent] : undefined;
}

test("an exchange carries method, path, query, headers and body, and brings back status, headers and body", async (t) => {
  const upstream = await serve(t, (request, response) => {
    const chunks: Buffer[] = [];
    request
      .on("data", (chunk: Buffer) => chunks.push(chunk))
      .on("end", () => {
        response.writeHead(201, ["X-One", "1", "x-one", "2", "Set-Cookie", "a=b", "__proto__", "p"]);
        const { accept, "content-length": length, "user-agent": agent } = request.headers;
        response.end(
          JSON.stringify([request.method, request.url, accept, length, agent, Buffer.concat(chunks).toString()]),
        );
      });
  });
  const headers = { Accept: "application/json" };
  const exchange = await outbound(t).exchange(get(`${upstream}/a%2Fb?q=1`, { method: "POST", headers, body: "é=1" }));
  assert.equal(exchange.kind, "answer");
  assert.equal(exchange.status, 201);
  assert.equal(exchange.headers["x-one"], "1, 2");
  assert.equal("set-cookie" in exchange.headers, false);
  assert.equal(Object.getPrototypeOf(exchange.headers), Object.prototype);
  assert.deepEqual(JSON.parse(Buffer.from(exchange.body).toString()), [
    "POST",
    "/a%2Fb?q=1",
    "application/json",
    "4",
    "behalf/0.0.0-test",
    "é=1",
  ]);
});

test("a user agent that is given is the one sent", async (t) => {
  const upstream = await serve(t, (request, response) => response.end(request.headers["user-agent"]));
  const exchange = await outbound(t).exchange(get(upstream, { headers: { "User-Agent": "mine" } }));
  assert.equal(exchange.kind === "answer" && Buffer.from(exchange.body).toString(), "mine");
});

test("a redirect is an answer", async (t) => {
  let visits = 0;
  const elsewhere = await serve(t, () => {
    visits += 1;
  });
  const upstream = await serve(t, (_request, response) => response.writeHead(307, { location: elsewhere }).end());
  const exchange = await outbound(t).exchange(get(upstream));
  assert.equal(exchange.kind === "answer" && exchange.status, 307);
  assert.equal(visits, 0);
});

test("nothing is sent twice when the answer does not come", async (t) => {
  let visits = 0;
  const upstream = await serveRaw(t, (socket) => {
    socket.once("data", () => {
      visits += 1;
      socket.destroy();
    });
  });
  const { exchange } = outbound(t);
  assert.deepEqual(failure(await exchange(get(upstream, { method: "POST", body: "x" }))), ["unreachable", true]);
  assert.deepEqual(failure(await exchange(get(upstream))), ["unreachable", true]);
  await sleep(50);
  assert.equal(visits, 2);
});

test("a port where nobody listens was not sent anything", async (t) => {
  assert.deepEqual(failure(await outbound(t).exchange(get("http://127.0.0.1:1"))), ["unreachable", false]);
});

test("a name that does not resolve was not sent anything", async (t) => {
  const lookup = () => Promise.reject(Object.assign(new Error("no such name"), { code: "ENOTFOUND" }));
  const { exchange } = outbound(t, undefined, lookup);
  assert.deepEqual(failure(await exchange(get("https://nowhere.example"))), ["unreachable", false]);
  const empty = outbound(t, undefined, () => Promise.resolve([]));
  assert.deepEqual(failure(await empty.exchange(get("https://nowhere.example"))), ["unreachable", false]);
});

test("an address that is not allowed was not sent anything", async (t) => {
  const { exchange } = outbound(t, { hosts: [], ranges: [] });
  assert.deepEqual(failure(await exchange(get("http://127.0.0.1:1"))), ["blocked", false]);
});

test("time up before the head, and in the middle of the body", async (t) => {
  const upstream = await serve(t, (request, response) => {
    if (request.url === "/body") response.write("some");
  });
  const { exchange } = outbound(t);
  const started = performance.now();
  assert.deepEqual(failure(await exchange(get(`${upstream}/head`, { timeoutMs: 150 }))), ["timeout", true]);
  assert.deepEqual(failure(await exchange(get(`${upstream}/body`, { timeoutMs: 150 }))), ["timeout", true]);
  const elapsed = performance.now() - started;
  assert.equal(elapsed < 900, true, `${elapsed} ms`);
});

test("time up while the name is being resolved: nothing was sent, then or later", async (t) => {
  let visits = 0;
  const upstream = await serve(t, (_request, response) => {
    visits += 1;
    response.end();
  });
  const { port } = new URL(upstream);
  const lookup = async () => {
    await sleep(200);
    return ["127.0.0.1"];
  };
  const { exchange } = outbound(t, { hosts: [`slow.example:${port}`], ranges: [] }, lookup);
  const late = exchange(get(`http://slow.example:${port}`, { timeoutMs: 100 }));
  assert.deepEqual(failure(await late), ["timeout", false]);
  const aborted = exchange(get(`http://slow.example:${port}`, { signal: AbortSignal.timeout(50) }));
  assert.deepEqual(failure(await aborted), ["aborted", false]);
  await sleep(300);
  assert.equal(visits, 0);
  const next = await exchange(get(`http://slow.example:${port}`));
  assert.equal(next.kind, "answer");
});

test("an abort under way ends the exchange, one that was there before sends nothing", async (t) => {
  const upstream = await serve(t, () => {});
  const { exchange } = outbound(t);
  assert.deepEqual(failure(await exchange(get(upstream, { signal: AbortSignal.timeout(50) }))), ["aborted", true]);
  assert.deepEqual(failure(await exchange(get(upstream, { signal: AbortSignal.abort() }))), ["aborted", false]);
});

test("a body beyond the limit ends the exchange", async (t) => {
  const upstream = await serve(t, (_request, response) => response.end("x".repeat(1001)));
  const { exchange } = outbound(t);
  assert.deepEqual(failure(await exchange(get(upstream, { bytesMax: 1000 }))), ["too_large", true]);
  const fits = await exchange(get(upstream, { bytesMax: 1001 }));
  assert.equal(fits.kind === "answer" && fits.body.length, 1001);
});

test("an answer that is cut is no answer", async (t) => {
  const upstream = await serveRaw(t, (socket) => {
    socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"));
  });
  assert.deepEqual(failure(await outbound(t).exchange(get(upstream))), ["unreachable", true]);
});

test("informational answers are not the answer", async (t) => {
  const upstream = await serveRaw(t, (socket) => {
    socket.once("data", () =>
      socket.end("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    );
  });
  const exchange = await outbound(t).exchange(get(upstream));
  assert.equal(exchange.kind === "answer" && exchange.status, 200);
});

test("closing waits for what is under way and takes nothing more", async (t) => {
  const upstream = await serve(t, (_request, response) => setTimeout(() => response.end("ok"), 100));
  const transport = outbound(t);
  const last = transport.exchange(get(upstream));
  await sleep(20);
  const closed = transport.close();
  assert.equal((await last).kind, "answer");
  await closed;
  assert.deepEqual(failure(await transport.exchange(get(upstream))), ["unreachable", false]);
});

test("exchange and forward share connections", async (t) => {
  const ports = new Set<number | undefined>();
  const upstream = await serve(t, (request, response) => {
    ports.add(request.socket.remotePort);
    response.end();
  });
  const transport = outbound(t);
  await transport.exchange(get(upstream));
  await sleep(20);
  const answer = await makeForward(transport.dispatcher)(ask(upstream));
  assert.equal(answer.kind, "answer");
  assert.equal(ports.size, 1);
});
