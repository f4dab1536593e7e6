// Every door of the house with a good request for each, and the judge of what a bad one gets.
import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import type { Route } from "../../src/http/api/route.ts";
import { type RefusalCode, refusals } from "../../src/rules/refusal.ts";
import type { DatabaseKind } from "./databases.ts";
import { adminToken, openHouse, type TestHouse } from "./house.ts";
import { connect, makeConnection } from "./person.ts";
import { openRaw, type RawDatabase } from "./sql.ts";

export interface Sample {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Readonly<Record<string, unknown>>;
}

const person = { name: "github", identifier: "user_1" };
/** The end of a page, as if there had been one. */
const cursor = Buffer.from(JSON.stringify([1, `prj_${"0".repeat(32)}`])).toString("base64url");
const page = { limit: "10", cursor };
const hosts = { web: "http://127.0.0.1:9100", api: "http://127.0.0.1:9101" };
const connection = {
  client_id: "Iv1.other",
  client_secret: "other-client-secret",
  scopes: ["repo"],
  hosts,
  settings: { app_slug: "some-app", token_auth: "basic", user_url: "http://127.0.0.1:9101/user" },
  verification: "none",
  allow_unverified: true,
  verify_url_origins: ["https://app.example"],
};

const endpoint = {
  name: "GitHub API",
  upstream_url: "http://127.0.0.1:9101",
  methods: ["GET", "POST"],
  connection: "github",
  identifier: "user_1",
  timeout_seconds: 30,
  strip_prefix: true,
  preserve_query: true,
  forward_headers: ["Accept"],
  blocked_headers: ["X-Secret"],
  inject_headers: { "X-Api-Key": "operator-key" },
  rate_limit_per_minute: 60,
  rate_limit_per_hour: 600,
  active: true,
};
const span = { since: "2026-01-01T00:00:00Z", until: "2030-01-01T00:00:00Z" };

/** A request that fits the schemas of each route: what is made wrong, member by member. */
export const samples: Readonly<Record<string, Sample>> = {
  "POST /v1/projects": { body: { name: "Acme", environment: "live" } },
  "GET /v1/projects": { query: page },
  "POST /v1/tokens": {
    body: {
      name: "run",
      scopes: ["tools"],
      limits: {
        tools: ["github_user_repos_list"],
        access: "read",
        repositories: ["octo/hello"],
        methods: ["GET"],
        endpoints: ["probe"],
      },
      budget: { requests_per_minute: 60, requests_per_hour: 600, requests: 9, bytes: 1000, concurrent: 2 },
      account: { connection: "github", identifier: "user_1" },
      expires_in: 3600,
    },
  },
  "GET /v1/tokens": { query: page },
  "DELETE /v1/tokens/{id}": { params: { id: `tok_${"0".repeat(32)}` } },
  "GET /v1/presets": {},
  "POST /v1/connections": { body: { name: "other", preset: "github", ...connection } },
  "GET /v1/connections": { query: page },
  "GET /v1/connections/{name}": { params: { name: "github" } },
  "PATCH /v1/connections/{name}": { params: { name: "github" }, body: connection },
  "DELETE /v1/connections/{name}": { params: { name: "github" }, query: { accounts: "revoke" } },
  "PUT /v1/connections/{name}/accounts/{identifier}": { params: person },
  "GET /v1/connections/{name}/accounts/{identifier}": { params: person, query: { check: "false" } },
  "DELETE /v1/connections/{name}/accounts/{identifier}": { params: person, query: { grant: "false" } },
  "POST /v1/connections/{name}/accounts/{identifier}/disconnect": { params: person, query: { grant: "false" } },
  "POST /v1/connections/{name}/accounts/{identifier}/link": {
    params: person,
    body: { verify_url: "https://app.example/verify", state: "abc", return_url: "https://app.example/done" },
  },
  "POST /v1/connections/{name}/accounts/{identifier}/refresh": { params: person },
  "POST /v1/accounts/verify": { body: { auth_request_id: "abc", identifier: "user_1" } },
  "GET /v1/accounts": { query: { ...page, connection: "github", identifier: "user_1", status: "PENDING" } },
  "GET /v1/tools": { query: { query: "issue" } },
  "GET /v1/tools/{name}": { params: { name: "github_issue_create" } },
  "POST /v1/tools/{name}/execute": {
    params: { name: "github_issue_create" },
    body: {
      connection: "github",
      identifier: "user_1",
      input: { owner: "octo", repo: "hello", title: "Bug" },
      run_id: "run 1",
    },
  },
  "POST /v1/endpoints": { body: { slug: "probe", ...endpoint } },
  "GET /v1/endpoints": { query: page },
  "GET /v1/endpoints/{slug}": { params: { slug: "probe" } },
  "PATCH /v1/endpoints/{slug}": { params: { slug: "probe" }, body: endpoint },
  "DELETE /v1/endpoints/{slug}": { params: { slug: "probe" } },
  "POST /v1/endpoints/{slug}/test": {
    params: { slug: "probe" },
    body: { method: "GET", path: "/user?x=1", call: false },
  },
  "POST /v1/connections/{name}/accounts/{identifier}/import": {
    params: person,
    body: {
      access_token: "gho_0123456789",
      refresh_token: "ghr_0123456789",
      expires_at: "2030-01-01T00:00:00Z",
      scopes: ["repo"],
    },
  },
  "GET /v1/accounts/events": { query: { after: "0", wait: "0" } },
  "GET /v1/requests": { query: { limit: "10", cursor: "abc-1", filter: "status:4xx x", since: "15m", until: "1m" } },
  "GET /v1/requests/stream": { query: { filter: "status:4xx x", after: "0", wait: "0" } },
  "GET /v1/requests/{id}": { params: { id: `rqr_${"0".repeat(32)}` } },
  "GET /v1/stats": { query: { window: "1h" } },
  "GET /v1/audit": {
    query: { limit: "10", cursor: "abc.1", name: "account.*", subject: "acc_1", actor: "token", ...span },
  },
  "GET /v1/audit/export.jsonl": { query: span },
  "GET /v1/audit/export.csv": { query: span },
  "GET /v1/audit/verify": {},
  "POST /v1/audit/verify": {
    body: {
      checkpoints: [
        {
          chain: `prj_${"0".repeat(32)}`,
          seq: 1,
          hash: "h".repeat(43),
          at: "2026-01-01T00:00:00.000Z",
          signature: "s".repeat(86),
        },
      ],
    },
  },
  "GET /v1/audit/checkpoints": { query: { limit: "10", cursor: "5" } },
  "POST /v1/audit/checkpoints": {},
};

