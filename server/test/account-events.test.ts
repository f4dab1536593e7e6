// Every change of an account's status is heard once and in order, across reconnects and replicas.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Kysely } from "kysely";
import type { ProjectId } from "../src/rules/ids.ts";
import { appendAudit } from "../src/store/audit.ts";
import { postgresDialect, postgresPool } from "../src/store/postgres.ts";
import type { Schema } from "../src/store/schema.ts";
import { onEachDatabase } from "./support/databases.ts";
import { type Answer, adminToken, clientId, openHouse, type TestHouse } from "./support/house.ts";
import { connect, makeConnection } from "./support/person.ts";

interface Event {
  readonly seq: number;
  readonly at: string;
  readonly account_id: string;
  readonly connection: string | null;
  readonly identifier: string | null;
  readonly status: string;
  readonly status_reason: string | null;
}

/** A listener as WHATWG HTML §9.2 describes it: it remembers the last id, of events and of blocks without data alike. */
class Listener {
  readonly events: Event[] = [];
  lastId: string | null = null;
  text = "";
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;

  constructor(response: Response) {
    this.#ended = this.#read(response).catch(() => undefined);
  }

  async #read(response: Response): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of response.body ?? []) {
      const text = decoder.decode(chunk as Uint8Array, { stream: true });
      this.text += text;
      const blocks = (rest + text).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) this.#take(block);
    }
  }

  #take(block: string): void {
    const fields = new Map(
      block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
    );
    const id = fields.get("id");
    if (id !== undefined) this.lastId = id;
    const data = fields.get("data");
    if (data === undefined) return;
    assert.equal(fields.get("event"), "account");
    const event = JSON.parse(data) as Event;
    assert.equal(String(event.seq), id);
    this.events.push(event);
  }

  get ended(): Promise<void> {
    return this.#ended;
  }

  async hang(): Promise<void> {
    this.#stop.abort();
    return this.#ended;
  }

  static async at(origin: string, token: string, query = "", headers: Record<string, string> = {}): Promise<Listener> {
    const stop = new AbortController();
    const response = await fetch(`${origin}/v1/accounts/events${query}`, {
      headers: { authorization: `Bearer ${token}`, accept: "text/event-stream", ...headers },
      signal: stop.signal,
    });
    assert.equal(response.status, 200);
    assert.match(response.headers.get("content-type") ?? "", /^text\/event-stream/);
    const listener = new Listener(response);
    listener.#stop.signal.addEventListener("abort", () => stop.abort());
    return listener;
  }

  async until(isThere: (events: readonly Event[]) => boolean, withinMs = 5000): Promise<void> {
    const end = performance.now() + withinMs;
    while (!isThere(this.events)) {
      if (performance.now() > end) throw new Error(`Not heard in ${withinMs} ms: ${this.text.slice(-500)}`);
      await sleep(5);
    }
  }
}

