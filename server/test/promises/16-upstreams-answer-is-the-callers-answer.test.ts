// Upstream's answer is the caller's answer (promise 16), and the caller's request is upstream's, byte for byte, less the tables of design §10.5.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { type Acting, actAs, answered, type RawUpstream, rawUpstream, requestBytes, wire } from "../support/child.ts";
import { clientId, openHouse, type TestHouse } from "../support/house.ts";

let house: TestHouse;
let upstream: RawUpstream;
let acting: Acting;
before(async () => {
  upstream = await rawUpstream();
  house = await openHouse();
  acting = await actAs(house, upstream.origin);
  const members = { slug: "github", name: "x", upstream_url: upstream.origin, connection: "github" };
  const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"];
  const made = await house.call("POST", "/v1/endpoints", { body: { ...members, methods, identifier: "user_1" } });
  doors.push(new URL(made.json.url as string).pathname);
});
after(async () => {
  await house.close();
  await upstream.close();
});
beforeEach(() => {
  forget();
  upstream.heard.splice(0);
});

/** Answers that speak of GitHub's limits stop the calls that follow, until the time they name. */
function forget(): void {
  house.fake.clock.advance(3_601_000);
}

/** Where the doors begin whose answers are problems: `/proxy`, and the endpoint. */
const doors = ["/proxy"];

/** An endpoint knows its account: names in headers belong to `/proxy`. */
function linesFor(door: string): readonly string[] {
  return door === "/proxy"
    ? acting.lines
    : acting.lines.filter((line) => !/^(?:connection_name|identifier):/.test(line));
}

/** The caller's whole answer to what upstream says, as bytes: the same through every door. */
async function passed(said: string, line = "GET /proxy/x"): Promise<string> {
  upstream.say = () => said;
  const answers: string[] = [];
  for (const door of doors) {
    forget();
    answers.push(await wire(house.origin, requestBytes(line.replace("/proxy", door), linesFor(door))));
  }
  assert.equal(answers[1]?.replaceAll(doors[1] ?? "", "/proxy"), answers[0]);
  return answers[0] ?? "";
}

