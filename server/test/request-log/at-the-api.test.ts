// `/v1/requests` and `/v1/stats` through the door: what callers see of the live log, and what they do not.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { AccountId, ProjectId } from "../../src/rules/ids.ts";
import type { RequestRecord } from "../../src/rules/request-record.ts";
import { type DatabaseKind, onEachDatabase } from "../support/databases.ts";
import { adminToken, call, openHouse, type TestHouse } from "../support/house.ts";
import { connect, makeConnection } from "../support/person.ts";
import { record } from "./records.ts";

interface Listening {
  readonly status: number;
  /** Reads until so many events came, or the stream ended. */
  events(
    count: number,
  ): Promise<readonly { readonly id: string; readonly data: { readonly id: string; readonly path: string } }[]>;
  readonly text: () => string;
  leave(): Promise<void>;
}

async function listen(
  origin: string,
  path: string,
  token: string,
  headers: Record<string, string> = {},
): Promise<Listening> {
  const gone = new AbortController();
  const response = await fetch(origin + path, {
    headers: { authorization: `Bearer ${token}`, ...headers },
    signal: gone.signal,
  });
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  const events = (): { id: string; data: { id: string; path: string } }[] =>
    [...text.matchAll(/id: (\d+)\nevent: request\ndata: (.*)\n\n/g)].map(([, id = "", data = ""]) => ({
      id,
      data: JSON.parse(data) as { id: string; path: string },
    }));
  return {
    status: response.status,
    text: () => text,
    async events(count) {
      while (events().length < count) {
        const next = await reader?.read();
        if (next === undefined || next.done) break;
        text += decoder.decode(next.value, { stream: true });
      }
      return events();
    },
    async leave() {
      gone.abort();
      await reader?.cancel().catch(() => undefined);
    },
  };
}

