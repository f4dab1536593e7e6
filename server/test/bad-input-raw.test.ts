// What no HTTP library would send: broken framing, broken targets, broken headers. Each gets words or is cut, and nobody else notices.
import assert from "node:assert/strict";
import { connect as dial, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { onEachDatabase } from "./support/databases.ts";
import { assertNothingLeaks, assertProblem, type Doors, type Got, openDoors, send } from "./support/doors.ts";

interface Raw {
  readonly bytes: string | Uint8Array;
  /** Statuses of the answers, in order; none: the connection is closed without one. */
  readonly status: readonly number[];
}

onEachDatabase("requests that no library would send", (kind) => {
  let doors: Doors;
  let host = "";
  let bearer = "";
  before(async () => {
    doors = await openDoors(kind);
    host = `Host: ${new URL(doors.house.origin).host}\r\n`;
    bearer = `Authorization: Bearer ${doors.house.token}\r\n`;
  });
  after(async () => doors.close());

  function open(): Socket {
    const { hostname, port } = new URL(doors.house.origin);
    return dial(Number(port), hostname);
  }

  /** Everything that comes back until the server closes, or says nothing more for a moment. */
  async function talk(bytes: string | Uint8Array): Promise<string> {
    const socket = open();
    return new Promise((resolve) => {
      let said = "";
      let quiet: NodeJS.Timeout | undefined;
      const wait = (ms: number): void => {
        clearTimeout(quiet);
        quiet = setTimeout(() => socket.destroy(), ms);
      };
      socket.on("data", (chunk: Buffer) => {
        said += chunk.toString("latin1");
        wait(40);
      });
      socket.on("error", () => undefined);
      socket.on("close", () => {
        clearTimeout(quiet);
        resolve(said);
      });
      socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
      wait(500);
    });
  }

  /** The answers in what was said; a `100 Continue` is none. */
  function answersIn(said: string): Got[] {
    const found: Got[] = [];
    let rest = said;
    while (rest !== "") {
      const end = rest.indexOf("\r\n\r\n");
      assert.notEqual(end, -1, `half an answer: ${JSON.stringify(rest.slice(0, 200))}`);
      const [line = "", ...lines] = rest.slice(0, end).split("\r\n");
      const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(line)?.[1]);
      assert.equal(status >= 100, true, `no status line: ${line}`);
      const headers = Object.fromEntries(
        lines.map((text) => [text.slice(0, text.indexOf(":")).toLowerCase(), text.slice(text.indexOf(":") + 1).trim()]),
      );
      const length = Number(headers["content-length"] ?? 0);
      const text = Buffer.from(rest.slice(end + 4, end + 4 + length), "latin1").toString();
      rest = rest.slice(end + 4 + length);
      if (status !== 100) found.push({ status, headers, text });
    }
    return found;
  }

  async function judge(cases: Readonly<Record<string, Raw>>): Promise<void> {
    for (const [about, { bytes, status }] of Object.entries(cases)) {
      const answers = answersIn(await talk(bytes));
      assert.deepEqual(
        answers.map((one) => one.status),
        status,
        about,
      );
      for (const got of answers.filter((one) => one.status >= 400)) {
        assertProblem(got, `${about}: ${got.text}`);
        assertNothingLeaks(got.text, [Buffer.from(bytes).toString("latin1")], about);
      }
    }
    await doors.refuseAll([]);
  }

  const json = "Content-Type: application/json\r\n";
  const post = (more: string, body: string): string =>
    `POST /v1/tokens HTTP/1.1\r\n${host}${bearer}${json}${more}\r\n${body}`;
  const get = (target: string, more = "", version = "HTTP/1.1"): string =>
    `GET ${target} ${version}\r\n${host}${bearer}${more}\r\n`;

  test("what is no HTTP/1.1 is told so", async () => {
    await judge({
      garbage: { bytes: "\x00\x01\x02garbage\r\n\r\n", status: [400] },
      "a TLS hello": { bytes: Buffer.from("16030100a5010000a10303", "hex"), status: [400] },
      "an HTTP/2 preface": { bytes: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", status: [400] },
      "no such version": { bytes: get("/v1/tokens", "", "HTTP/9.9"), status: [400] },
      "no version": { bytes: `GET /v1/tokens\r\n${host}${bearer}\r\n`, status: [400] },
      "no such method": { bytes: `FOO /v1/tokens HTTP/1.1\r\n${host}\r\n`, status: [400] },
      "a method in small letters": { bytes: `get /v1/tokens HTTP/1.1\r\n${host}\r\n`, status: [400] },
      "a line break in the target": { bytes: get("/v1/tokens\r\nX: y"), status: [400] },
      "a blank in the target": { bytes: get("/v1/to kens"), status: [400] },
      "raw UTF-8 in the target": { bytes: get("/v1/connections/\xc3\xa9"), status: [400] },
      "NUL in the target": { bytes: get("/v1/connections/\0"), status: [400] },
    });
  });

  test("targets that are not a path of ours", async () => {
    await judge({
      "absolute form": { bytes: get("http://evil.example/v1/tokens"), status: [400] },
      "absolute form of ours": { bytes: get(`${doors.house.origin}/v1/tokens`), status: [400] },
      "another scheme": { bytes: get("ftp://x/y"), status: [400] },
      asterisk: { bytes: `OPTIONS * HTTP/1.1\r\n${host}\r\n`, status: [400] },
      "two slashes": { bytes: get("//evil.example/v1/tokens"), status: [400] },
      "a backslash": { bytes: get("/v1\\tokens"), status: [400] },
      connect: { bytes: `CONNECT evil.example:443 HTTP/1.1\r\n${host}${bearer}\r\n`, status: [405] },
      "connect here": { bytes: `CONNECT ${host.slice(6).trim()} HTTP/1.1\r\n${host}\r\n`, status: [405] },
      trace: { bytes: `TRACE /v1/tokens HTTP/1.1\r\n${host}${bearer}\r\n`, status: [405] },
      "trace at the proxy": { bytes: `TRACE /proxy/user HTTP/1.1\r\n${host}${bearer}\r\n`, status: [405] },
      "trace without proof at the proxy": { bytes: `TRACE /proxy/user HTTP/1.1\r\n${host}\r\n`, status: [401] },
    });
  });

  test("hosts: one, well-formed, and never believed", async () => {
    const line = `GET /v1/tokens HTTP/1.1\r\n${bearer}`;
    await judge({
      none: { bytes: `${line}\r\n`, status: [400] },
      two: { bytes: `${line}${host}Host: evil.example\r\n\r\n`, status: [400] },
      "two alike": { bytes: `${line}${host}${host}\r\n`, status: [400] },
      "none at the proxy": { bytes: `GET /proxy/user HTTP/1.1\r\n${bearer}\r\n`, status: [400] },
      "a blank": { bytes: `${line}Host: a b\r\n\r\n`, status: [400] },
      "a path": { bytes: `${line}Host: a/../b\r\n\r\n`, status: [400] },
      credentials: { bytes: `${line}Host: a@b\r\n\r\n`, status: [400] },
      "a port that is none": { bytes: `${line}Host: a:99999\r\n\r\n`, status: [400] },
      empty: { bytes: `${line}Host:\r\n\r\n`, status: [200] },
      "another's": { bytes: `${line}Host: evil.example\r\n\r\n`, status: [200] },
      "HTTP/1.0 without": { bytes: `GET /v1/tokens HTTP/1.0\r\n${bearer}\r\n`, status: [200] },
      "a health check of HTTP/1.0": { bytes: "GET /healthz HTTP/1.0\r\n\r\n", status: [200] },
    });
    const made = `POST /v1/connections/github/accounts/user_1/link HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\nForwarded: host=evil.example\r\n${bearer}Content-Length: 0\r\n\r\n`;
    const [link] = answersIn(await talk(made));
    assert.equal(link?.status, 201, link?.text);
    assert.equal(link.text.includes("evil.example"), false, link.text);
  });

  test("headers that break out, overflow or contradict each other", async () => {
    await judge({
      "16 KiB and more": { bytes: get("/v1/tokens", `X-Big: ${"a".repeat(20_000)}\r\n`), status: [431] },
      "a long target": { bytes: get(`/v1/tokens?${"a".repeat(20_000)}`), status: [431] },
      "a folded line": { bytes: get("/v1/tokens", "X-A: b\r\n c\r\n"), status: [400] },
      "a bare line feed": { bytes: get("/v1/tokens", "X-A: b\nX-C: d\r\n"), status: [400] },
      "a bare carriage return": { bytes: get("/v1/tokens", "X-A: b\rX-C: d\r\n"), status: [400] },
      "NUL in a value": { bytes: get("/v1/tokens", "X-A: b\0c\r\n"), status: [400] },
      "a blank before the colon": { bytes: get("/v1/tokens", "X-A : b\r\n"), status: [400] },
      "no colon": { bytes: get("/v1/tokens", "nonsense\r\n"), status: [400] },
      "a negative length": { bytes: post("Content-Length: -1\r\n", ""), status: [400] },
      "a length in words": { bytes: post("Content-Length: two\r\n", "{}"), status: [400] },
      "two lengths": { bytes: post("Content-Length: 1\r\nContent-Length: 2\r\n", "{}"), status: [400] },
      "a length and chunks": {
        bytes: post("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        status: [400],
      },
      "an unknown coding": { bytes: post("Transfer-Encoding: gzip\r\n", "{}"), status: [400] },
      "chunked, not last": { bytes: post("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n"), status: [400] },
      "another expectation": { bytes: post("Content-Length: 2\r\nExpect: 200-ok\r\n", "{}"), status: [417] },
      "two proofs": { bytes: get("/v1/tokens", `Authorization: Bearer x\r\n`), status: [401] },
      "an upgrade that nobody offers": {
        bytes: get("/v1/tokens", "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
        status: [200],
      },
    });
  });

  test("bodies that break off or are no chunks", async () => {
    const chunked = "Transfer-Encoding: chunked\r\n";
    await judge({
      "a chunk size that is none": { bytes: post(chunked, "zz\r\n{}\r\n0\r\n\r\n"), status: [400] },
      "a negative chunk": { bytes: post(chunked, "-1\r\n"), status: [400] },
      "a chunk longer than said": { bytes: post(chunked, "1\r\n{}\r\n0\r\n\r\n"), status: [400] },
      "a chunk size beyond measure": { bytes: post(chunked, `${"f".repeat(20)}\r\n{}`), status: [400] },
      "an extension without end": { bytes: post(chunked, `1;${"a".repeat(20_000)}\r\n{\r\n0\r\n\r\n`), status: [400] },
      "a declared body of 2 GB": { bytes: post("Content-Length: 2000000000\r\n", "{"), status: [413] },
      "broken UTF-8": { bytes: post("Content-Length: 4\r\n", '"\xff\xfe"'), status: [400] },
      "an overlong encoding": { bytes: post("Content-Length: 4\r\n", '"\xc0\xae"'), status: [400] },
      "an empty body": { bytes: post("Content-Length: 0\r\n", ""), status: [422] },
      "100-continue": { bytes: post("Content-Length: 2\r\nExpect: 100-continue\r\n", "{}"), status: [422] },
      "100-continue and too much": {
        bytes: post("Content-Length: 2000000\r\nExpect: 100-continue\r\n", ""),
        status: [413],
      },
    });
    for (const bytes of [post("Content-Length: 20\r\n", "{}"), post(chunked, "5\r\n{")]) {
      const socket = open();
      socket.on("error", () => undefined);
      await new Promise<void>((resolve) => socket.write(bytes, () => resolve()));
      await new Promise((resolve) => setTimeout(resolve, 50));
      socket.resetAndDestroy();
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    await doors.refuseAll([]);
  });

  test("garbage behind a good request spoils no more than its own connection", async () => {
    const [good, bad, ...more] = answersIn(await talk(`${get("/v1/presets")}\x01\x02\r\n\r\n`));
    // Which of the two is heard depends on what was ready first; neither is mixed into the other.
    assert.equal([good?.status, bad?.status].includes(400), true);
    assert.equal(more.length, 0);
    const two = answersIn(await talk(get("/v1/presets") + get("/v1/nothing")));
    assert.deepEqual(
      two.map((one) => one.status),
      [200, 404],
    );
    // A body of a GET is read as one: it never becomes the next request.
    const hidden = get("/v1/presets", "Content-Length: 30\r\n") + "GET /v1/nothing HTTP/1.1\r\n\r\n\r\n";
    assert.deepEqual(
      answersIn(await talk(hidden)).map((one) => one.status),
      [200],
    );
    assert.equal((await send(doors.house.origin, { method: "GET", path: "/healthz" })).status, 200);
  });

  test("slow headers end after 10 seconds, and a request has no total time", () => {
    const { server } = doors.house.behalf;
    assert.equal(server.headersTimeout, 10_000);
    assert.equal(server.requestTimeout, 0);
    assert.equal(server.keepAliveTimeout, 60_000);
  });
});