describe("status, headers and body arrive as they left:", () => {
  const fine = "200 OK|200 Fine By Me|201 Created|202 |203 X|206 Partial Content|207 Multi|226 IM Used|299 Odd";
  const other = "300 Many|303 See Other|305 Proxy|400 Bad|402 Pay|403 No|404 Not Found|405 Not So|409 C|410 Gone";
  const errors = "418 Teapot|422 U|429 Too Many|451 Law|499 Closed|500 Oh|502 Bad|503 Busy|504 Late|520 Web|599 Last";
  for (const status of [fine, other, errors].join("|").split("|")) {
    test(status, async () => {
      const head = ["X-Thing: 1", "Content-Type: text/plain", "Retry-After: 7", "Content-Length: 4"];
      assert.equal(
        await passed(answered(status, head, "bo\xffy")),
        answered(status, [...head, "Connection: close"], "bo\xffy"),
      );
    });
  }

  test("a 401 that stands", async () => {
    // The provider's check says that the token lives: then the 401 is upstream's word.
    const refusal = answered("401 Unauthorized", ['WWW-Authenticate: Basic realm="x"', "Content-Length: 2"], "no");
    upstream.say = ({ target }) =>
      target === `/applications/${clientId}/token`
        ? answered("200 OK", ["Content-Type: application/json", "Content-Length: 2"], "{}")
        : refusal;
    const answer = await wire(house.origin, requestBytes("GET /proxy/x", acting.lines));
    assert.equal(answer, refusal.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
    assert.doesNotMatch(answer, /behalf/i);
  });

  test("headers in order, in their case, repeated, empty, long and in any bytes; none is added, not even Date", async () => {
    const head = [
      "x-A: 1",
      "X-a: 2",
      "Vary: Accept, Authorization, Cookie, X-GitHub-OTP",
      'ETag: W/"abc"',
      "Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT",
      "X-RateLimit-Limit: 5000",
      "X-RateLimit-Remaining: 0",
      "X-RateLimit-Reset: 1700000000",
      "Retry-After: 60",
      "X-GitHub-Request-Id: F4KE:1",
      "X-OAuth-Scopes: repo",
      "Cache-Control: private, max-age=60, s-maxage=60",
      "Content-Security-Policy: default-src 'none'",
      "Deprecation: @1688169599",
      "X-Empty:",
      "X-Latin: caf\xe9",
      "X-Bytes: \x80\xff",
      `X-Long: ${"y".repeat(10_000)}`,
      "Via: 1.1 varnish",
      "Server: GitHub.com",
      "Warning: 299 - x",
      "warning: 299 - y",
      "Content-Length: 0",
    ];
    const answer = await passed(answered("200 OK", head));
    assert.equal(answer.replace("X-Empty: \r\n", "X-Empty:\r\n"), answered("200 OK", [...head, "Connection: close"]));
  });

  test("upstream's own Date stays, and a length is neither made up nor lost", async () => {
    const date = "Date: Thu, 01 Jan 1970 00:00:00 GMT";
    assert.equal(
      await passed(answered("200 OK", [date, "Content-Length: 5"], "hello")),
      answered("200 OK", [date, "Content-Length: 5", "Connection: close"], "hello"),
    );
    const chunked = await passed(
      answered("200 OK", ["Transfer-Encoding: chunked"], "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
    );
    assert.equal(
      chunked,
      answered("200 OK", ["Connection: close", "Transfer-Encoding: chunked"], "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
    );
  });

  test("a body that ends with its connection", async () => {
    upstream.say = ({ socket }) => {
      socket.end(answered("200 OK", ["X-A: 1"], "until the end"), "latin1");
      return null;
    };
    const answer = await wire(house.origin, requestBytes("GET /proxy/x", acting.lines));
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\nX-A: 1\r\n[^]*until the end/);
  });

  test("compressed bytes, not unpacked", async () => {
    const packed = gzipSync("x".repeat(50_000)).toString("latin1");
    const head = ["Content-Encoding: gzip", "Content-Type: application/json", `Content-Length: ${packed.length}`];
    assert.equal(
      await passed(answered("200 OK", head, packed)),
      answered("200 OK", [...head, "Connection: close"], packed),
    );
  });

  test("answers without a body: HEAD, 204, 205, 304, an empty 200 and an empty chunked one", async () => {
    const cases = [
      { line: "HEAD /proxy/x", status: "200 OK", head: ["Content-Length: 123", 'ETag: "e"'] },
      { line: "HEAD /proxy/x", status: "404 Not Found", head: ["Content-Length: 9"] },
      { line: "GET /proxy/x", status: "204 No Content", head: ["X-A: 1"] },
      { line: "DELETE /proxy/x", status: "204 No Content", head: ["X-A: 1"] },
      { line: "GET /proxy/x", status: "205 Reset Content", head: ["Content-Length: 0"] },
      { line: "GET /proxy/x", status: "304 Not Modified", head: ['ETag: "e"', "Content-Length: 77"] },
      { line: "GET /proxy/x", status: "304 Not Modified", head: ['ETag: "e"'] },
      { line: "GET /proxy/x", status: "200 OK", head: ["Content-Length: 0"] },
    ];
    for (const { line, status, head } of cases) {
      assert.equal(
        await passed(answered(status, head), line),
        answered(status, [...head, "Connection: close"]),
        line + status,
      );
    }
    const empty = await passed(answered("200 OK", ["Transfer-Encoding: chunked"], "0\r\n\r\n"));
    assert.match(empty, /\r\n\r\n0\r\n\r\n$/);
  });

  test("one after the other on one connection, the bodiless ones in between", async () => {
    const says = [
      answered("304 Not Modified", ['ETag: "e"']),
      answered("204 No Content", []),
      answered("200 OK", ["Content-Length: 2"], "ok"),
    ];
    upstream.say = ({ target }) => says[Number(target.slice(1))] ?? null;
    const one = (at: number, close: string): string =>
      `${[`GET /proxy/${at} HTTP/1.1`, "Host: b", `Connection: ${close}`, ...acting.lines].join("\r\n")}\r\n\r\n`;
    const answer = await wire(house.origin, one(0, "keep-alive") + one(1, "keep-alive") + one(2, "close"));
    assert.deepEqual(answer.match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 304", "HTTP/1.1 204", "HTTP/1.1 200"]);
    assert.ok(answer.endsWith("\r\n\r\nok"));
  });

  test("early hints and trailers belong to one connection: they do not cross, the answer does", async () => {
    const hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n";
    const answer = await passed(
      hints + answered("200 OK", ["Transfer-Encoding: chunked", "Trailer: X-T"], "1\r\na\r\n0\r\nX-T: 1\r\n\r\n"),
    );
    assert.equal(
      answer,
      answered("200 OK", ["Connection: close", "Transfer-Encoding: chunked"], "1\r\na\r\n0\r\n\r\n"),
    );
  });
});

describe("what is not returned (design §10.5):", () => {
  const dropped = [
    "Set-Cookie: session=1",
    "set-cookie2: a=b",
    'Clear-Site-Data: "*"',
    "Strict-Transport-Security: max-age=1",
    'Alt-Svc: h3=":443"',
    "Access-Control-Allow-Origin: *",
    "Access-Control-Expose-Headers: Link",
    "Behalf-Refusal: account_revoked",
    "behalf-credential: fallback",
    "Behalf-Request-Id: x",
    "RateLimit: limit=1",
    "RateLimit-Policy: 1;w=1",
    "Keep-Alive: timeout=5",
    "Proxy-Authenticate: Basic",
    "Proxy-Connection: keep-alive",
    "Upgrade: h2c",
    "TE: trailers",
    "Connection: X-Named, keep-alive",
    "X-Named: only this hop",
  ];
  test("each line is gone, and its neighbours are not", async () => {
    for (const line of dropped.filter((one) => !one.startsWith("X-Named"))) {
      const answer = await passed(answered("200 OK", ["X-Before: 1", line, "X-After: 1", "Content-Length: 0"]));
      assert.equal(
        answer,
        answered("200 OK", ["X-Before: 1", "X-After: 1", "Content-Length: 0", "Connection: close"]),
        line,
      );
    }
    const all = await passed(answered("200 OK", ["X-Kept: 1", ...dropped, "Content-Length: 0"]));
    assert.equal(all, answered("200 OK", ["X-Kept: 1", "Content-Length: 0", "Connection: close"]));
  });

  test("links to upstream lead to us by the same door, foreign ones and bodies stay", async () => {
    const at = upstream.origin;
    const link = `<${at}/x?page=2>; rel="next", <https://docs.github.com/x>; rel="deprecation", <${at}.evil/x>; rel="last"`;
    const body = `{"url":"${at}/x"}`;
    const said = answered("200 OK", [`Link: ${link}`, `Content-Length: ${body.length}`], body);
    const answer = await passed(said);
    assert.ok(answer.includes(`Link: ${link.replace(`<${at}/x?`, `<${house.origin}/proxy/x?`)}\r\n`), answer);
    assert.ok(answer.endsWith(body));
    const bound = await wire(house.origin, requestBytes("GET /api/v3/x", [`Authorization: token ${acting.bound}`]));
    assert.ok(bound.includes(`<${house.origin}/api/v3/x?page=2>`), bound);
  });
});

describe("upstream gets the caller's request:", () => {
  async function arrived(line: string, headers: readonly string[], body = ""): Promise<string[]> {
    upstream.say = () => answered("204 No Content", []);
    const texts: string[] = [];
    for (const door of doors) {
      const own = linesFor(door).filter((one) => !one.startsWith("User-Agent"));
      await wire(house.origin, requestBytes(line.replace("/proxy", door), [...own, ...headers], body));
      const [heard] = upstream.heard.splice(0);
      const text = `${heard?.head}\r\n\r\n${heard?.body}`;
      // How long we keep a connection to upstream is between the two of us.
      texts.push(text.replace(/\r\nconnection: (?:keep-alive|close)\r\n/, "\r\nconnection: our own hop\r\n"));
    }
    assert.equal(texts[1], texts[0]);
    return (texts[0] ?? "").split("\r\n");
  }

  test("method, path, query and headers as they came; nothing added but host, connection and the account's credential", async () => {
    const headers = [
      "User-Agent: me",
      "ACCEPT: application/vnd.github.raw+json",
      "Accept-Encoding: br;q=1, gzip",
      "X-One: 1",
    ];
    const more = [
      'If-None-Match: W/"a"',
      "x-one: 2",
      "X-GitHub-Api-Version: 2022-11-28",
      "Range: bytes=0-1",
      "X-Latin: \xe9",
    ];
    for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"]) {
      assert.deepEqual(await arrived(`${method} /proxy/repos/a/b/contents/x%2Fy?z=%20&a=b`, [...headers, ...more]), [
        `${method} /repos/a/b/contents/x%2Fy?z=%20&a=b HTTP/1.1`,
        `host: ${new URL(upstream.origin).host}`,
        "connection: our own hop",
        ...headers,
        ...more,
        `authorization: Bearer ${acting.credential}`,
        ...(/^[PQ]/.test(method) ? ["content-length: 0"] : []),
        "",
        "",
      ]);
    }
  });

  test("bodies keep their length or their chunks, and their bytes", async () => {
    const json = '{"title":"caf\xc3\xa9"}';
    const sized = await arrived(
      "POST /proxy/x",
      ["Content-Type: application/json", `Content-Length: ${json.length}`],
      json,
    );
    assert.equal(sized.filter((line) => /^content-length: /i.test(line)).join(), `content-length: ${json.length}`);
    assert.equal(sized.at(-1), json);
    const big = "\x00\xff".repeat(60_000);
    const large = await arrived("PUT /proxy/x", [`Content-Length: ${big.length}`], big);
    assert.equal(large.at(-1), big);
    const chunked = await arrived("POST /proxy/x", ["Transfer-Encoding: chunked"], "3\r\nabc\r\n0\r\n\r\n");
    assert.ok(chunked.includes("transfer-encoding: chunked"));
    assert.ok(chunked.join("\r\n").includes("abc"));
    assert.equal(chunked.filter((line) => /^content-length/i.test(line)).length, 0);
    assert.ok(
      (await arrived("POST /proxy/x", ["Content-Length: 0"])).some((line) => /^content-length: 0$/i.test(line)),
    );
  });

  test("without what is between the caller and us", async () => {
    const kept = ["X-Kept: 1"];
    const removed = [
      "Cookie: a=b",
      "Proxy-Authorization: Basic eDp5",
      "Proxy-Connection: keep-alive",
      "Keep-Alive: timeout=5",
      "TE: trailers",
      "Behalf-Refusal: x",
      "Behalf-Request-Id: x",
      "Behalf-Anything: x",
      "X-Forwarded-For: 10.0.0.1",
      "X-Forwarded-Host: evil",
      "Forwarded: for=10.0.0.1",
      "X-HTTP-Method-Override: DELETE",
      "X-Named: 1",
    ];
    upstream.say = () => answered("204 No Content", []);
    const lines = ["GET /proxy/x HTTP/1.1", "Host: b", "Connection: close, X-Named", ...acting.lines.slice(0, 3)];
    await wire(house.origin, `${[...lines, ...removed, ...kept].join("\r\n")}\r\n\r\n`);
    assert.deepEqual(upstream.heard[0]?.head.split("\r\n").slice(1), [
      `host: ${new URL(upstream.origin).host}`,
      "connection: keep-alive",
      ...kept,
      `authorization: Bearer ${acting.credential}`,
    ]);
    assert.doesNotMatch(upstream.heard[0].head, /via|forwarded|behalf|bh_/i);
  });
});

describe("our own refusals are told apart:", () => {
  test("by Behalf-Refusal, as a problem at /proxy and in GitHub's shape at the doors for its clients", async () => {
    const outsider = "Authorization: Bearer bh_test_wrong";
    const proxy = await house.call("GET", "/proxy/x", { token: "nonsense" });
    assert.equal(proxy.status, 401);
    assert.equal(proxy.headers.get("behalf-refusal"), "unauthenticated");
    assert.equal(proxy.headers.get("content-type"), "application/problem+json");
    for (const line of ["GET /api/v3/user", "POST /api/graphql"]) {
      const raw = await wire(house.origin, requestBytes(line, [outsider]));
      assert.match(raw, /^HTTP\/1\.1 401 [^]*behalf-refusal: unauthenticated\r\n/i);
      assert.match(raw, /content-type: application\/json/i);
      const body = JSON.parse(raw.slice(raw.indexOf("\r\n\r\n") + 4)) as Record<string, unknown>;
      assert.deepEqual(
        Object.fromEntries(["message", "documentation_url", "status", "code"].map((name) => [name, typeof body[name]])),
        { message: "string", documentation_url: "string", status: "string", code: "string" },
      );
      assert.equal(body["status"], "401");
      assert.equal(typeof body["next"], "object");
    }
    assert.equal(upstream.heard.length, 0);
  });

  test("an upstream that dies, or says nothing HTTP, is 502", async () => {
    for (const said of [
      "",
      "nonsense\r\n\r\n",
      "HTTP/1.1 abc\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    ]) {
      upstream.say = ({ socket }) => {
        socket.end(said);
        return null;
      };
      for (const door of doors) {
        const headers = door === "/proxy" ? acting.naming : {};
        const answer = await house.call("GET", `${door}/x`, { headers });
        assert.equal(answer.status, 502, JSON.stringify(said));
        assert.equal(answer.headers.get("behalf-refusal"), "upstream_unavailable");
      }
    }
  });

  test("an account that cannot be used is 403 at both doors, with the way back", async () => {
    upstream.say = () => answered("204 No Content", []);
    await house.call("PUT", "/v1/connections/github/accounts/new");
    const pending = await house.call("GET", "/proxy/x", { headers: { connection_name: "github", identifier: "new" } });
    assert.equal(pending.status, 403, pending.text);
    assert.equal(pending.json.code, "account_pending");
    assert.match(pending.json.next.url, /\/v1\/connections\/github\/accounts\/new\/link$/);
    await house.call("POST", "/v1/connections/github/accounts/user_1/disconnect");
    upstream.heard.splice(0);
    const answer = await house.call("GET", "/api/v3/user", { token: acting.bound });
    assert.ok(answer.status === 403 || answer.status === 401, answer.text);
    const named = await house.call("GET", "/proxy/x", { headers: acting.naming });
    assert.equal(named.status, 403, named.text);
    assert.equal(named.headers.get("behalf-refusal"), "account_disconnected");
    assert.equal(upstream.heard.length, 0);
  });
});