onEachDatabase("the live log at the door", (kind: DatabaseKind) => {
  let house: TestHouse;
  let origin: string;
  let bound: string;
  let own: AccountId;
  let other: { readonly id: string; readonly token: string };
  before(async () => {
    house = await openHouse({ kind });
    ({ origin } = house);
    house.fake.user({ login: "octo" });
    await makeConnection(house);
    house.fake.repository({ owner: "octo", name: "hello", private: true, files: { "README.md": "hello" } });
    house.fake.installation({ clientId: "Iv1.test", account: "octo", repositories: "all" });
    await connect(house);
    const account = await house.call("GET", "/v1/connections/github/accounts/user_1");
    own = (account.json as { id: AccountId }).id;
    const minted = await house.call("POST", "/v1/tokens", {
      body: { name: "watcher", scopes: ["logs"], account: { connection: "github", identifier: "user_1" } },
    });
    bound = (minted.json as { token: string }).token;
    const created = await call(origin, "POST", "/v1/projects", { token: adminToken, body: { name: "Other" } });
    other = created.json as { id: string; token: string };
  });
  after(async () => house.close());

  async function noted(...changes: readonly Partial<RequestRecord>[]): Promise<RequestRecord[]> {
    const { records, now } = house.behalf.house;
    const made = changes.map((one) => record({ projectId: house.project as ProjectId, at: now(), ...one }));
    for (const one of made) records.note(one);
    await records.flush();
    return made;
  }

  async function listed(filter: string, token = house.token): Promise<string[]> {
    const answer = await call(origin, "GET", `/v1/requests?filter=${encodeURIComponent(filter)}`, { token });
    assert.equal(answer.status, 200, answer.text);
    return (answer.json as { items: { id: string }[] }).items.map(({ id }) => id);
  }

  test("a call through the proxy is in the log with its path masked, and is found by what it was", async () => {
    const secret = "ghp_0123456789abcdefABCDEF0123456789abcd";
    const proxied = await call(origin, "GET", `/proxy/user/repos?per_page=5&access_token=${secret}`, {
      token: house.token,
      headers: { connection_name: "github", identifier: "user_1" },
    });
    assert.equal(proxied.status, 200, proxied.text);
    await house.behalf.house.records.flush();
    const answer = await house.call("GET", "/v1/requests?filter=account%3Auser_1%20surface%3Aproxy%20user%2Frepos");
    const [found] = (answer.json as { items: Record<string, unknown>[] }).items;
    assert.equal(found?.["path"], "/proxy/user/repos?per_page=5&access_token=[masked]");
    assert.deepEqual([found["status"], found["upstream_status"], found["method"]], [200, 200, "GET"]);
    assert.doesNotMatch(answer.text, /0123456789abcdef/);
    const one = await house.call("GET", `/v1/requests/${String(found["id"])}`);
    assert.deepEqual(one.json, found);
  });

  test("pages go on by cursor, and a cursor or a filter that is none is refused with what is known", async () => {
    const made = await noted(...Array.from({ length: 7 }, (_, n) => ({ agent: "pager", path: `/p/${n}` })));
    const seen: string[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const more: string = cursor === "" ? "" : `&cursor=${cursor}`;
      const page = await house.call("GET", `/v1/requests?filter=agent:pager&limit=3${more}`);
      const { items, next_cursor } = page.json as { items: { id: string }[]; next_cursor: string | null };
      seen.push(...items.map(({ id }) => id));
      cursor = next_cursor;
    }
    assert.deepEqual(seen, made.map(({ id }) => id).toReversed());
    const unknown = await house.call("GET", "/v1/requests?filter=colour:red");
    assert.deepEqual([unknown.status, unknown.json.code], [422, "invalid_input"]);
    assert.match(unknown.json.detail, /status: endpoint: account:/);
    for (const query of ["cursor=abc!", "since=yesterday", "until=%22", "limit=0", "nonsense=1"]) {
      assert.equal((await house.call("GET", `/v1/requests?${query}`)).status, 422, query);
    }
    assert.equal((await house.call("GET", "/v1/requests?since=15m&filter=agent:pager")).json.items.length, 7);
  });

  test("another project, another account and a token without the scope see nothing of it", async () => {
    const [mine, foreign] = await noted({ accountId: own, agent: "seen" }, { agent: "seen", accountId: null });
    assert.deepEqual(await listed("agent:seen"), [foreign?.id, mine?.id]);
    assert.deepEqual(await listed("agent:seen", bound), [mine?.id]);
    assert.deepEqual(await listed("agent:seen", other.token), []);
    for (const [id, token, status] of [
      [mine?.id, bound, 200],
      [foreign?.id, bound, 404],
      [mine?.id, other.token, 404],
      ["rqr_none", house.token, 404],
    ] as const) {
      assert.equal((await call(origin, "GET", `/v1/requests/${id}`, { token })).status, status);
    }
    const minted = await house.call("POST", "/v1/tokens", { body: { name: "no-logs", scopes: ["proxy"] } });
    for (const path of ["/v1/requests", `/v1/requests/${mine?.id}`, "/v1/requests/stream", "/v1/stats"]) {
      assert.equal((await call(origin, "GET", path, { token: minted.json.token as string })).status, 403, path);
    }
    const figures = await call(origin, "GET", "/v1/stats", { token: other.token });
    assert.deepEqual([figures.status, figures.json.requests, figures.json.accounts], [200, 0, {}]);
  });

  test("a stream begins now, hears what fits of any replica, and resumes where it left off", async () => {
    await noted({ agent: "streamed", path: "/before" });
    const replica = await house.replica();
    const stream = await listen(replica.origin, "/v1/requests/stream?filter=agent:streamed", house.token);
    assert.equal(stream.status, 200);
    const [first] = await noted({ agent: "streamed", path: "/1" }, { agent: "other" });
    const heard = await stream.events(1);
    assert.deepEqual(
      heard.map(({ data }) => data.id),
      [first?.id],
    );
    await stream.leave();
    const missed = await noted({ agent: "streamed", path: "/2" }, { agent: "streamed", path: "/3" });
    const id = heard[0]?.id ?? "";
    for (const [query, headers] of [
      ["", { "last-event-id": id }],
      [`&after=${id}`, {}],
    ] as const) {
      const again = await listen(
        origin,
        `/v1/requests/stream?filter=agent:streamed&wait=0${query}`,
        house.token,
        headers,
      );
      assert.deepEqual(
        (await again.events(9)).map(({ data }) => data.id),
        missed.map((one) => one.id),
      );
    }
    const own1 = await listen(origin, "/v1/requests/stream?filter=agent:streamed&wait=0&after=0", bound);
    assert.deepEqual(await own1.events(9), []);
    const bad = await listen(origin, "/v1/requests/stream", house.token, { "last-event-id": "x" });
    assert.equal(bad.status, 400);
    await bad.leave();
  });

  test("a stream ends when its token is revoked and when the server ends", async () => {
    const minted = await house.call("POST", "/v1/tokens", { body: { name: "watcher", scopes: ["logs"] } });
    const { id, token } = minted.json as { id: string; token: string };
    const stream = await listen(origin, "/v1/requests/stream", token);
    await house.call("DELETE", `/v1/tokens/${id}`);
    await noted({ path: "/unheard" });
    assert.deepEqual(await stream.events(1), []);
    const replica = await house.replica();
    const last = await listen(replica.origin, "/v1/requests/stream", house.token);
    replica.beginEnd();
    assert.deepEqual(await last.events(1), []);
  });

  test("figures count calls, accounts and headroom, for the project and for a bound token", async () => {
    const earlier = (await house.call("GET", "/v1/stats?window=15m")).json as { requests: number };
    const now = house.behalf.house.now();
    const rate = { resource: "search", limit: 30, remaining: 2, resetAt: now + 60_000 };
    await noted({ accountId: own, rate, at: now }, { status: 429, refusal: "rate_limited", accountId: null });
    const stats = (await house.call("GET", "/v1/stats?window=15m")).json;
    assert.equal(stats.requests, earlier.requests + 2);
    assert.equal(stats.series.length, 15);
    assert.deepEqual(stats.refusals.find((one: { code: string }) => one.code === "rate_limited").count, 1);
    assert.deepEqual(stats.accounts, { ACTIVE: 1 });
    assert.equal(stats.dropped_records, 0);
    const told = stats.headroom.find((one: { resource: string }) => one.resource === "search");
    assert.deepEqual([told.account_id, told.limit, told.remaining], [own, 30, 2]);
    const bounded = (await call(origin, "GET", "/v1/stats?window=15m", { token: bound })).json;
    assert.deepEqual([bounded.outcomes.refused, bounded.complete], [0, true]);
    assert.equal((await house.call("GET", "/v1/stats?window=1y")).status, 422);
  });
});