onEachDatabase("account events", (kind) => {
  let house: TestHouse;
  before(async () => {
    house = await openHouse({ kind });
    for (const login of ["octo", "hubot"]) house.fake.user({ login });
    await makeConnection(house);
    house.fake.installation({ clientId, account: "octo", repositories: "all" });
  });
  after(async () => house.close());

  const path = (identifier: string) => `/v1/connections/github/accounts/${identifier}`;
  const all = async (query = "?wait=0"): Promise<readonly Event[]> => {
    const listener = await Listener.at(house.origin, house.token, query);
    await listener.ended;
    return listener.events;
  };
  const storyOf = (events: readonly Event[], id: string) =>
    events.filter((event) => event.account_id === id).map(({ status, status_reason }) => [status, status_reason]);

  test("the whole life of an account is told in order, with the reason of each step", async () => {
    assert.deepEqual(await all(), []);
    await connect(house, "life");
    const { id } = (await house.call("GET", path("life"))).json as { id: string };
    house.fake.revokeGrant("octo", clientId);
    await house.call("GET", `${path("life")}?check=true`);
    await connect(house, "life");
    await house.call("POST", `${path("life")}/disconnect`);
    const told = await all();
    assert.deepEqual(storyOf(told, id), [
      ["PENDING", null],
      ["ACTIVE", null],
      ["REVOKED", "token_rejected"],
      ["ACTIVE", null],
      ["DISCONNECTED", "disconnected_by_request"],
    ]);
    assert.deepEqual(
      new Set(told.map(({ connection, identifier }) => `${connection}/${identifier}`)),
      new Set(["github/life"]),
    );
    assert.match(told[0]?.at ?? "", /^\d{4}-\d\d-\d\dT/);
    await house.call("DELETE", path("life"));
    const later = await all();
    assert.deepEqual(storyOf(later, id).at(-1), ["DELETED", null]);
    // Once it is erased nobody knows its name any more.
    assert.deepEqual(
      new Set(later.map(({ connection, identifier }) => `${connection}/${identifier}`)),
      new Set(["null/null"]),
    );
    const seqs = later.map(({ seq }) => seq);
    assert.deepEqual(
      seqs,
      [...new Set(seqs)].toSorted((left, right) => left - right),
    );
  });

  test("an import is told, and a refresh that changes no status is not", async () => {
    const last = (await all()).at(-1)?.seq ?? 0;
    await connect(house, "quiet");
    await house.call("POST", `${path("quiet")}/refresh`);
    const since = await all(`?after=${last}&wait=0`);
    assert.deepEqual(
      since.map(({ status }) => status),
      ["PENDING", "ACTIVE"],
    );
  });

  test("a change made on one replica is heard on the other, within a second of its commit", async () => {
    const other = await house.replica();
    const listener = await Listener.at(other.origin, house.token, "?after=now");
    await listener.until(() => listener.lastId !== null);
    await house.call("PUT", path("elsewhere"));
    const committed = performance.now();
    await listener.until((events) => events.length === 1);
    assert.ok(performance.now() - committed < 1000, `${performance.now() - committed} ms`);
    assert.equal(listener.events[0]?.identifier, "elsewhere");
    await listener.hang();
  });

  test("a listener that is cut off again and again, while accounts change on two replicas, hears each change once", async () => {
    const other = await house.replica();
    const last = (await all()).at(-1)?.seq ?? 0;
    const heard: Event[] = [];
    const over = new AbortController();
    const changes = async (origin: string, side: string): Promise<void> => {
      for (let at = 0; at < 15; at += 1) {
        const target = `${origin}${path(`${side}${at}`)}`;
        const headers = { authorization: `Bearer ${house.token}` };
        assert.equal((await fetch(target, { method: "PUT", headers })).status, 201);
        const gone = await fetch(target, { method: "DELETE", headers });
        assert.equal(gone.status, 204);
      }
    };
    const listening = (async (): Promise<void> => {
      let id = String(last);
      for (let at = 0; !over.signal.aborted || heard.length < 135; at += 1) {
        if (at > 500) throw new Error(`Only ${heard.length} were heard`);
        const origin = at % 2 === 0 ? house.origin : other.origin;
        const listener = await Listener.at(origin, house.token, `?after=${last}`, { "last-event-id": id });
        await sleep(at % 7 === 0 ? 0 : 60);
        await listener.hang();
        heard.push(...listener.events);
        id = listener.lastId ?? id;
      }
    })();
    await Promise.all([changes(house.origin, "left"), changes(house.origin, "more"), changes(other.origin, "right")]);
    over.abort();
    await listening;
    assert.deepEqual(
      heard.map(({ seq }) => seq),
      (await all(`?after=${last}&wait=0`)).map(({ seq }) => seq),
    );
    for (const id of new Set(heard.map((event) => event.account_id)))
      assert.deepEqual(
        storyOf(heard, id).map(([status]) => status),
        ["PENDING", "DISCONNECTED", "DELETED"],
      );
    assert.equal(heard.length, 135);
  });

  // A commit of SQLite writes to the disk; one of PostgreSQL need not (store/audit-change.ts).
  if (kind === "postgres")
    test("a change is told only once the disk has it: a number that was told is never told again of something else", async (context) => {
      const { choice } = house.database;
      assert.ok(choice.kind === "postgres");
      const pool = postgresPool(choice.url.reveal());
      const db = new Kysely<Schema>({ dialect: postgresDialect(pool) });
      context.after(async () => db.destroy());
      const { auditLink: link, newId, now } = house.behalf.house;
      const powers = { link, newId: () => newId("event"), now, flushesLater: true };
      const actor = { kind: "system", task: "test" } as const;
      const details = { status: "ACTIVE", status_reason: null };
      const entry = {
        chain: house.project as ProjectId,
        name: "account.activated",
        actor,
        subject: "a",
        details,
      } as const;
      let last = (await all()).at(-1)?.seq ?? 0;
      for (let round = 0; round < 20; round += 1) {
        // As auditedChange commits, up to where it begins to wait for the disk.
        await db.transaction().execute(async (transaction) => appendAudit(transaction, [entry], powers));
        const at = (await pool.query<{ lsn: string }>("select pg_current_wal_insert_lsn() as lsn")).rows[0]?.lsn;
        const told = await (round % 2 === 0 ? all(`?after=${last}&wait=0`) : all("?after=now&wait=0"));
        const { rows } = await pool.query<{ kept: boolean }>("select pg_current_wal_flush_lsn() >= $1 as kept", [at]);
        assert.equal(rows[0]?.kept, true, `round ${round}`);
        if (round % 2 === 0) assert.equal(told.length, round === 0 ? 1 : 2);
        last = told.at(-1)?.seq ?? last;
      }
    });

  test("Last-Event-ID counts more than after, as a browser that reconnects sends both", async () => {
    const events = await all();
    const middle = events[2];
    const listener = await Listener.at(house.origin, house.token, "?after=0&wait=0", {
      "last-event-id": String(middle?.seq),
    });
    await listener.ended;
    assert.deepEqual(listener.events, events.slice(3));
    assert.deepEqual(await all(`?after=${middle?.seq}&wait=0`), events.slice(3));
    assert.equal(listener.lastId, String(events.at(-1)?.seq));
  });

  test("a listener from before an older database was put back is told to begin anew, not left waiting for ever", async () => {
    const last = (await house.behalf.house.store.audit.head(house.project))?.seq ?? 0;
    const from = async (id: number): Promise<Answer> =>
      house.call("GET", "/v1/accounts/events?wait=0", { headers: { "last-event-id": String(id) } });
    const { status, json } = await from(last + 1);
    assert.deepEqual([status, json.code], [400, "invalid_request"]);
    assert.match(JSON.stringify(json), /after=now/);
    assert.equal((await from(last)).status, 200);
  });

  test("a token bound to an account hears of that account and of no other", async () => {
    await connect(house, "bound");
    await house.call("PUT", path("somebody-else"));
    const minted = await house.call("POST", "/v1/tokens", {
      body: { name: "one", scopes: ["accounts"], account: { connection: "github", identifier: "bound" } },
    });
    const token = minted.json.token as string;
    const listener = await Listener.at(house.origin, token, "?wait=0");
    await listener.ended;
    assert.deepEqual([...new Set(listener.events.map(({ identifier }) => identifier))], ["bound"]);
    assert.ok(listener.events.length >= 2);
  });

  test("another project hears nothing, and nobody listens without the scope", async () => {
    const created = await house.call("POST", "/v1/projects", { token: adminToken, body: { name: "Other" } });
    const stranger = await Listener.at(house.origin, created.json.token as string, "?wait=0");
    await stranger.ended;
    assert.deepEqual(stranger.events, []);
    const minted = await house.call("POST", "/v1/tokens", { body: { name: "few", scopes: ["tools"] } });
    const ask = async (token: string, query = "", headers = {}): Promise<Answer> =>
      house.call("GET", `/v1/accounts/events${query}`, { token, headers });
    assert.equal((await ask(minted.json.token as string)).json.code, "scope_missing");
    assert.equal((await ask(adminToken)).json.code, "project_required");
    assert.equal((await ask(house.token, "?after=yesterday")).json.code, "invalid_input");
    assert.equal((await ask(house.token, "", { "last-event-id": "1; drop" })).json.code, "invalid_request");
  });

  test("a listener whose token is revoked hears nothing more", async () => {
    const minted = await house.call("POST", "/v1/tokens", { body: { name: "short", scopes: ["accounts"] } });
    const listener = await Listener.at(house.origin, minted.json.token as string, "?after=now");
    await listener.until(() => listener.lastId !== null);
    await house.call("DELETE", `/v1/tokens/${minted.json.id}`);
    await house.call("PUT", path("unheard"));
    const how = await Promise.race([listener.ended.then(() => "ended"), sleep(3000, "still listening")]);
    await listener.hang();
    assert.equal(how, "ended");
    assert.deepEqual(listener.events, []);
  });

  test("in silence there is a sign of life every 15 seconds, and it ends with the server at once", async () => {
    const listener = await Listener.at(house.origin, house.token, "?after=now");
    await listener.until(() => listener.lastId !== null);
    const signs = () => listener.text.split(": still here").length - 1;
    assert.equal(signs(), 1);
    house.fake.clock.advance(15_001);
    await listener.until(() => signs() === 2);
    house.behalf.beginEnd();
    const began = performance.now();
    await listener.ended;
    assert.ok(performance.now() - began < 500);
  });
});