export function keyOf(row: Pick<Route, "method" | "path">): string {
  return `${row.method} ${row.path}`;
}

export function sampleOf(row: Pick<Route, "method" | "path">): Sample {
  const sample = samples[keyOf(row)];
  if (sample === undefined) throw new Error(`support/doors.ts has no sample of ${keyOf(row)}`);
  return sample;
}

/** The token that a route wants: projects belong to the instance. */
function tokenFor(house: TestHouse, row: Pick<Route, "path">): string {
  return row.path === "/v1/projects" ? adminToken : house.token;
}

/** Fills a template with raw, already encoded values. */
export function filled(path: string, params: Readonly<Record<string, string>> = {}): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => params[name] ?? "x");
}

function queried(path: string, query: Readonly<Record<string, string>> = {}): string {
  const text = new URLSearchParams(query).toString();
  return text === "" ? path : `${path}?${text}`;
}

/** Whether a route's own body schema has members: the others take none. */
export function takesBody(row: Pick<Route, "method" | "path">): boolean {
  return sampleOf(row).body !== undefined;
}

export interface Sent {
  readonly method: string;
  /** As it goes over the wire: nothing normalises it. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array;
}

export interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: 8 });

/** One request by Node's plain client. */
export async function send(origin: string, sent: Sent): Promise<Got> {
  const { hostname, port } = new URL(origin);
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(sent.headers ?? {}))
    headers[name] = typeof value === "string" ? value : [...value];
  // Node's client frames no body of a DELETE by itself.
  if (sent.body !== undefined && headers["transfer-encoding"] === undefined)
    headers["content-length"] = String(Buffer.byteLength(sent.body));
  const options = { hostname, port, agent, method: sent.method, path: sent.path, headers };
  return new Promise((resolve, reject) => {
    const call = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
    });
    call.on("error", reject);
    call.end(sent.body);
  });
}

const machine = [process.cwd(), "node_modules", "/server/src/", "file://", ".ts:"];
const internals =
  /\n\s+at |\bselect .+ from\b|\binsert into\b|sqlite|postgres|kysely|\bzod\b|TypeError|RangeError|undefined column/i;

/** Nothing of the machine and nothing long of the input comes back. */
export function assertNothingLeaks(text: string, inputs: readonly string[], about: string): void {
  assert.doesNotMatch(text, internals, about);
  for (const place of machine) assert.equal(text.includes(place), false, `${about} names ${place}: ${text}`);
  for (const input of inputs.filter((one) => one.length > 64))
    assert.equal(text.includes(input.slice(0, 65)), false, `${about} repeats the input: ${text.slice(0, 300)}`);
}

/** A clear refusal: 4xx, a problem with code, sentence, next step and request id, in either shape. */
export function assertClear(got: Got, about: string, inputs: readonly string[] = []): void {
  const short = `${about} → ${got.status} ${got.text.slice(0, 400)}`;
  assert.equal(got.status >= 400 && got.status < 500, true, short);
  assertProblem(got, short);
  assertNothingLeaks(got.text, inputs, short);
}

