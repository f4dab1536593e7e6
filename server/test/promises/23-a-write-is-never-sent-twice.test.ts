// A write is never sent twice by us (promise 23): no blind retry, and an Idempotency-Key gets the recorded answer (design §10.9).
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, mock, test } from "node:test";
import type { Fault, RecordedCall } from "../fake-github/index.ts";
import {
  type Acting,
  actAs,
  answered,
  type RawUpstream,
  rawUpstream,
  requestBytes,
  until,
  wire,
} from "../support/child.ts";
import { onEachDatabase } from "../support/databases.ts";
import { type Answer, adminToken, call, openHouse, type TestHouse } from "../support/house.ts";

const repo = { owner: "octo", repo: "hello" };
const issues = /^\/repos\/octo\/hello\/issues$/;
const execute = "/v1/tools/github_issue_create/execute";

function issue(title: string): { identifier: string; input: object } {
  return { identifier: "user_1", input: { ...repo, title } };
}

async function hostHouse(kind: "sqlite" | "postgres"): Promise<{ house: TestHouse; acting: Acting }> {
  const house = await openHouse({ kind });
  const acting = await actAs(house, house.fake.api);
  house.fake.repository({ owner: "octo", name: "hello", private: true, files: { "a.md": "a" } });
  return { house, acting };
}