export function assertProblem(got: Got, about: string): void {
  const type = String(got.headers["content-type"]);
  assert.match(type, /^application\/(problem\+json$|json; charset=utf-8$)/, about);
  const problem = JSON.parse(got.text) as Record<string, unknown>;
  const { code } = problem;
  assert.equal(typeof code === "string" && Object.hasOwn(refusals, code), true, about);
  const sentence = type.startsWith("application/problem") ? problem["title"] : problem["message"];
  assert.equal(typeof sentence === "string" && sentence.length > 10, true, about);
  assert.equal(Number(problem["status"]), got.status, about);
  const next = problem["next"] as Record<string, string | undefined> | undefined;
  assert.match(String(next?.["action"]), /^[a-z_]+$/, `no next step: ${about}`);
  assert.equal((next?.["detail"] ?? next?.["url"] ?? "").length > 7, true, `an empty next step: ${about}`);
  assert.match(String(problem["request_id"]), /^rqr_[0-9a-f]{32}$/, about);
  const header = got.headers["behalf-request-id"];
  if (header !== undefined) assert.equal(header, problem["request_id"], `two request ids: ${about}`);
  if (got.status === 401) assert.match(String(got.headers["www-authenticate"]), /^Bearer /, about);
  if (got.status === 405) assert.match(String(got.headers["allow"]), /^[A-Z]+(, [A-Z]+)*$/, about);
}

/** Every row of every table, but for the time a token was last used and for the live log, which comes in batches. */
async function stateOf(raw: RawDatabase): Promise<Record<string, unknown>> {
  const tables = Object.fromEntries(Object.entries(await raw.dump()).filter(([name]) => !name.startsWith("request")));
  return { ...tables, tokens: tables["tokens"]?.map((row) => ({ ...row, last_used_at: null })) };
}

/** What the log says went wrong without anybody meaning it to. */
export function unexpected(house: TestHouse): string[] {
  return house.lines.filter((line) => /"level":"error"|A background task failed/.test(line));
}

/** A long text of a caller: it must not come back. */
export const long = "long-input-".repeat(40);

export interface Bad extends Sent {
  readonly about: string;
  readonly inputs?: readonly string[];
  readonly status?: number | readonly number[];
  readonly code?: RefusalCode;
}

/** A house with one connected person, and what it takes to be rude to it. */
export interface Doors {
  readonly house: TestHouse;
  headersFor(row: Route, hasBody: boolean): Record<string, string>;
  pathOf(row: Route): string;
  withBody(row: Route, body: unknown, about: string): Bad;
  /** Sends each; every answer is a clear refusal and the database is afterwards what it was. */
  refuseAll(bad: readonly Bad[]): Promise<void>;
  close(): Promise<void>;
}

export async function openDoors(kind: DatabaseKind): Promise<Doors> {
  const house = await openHouse({ kind });
  house.fake.user({ login: "octo" });
  await makeConnection(house, { more: { verify_url_origins: ["https://app.example"] } });
  await connect(house);
  const probe = { ...endpoint, slug: "probe", upstream_url: house.fake.api };
  const made = await house.call("POST", "/v1/endpoints", { body: probe });
  if (made.status !== 201) throw new Error(`endpoint: ${made.status} ${made.text}`);
  const raw = await openRaw(house.database);
  const headersFor = (row: Route, hasBody: boolean): Record<string, string> => {
    const bearer = { authorization: `Bearer ${tokenFor(house, row)}` };
    return hasBody ? { ...bearer, "content-type": "application/json" } : bearer;
  };
  const pathOf = (row: Route): string => queried(filled(row.path, sampleOf(row).params), sampleOf(row).query);
  return {
    house,
    headersFor,
    pathOf,
    withBody(row, body, about) {
      const text = typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body);
      return { method: row.method, path: pathOf(row), headers: headersFor(row, true), body: text, about };
    },
    async refuseAll(bad) {
      const was = await stateOf(raw);
      const faults: string[] = [];
      for (const one of bad) faults.push(...(await faultsOf(house.origin, one)));
      assert.equal(faults.join("\n").slice(0, 4000), "");
      assert.deepEqual(await stateOf(raw), was);
      assert.deepEqual(unexpected(house), []);
      assert.equal((await send(house.origin, { method: "GET", path: "/healthz" })).status, 200);
    },
    async close() {
      agent.destroy();
      await raw.close();
      await house.close();
    },
  };
}

async function faultsOf(origin: string, one: Bad): Promise<string[]> {
  const about = `${one.method} ${one.path.slice(0, 120)} ${one.about}`;
  const got = await send(origin, one);
  try {
    assertClear(got, about, one.inputs ?? []);
    const expected = one.status === undefined ? [got.status] : [one.status].flat();
    assert.equal(
      expected.includes(got.status),
      true,
      `${about}: ${got.status}, not ${expected.join("/")}: ${got.text}`,
    );
    if (one.code !== undefined) assert.equal((JSON.parse(got.text) as { code: string }).code, one.code, about);
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}