describe("after a request may have reached GitHub there is no blind retry:", () => {
  let house: TestHouse;
  let acting: Acting;
  before(async () => ({ house, acting } = await hostHouse("sqlite")));
  after(async () => house.close());
  beforeEach(() => void house.fake.calls.splice(0));

  const broken: readonly Fault[] = [{ kind: "reset-after" }, { kind: "reset-before" }, { kind: "truncate" }];
  for (const fault of broken) {
    test(`a write through a tool that ends in ${fault.kind} arrives once, and the caller is told to look`, async () => {
      house.fake.fault({ ...fault, method: "POST", path: issues, times: 2 });
      const answer = await house.call("POST", execute, { body: issue("once") });
      assert.equal(answer.status, 502, answer.text);
      assert.equal(answer.json.code, "upstream_unavailable");
      assert.equal(answer.json.next.action, "check_outcome");
      assert.equal(house.fake.callsTo("api", "POST").length, 1);
      // The second fault is for a retry that must not come; it is spent here.
      const spend = { headers: acting.naming, body: {} };
      await house.call("POST", "/proxy/repos/octo/hello/issues", spend).catch(() => {});
    });

    test(`any raw call that ends in ${fault.kind} arrives once`, async () => {
      for (const method of ["POST", "PUT", "PATCH", "DELETE", "GET"]) {
        house.fake.calls.splice(0);
        house.fake.fault({ ...fault, method, path: /^\/once/ });
        const body = method === "GET" ? {} : { body: { title: "x" } };
        const asked = house.call(method, "/proxy/once", { headers: acting.naming, ...body });
        // What was cut in the middle of the body is cut for the caller as well.
        const answer = fault.kind === "truncate" ? await asked.catch(() => null) : await asked;
        assert.equal(answer?.status, fault.kind === "truncate" ? undefined : 502);
        const action = method === "GET" ? "retry" : "check_outcome";
        if (answer !== null) assert.equal(answer.json.next.action, action, answer.text);
        assert.equal(house.fake.calls.length, 1, method);
      }
    });
  }

  test("a read through a tool is asked a second time, never a third", async () => {
    house.fake.fault({ kind: "reset-after", path: /^\/repos/ });
    const body = { identifier: "user_1", input: repo };
    assert.equal((await house.call("POST", "/v1/tools/github_repo_get/execute", { body })).status, 200);
    assert.equal(house.fake.calls.length, 2);
    house.fake.calls.splice(0);
    house.fake.fault({ kind: "reset-before", path: /^\/repos/, times: 2 });
    const answer = await house.call("POST", "/v1/tools/github_repo_get/execute", { body });
    assert.equal(answer.status, 502);
    assert.equal(answer.json.next.action, "retry");
    assert.equal(house.fake.calls.length, 2);
  });

  test("a limit, a 5xx or a timeout of a gateway is told and not tried again", async () => {
    const refusals: Fault[] = [{ kind: "secondary-limit" }, { kind: "primary-limit-429" }];
    for (const fault of [...refusals, ...[500, 502, 503, 504].map((status): Fault => ({ kind: "status", status }))]) {
      house.fake.calls.splice(0);
      house.fake.fault({ ...fault, method: "POST", path: issues });
      assert.ok((await house.call("POST", execute, { body: issue("x") })).status >= 429);
      assert.equal(house.fake.calls.length, 1);
      // Until a limit is over, no call is sent at all.
      house.fake.clock.advance(61 * 60_000);
    }
  });

  test("a raw call or a tool that GitHub leaves without an answer is 504 after 30 seconds, and arrived once", async () => {
    const raw = { headers: acting.naming, body: { title: "x" } };
    const asks = [
      { action: "check_outcome", ask: async () => house.call("POST", "/proxy/repos/octo/hello/issues", raw) },
      { action: "check_outcome", ask: async () => house.call("POST", execute, { body: issue("x") }) },
      { action: "retry", ask: async () => house.call("GET", "/proxy/user", { headers: acting.naming }) },
    ];
    for (const { action, ask } of asks) {
      house.fake.calls.splice(0);
      let release = (): void => {};
      house.fake.fault({ kind: "hold", release: new Promise((resolve) => (release = resolve)) });
      mock.timers.enable({ apis: ["setTimeout"] });
      try {
        const answer = ask();
        while (house.fake.calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
        mock.timers.tick(30_000);
        const { status, json } = await answer;
        assert.deepEqual([status, json.code, json.next.action], [504, "upstream_timeout", action]);
        assert.equal(house.fake.calls.length, 1);
      } finally {
        mock.timers.reset();
        release();
      }
    }
  });

  test("a caller that stops waiting for a raw write causes no other", async () => {
    house.fake.fault({ kind: "slow-headers", delayMs: 300, method: "POST", path: issues });
    const url = `${house.origin}/proxy/repos/octo/hello/issues`;
    const headers = { authorization: `Bearer ${house.token}`, ...acting.naming };
    const body = JSON.stringify({ title: "left" });
    await assert.rejects(fetch(url, { method: "POST", headers, body, signal: AbortSignal.timeout(100) }));
    await new Promise((resolve) => setTimeout(resolve, 400));
    assert.equal(house.fake.calls.length, 1);
  });
});

describe("a connection that upstream closes while idle", () => {
  let house: TestHouse;
  let upstream: RawUpstream;
  let acting: Acting;
  before(async () => {
    upstream = await rawUpstream();
    house = await openHouse();
    acting = await actAs(house, upstream.origin);
  });
  after(async () => {
    await house.close();
    await upstream.close();
  });

  test("may cost a write its answer, and never makes two of it", async () => {
    for (let round = 0; round < 10; round += 1) {
      upstream.heard.splice(0);
      // Announces that it stays open, and closes under the next request.
      upstream.say = ({ socket }) => {
        setImmediate(() => setImmediate(() => socket.destroy()));
        return answered("200 OK", ["Connection: keep-alive", "Keep-Alive: timeout=60", "Content-Length: 0"]);
      };
      const post = requestBytes(`POST /proxy/write/${round}`, [...acting.lines, "Content-Length: 4"], "body");
      await wire(house.origin, requestBytes("GET /proxy/warm", acting.lines));
      const answers = await Promise.all([wire(house.origin, post), wire(house.origin, post)]);
      for (const answer of answers) assert.match(answer, /^HTTP\/1\.1 (200|502) /);
      assert.ok(upstream.heard.filter(({ method }) => method === "POST").length <= 2);
    }
  });
});

onEachDatabase("with an Idempotency-Key", (kind) => {
  let house: TestHouse;
  let releases: (() => void)[] = [];
  before(async () => ({ house } = await hostHouse(kind)));
  after(async () => house.close());
  beforeEach(() => void house.fake.calls.splice(0));
  afterEach(() => {
    for (const release of releases) release();
    releases = [];
  });

  const keyed = async (
    key: string,
    body: unknown,
    path = execute,
    more: { token?: string; method?: string } = {},
  ): Promise<Answer> =>
    house.call(more.method ?? "POST", path, {
      body,
      headers: { "idempotency-key": key },
      ...(more.token === undefined ? {} : { token: more.token }),
    });
  const posts = (): RecordedCall[] => house.fake.callsTo("api", "POST", issues);
  const hold = (): void => {
    const release = new Promise<void>((resolve) => releases.push(resolve));
    house.fake.fault({ kind: "hold", method: "POST", path: issues, release });
  };

  test("the same write again gets the recorded answer, word for word", async () => {
    const first = await keyed("replay", issue("once"));
    assert.equal(first.status, 200, first.text);
    assert.equal(first.headers.get("idempotency-replayed"), null);
    for (let round = 0; round < 3; round += 1) {
      const again = await keyed("replay", issue("once"));
      assert.equal(again.status, 200);
      assert.equal(again.text, first.text);
      assert.equal(again.headers.get("idempotency-replayed"), "true");
    }
    assert.equal(posts().length, 1);
  });

  test("another body under the key is refused and not sent", async () => {
    await keyed("conflict", issue("one"));
    const other = await keyed("conflict", issue("two"));
    assert.equal(other.status, 409);
    assert.equal(other.json.code, "idempotency_conflict");
    // The bytes count, not what they mean.
    const spaced = await keyed("conflict", ` ${JSON.stringify(issue("one"))}`);
    assert.equal(spaced.json.code, "idempotency_conflict");
    assert.equal(posts().length, 1);
  });

  test("a write under way is a conflict with a time to come back, then its answer", async () => {
    hold();
    const first = keyed("flight", issue("slow"));
    await until(() => posts().length === 1);
    const second = await keyed("flight", issue("slow"));
    assert.equal(second.status, 409, second.text);
    assert.equal(second.json.code, "conflict");
    assert.ok(Number(second.headers.get("retry-after")) >= 1);
    for (const release of releases) release();
    assert.equal((await first).status, 200);
    assert.equal((await keyed("flight", issue("slow"))).text, (await first).text);
    assert.equal(posts().length, 1);
  });

  test("twenty at once, on two processes, cause one call", async () => {
    const replica = await house.replica();
    const headers = { "idempotency-key": "herd" };
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, at) =>
        call(at % 2 === 0 ? house.origin : replica.origin, "POST", execute, {
          token: house.token,
          headers,
          body: issue("herd"),
        }),
      ),
    );
    assert.equal(posts().length, 1);
    const done = answers.filter(({ status }) => status === 200);
    assert.ok(done.length >= 1);
    assert.equal(new Set(done.map(({ text }) => text)).size, 1);
    for (const answer of answers) assert.ok(answer.status === 200 || answer.json.code === "conflict", answer.text);
    const late = await call(replica.origin, "POST", execute, { token: house.token, headers, body: issue("herd") });
    assert.equal(late.text, done[0]?.text);
    assert.equal(posts().length, 1);
  });

  test("a process that died with the write leaves outcome_unknown, for good, and nothing is sent again", async () => {
    hold();
    const dead = keyed("dead", issue("lost"));
    await until(() => posts().length === 1);
    // Longer than any call of ours may take, and not yet: it may still be at work.
    house.fake.clock.advance(60_000);
    assert.equal((await keyed("dead", issue("lost"))).json.code, "conflict");
    house.fake.clock.advance(600_000);
    for (let round = 0; round < 2; round += 1) {
      const answer = await keyed("dead", issue("lost"));
      assert.equal(answer.status, 409);
      assert.equal(answer.json.code, "outcome_unknown");
      assert.equal(answer.json.next.action, "check_outcome");
    }
    assert.equal((await keyed("dead", issue("another"))).json.code, "idempotency_conflict");
    assert.equal(posts().length, 1);
    for (const release of releases) release();
    await dead;
  });

  test("a write whose end nobody knows keeps its refusal: asking again sends nothing", async () => {
    house.fake.fault({ kind: "reset-after", method: "POST", path: issues });
    const first = await keyed("unknown", issue("maybe"));
    assert.equal(first.json.code, "upstream_unavailable");
    const again = await keyed("unknown", issue("maybe"));
    assert.equal(again.status, first.status);
    assert.equal(again.json.code, "upstream_unavailable");
    assert.equal(again.json.next.action, "check_outcome");
    assert.equal(again.headers.get("content-type"), "application/problem+json");
    assert.equal(posts().length, 1);
  });

  test("GitHub's final no is recorded as well", async () => {
    const body = { identifier: "user_1", input: { owner: "octo", repo: "later", title: "x" } };
    assert.equal((await keyed("final", body)).json.code, "upstream_not_found");
    house.fake.repository({ owner: "octo", name: "later" });
    assert.equal((await keyed("final", body)).json.code, "upstream_not_found");
    assert.equal((await keyed("final-2", body)).status, 200);
  });

  test("a refusal that did nothing leaves the key free", async () => {
    const wrong = await keyed("free", issue(""));
    assert.equal(wrong.json.code, "invalid_input", wrong.text);
    const nobody = await keyed("free", { identifier: "nobody", input: { ...repo, title: "x" } });
    assert.equal(nobody.json.code, "not_found", nobody.text);
    assert.equal((await keyed("free", issue("mended"))).status, 200);
    assert.equal(posts().length, 1);
  });

  test("a limit did nothing either: the same key works after Retry-After", async () => {
    for (const fault of ["secondary-limit", "primary-limit-403", "primary-limit-429"] as const) {
      house.fake.fault({ kind: fault, method: "POST", path: issues });
      const limited = await keyed(`limit-${fault}`, issue("patient"));
      assert.equal(limited.status, 429, limited.text);
      house.fake.clock.advance(61 * 60_000);
      const later = await keyed(`limit-${fault}`, issue("patient"));
      assert.equal(later.status, 200, later.text);
    }
  });

  test("a key belongs to its token, its method and its path", async () => {
    const { json } = await house.call("POST", "/v1/tokens", { body: { name: "second", scopes: ["tools"] } });
    await keyed("shared", issue("one"));
    const elsewhere = await keyed("shared", issue("one"), execute, { token: json.token });
    assert.equal(elsewhere.headers.get("idempotency-replayed"), null);
    assert.equal(posts().length, 2);
    const body = { identifier: "user_1", input: { ...repo, path: "b.md", message: "m", content: "eA==" } };
    const path = "/v1/tools/github_file_create_update/execute";
    assert.equal((await keyed("shared", body, path)).status, 200);
    const put = "/v1/connections/github/accounts/keyed";
    assert.equal((await keyed("shared", {}, put, { method: "PUT" })).status, 201);
    assert.equal((await keyed("shared", {}, put, { method: "PUT" })).status, 201);
    assert.equal((await keyed("shared", {}, put, { method: "DELETE" })).status, 204);
    assert.equal((await keyed("shared", {}, put, { method: "DELETE" })).status, 204);
  });

  test("a secret that is shown once is not shown again: tokens and projects replay without it", async () => {
    for (const { path, body, token } of [
      { path: "/v1/tokens", body: { name: "kept", scopes: ["tools"] }, token: house.token },
      { path: "/v1/projects", body: { name: "Kept" }, token: adminToken },
    ]) {
      const first = await keyed("secret", body, path, { token });
      assert.equal(first.status, 201, first.text);
      const again = await keyed("secret", body, path, { token });
      assert.equal(again.status, 201);
      const { token: shown, ...rest } = first.json;
      assert.equal(typeof shown, "string");
      assert.deepEqual(again.json, rest);
      assert.ok(!again.text.includes(shown));
    }
  });

  test("a key is good for a day", async () => {
    await keyed("day", issue("today"));
    house.fake.clock.advance(23 * 3_600_000);
    assert.equal((await keyed("day", issue("today"))).headers.get("idempotency-replayed"), "true");
    house.fake.clock.advance(2 * 3_600_000);
    await house.behalf.sweep();
    const next = await keyed("day", issue("tomorrow"));
    assert.equal(next.status, 200, next.text);
    assert.equal(posts().length, 2);
  });

  test("a malformed key is refused before anything is done, and reads ignore it", async () => {
    for (const key of ["x".repeat(256), "with space", "\u00e9", ""]) {
      const answer = await keyed(key, issue("x"));
      assert.equal(answer.status, 400, `${key} ${answer.text}`);
    }
    assert.equal(posts().length, 0);
    const headers = { "idempotency-key": "read" };
    for (const path of ["/v1/tokens", "/v1/tools"])
      assert.equal((await house.call("GET", path, { headers })).status, 200);
  });
});
