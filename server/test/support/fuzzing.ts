// What the fuzzer knows beforehand: words that lead further in than a schema alone, rows that the routes find, how to hear a stream.
import { type OutgoingHttpHeaders, request } from "node:http";
import { type Doors, type Got, type Sent, send } from "./doors.ts";
import { eventually } from "./process.ts";
import type { Hints } from "./schemas.ts";

/** Values that lead further in than a schema alone would. */
export const common: Hints = {
  name: ["github", "spare", "github_issue_create", "github_user_repos_list", "new"],
  slug: ["main", "spare", "new"],
  methods: [["GET"], ["GET", "POST"]],
  inject_headers: [{ "X-Injected": "1" }, {}],
  path: ["/user", "/user/repos?per_page=1"],
  limit: [1, 100],
  after: ["0", "1", "now"],
  wait: ["0", "0", "0", "1"],
  since: ["2026-01-01T00:00:00Z", "2h"],
  until: ["2036-01-01T00:00:00Z", "1m"],
  filter: ["", "status:>=400", "tool:github_issue_create hello"],
  window: ["15m", "1h"],
  preset: ["github", "github-app", "generic", "google"],
  identifier: ["user_1", "user_2", "fuzz"],
  connection: ["github", "spare"],
  hosts: [{ web: "http://127.0.0.1:9100", api: "http://127.0.0.1:9101" }],
  tools: [["github_issue_create"]],
  verify_url_origins: [["https://app.example"]],
  verification: ["none", "custom"],
  verify_url: ["https://app.example/verify"],
  return_url: ["https://app.example/done"],
  input: [
    { owner: "octo", repo: "hello", title: "Bug" },
    { owner: "octo", repo: "hello" },
    {},
    { owner: "..", repo: "hello", path: "%2e%2e" },
  ],
};

/** The same word means another thing elsewhere. */
export const byPath: Readonly<Record<string, Hints>> = {
  "/v1/tools": {
    name: ["github_issue_create", "github_user_repos_list"],
    identifier: ["user_1"],
    connection: ["github"],
  },
  "/v1/tokens": { scopes: [["tools"], ["proxy", "tools"]] },
  "/v1/audit": {
    name: ["account.created", "account.*"],
    actor: ["token", "system"],
    since: ["2026-01-01T00:00:00Z"],
    until: ["2036-01-01T00:00:00Z"],
  },
  "/v1/connections": { scopes: [["repo"], []], settings: [{}], client_id: ["Iv1.spare"], client_secret: ["secret"] },
  "/v1/endpoints": { name: ["Main"], identifier: ["user_1", null], forward_headers: [[]], blocked_headers: [[]] },
};

const ended: Hints = { identifier: ["fuzz", "user_2"], name: ["github", "github", "spare"] };
const spare: Hints = { name: ["spare", "spare", "none"] };

/** Calls by how they end, the method in front: the first that fits. */
export const byCall: Readonly<Record<string, Hints>> = {
  "/import": { name: ["pat"], identifier: ["brought"], scopes: [[]] },
  "/refresh": { name: ["github"], identifier: ["user_1"] },
  "/disconnect": ended,
  "DELETE /v1/connections/{name}/accounts/{identifier}": ended,
  "DELETE /v1/endpoints/{slug}": { slug: ["spare", "none"] },
  "DELETE /v1/connections/{name}": spare,
  "PATCH /v1/connections/{name}": spare,
};

/** Rows that the routes find: an endpoint, a connection to bring tokens to, a call in the log, a checkpoint of the audit. */
export async function furnish({ house }: Doors): Promise<Hints> {
  const { call, fake } = house;
  const upstream = fake.api;
  await call("POST", "/v1/connections", {
    body: { name: "pat", preset: "github-pat", verification: "none", hosts: { web: fake.web, api: fake.api } },
  });
  await call("POST", "/v1/connections", {
    body: { name: "spare", preset: "github", client_id: "Iv1.spare", client_secret: "secret", verification: "none" },
  });
  await call("PUT", "/v1/connections/github/accounts/user_2");
  fake.user({ login: "mona" });
  const minted = [];
  for (const name of ["a", "b", "c", "d"])
    minted.push((await call("POST", "/v1/tokens", { body: { name, scopes: ["tools"] } })).json.id as string);
  for (const slug of ["main", "spare", "steady"])
    await call("POST", "/v1/endpoints", {
      body: { slug, name: slug, upstream_url: upstream, connection: "github", identifier: "user_1" },
    });
  await call("GET", `/api/${house.project}/proxy/steady/user`);
  const checkpoint = await call("POST", "/v1/audit/checkpoints");
  const logged = await eventually(async () => {
    const items = (await call("GET", "/v1/requests")).json?.items as { id: string }[] | undefined;
    return items === undefined || items.length > 0 ? (items ?? []) : undefined;
  });
  return {
    upstream_url: [upstream],
    // Tokens that no account holds: one that is held is not taken a second time.
    access_token: Array.from({ length: 3 }, () => fake.personalToken({ login: "mona" })),
    checkpoints: [[checkpoint.json]],
    request: logged.map(({ id }) => id),
    id: [...minted, `tok_${"0".repeat(32)}`],
  };
}

/** Event streams do not end by themselves: what has come after this time is judged. */
const listenMs = 40;

/** As `send`, but for what streams: there it hears what comes within the time, and goes away. */
export async function listen(origin: string, sent: Sent): Promise<Got> {
  const waits = sent.method === "GET" && /\/(stream|events)(\?|$)/.test(sent.path) && !/[?&]wait=0/.test(sent.path);
  if (!waits) return send(origin, sent);
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const call = request({
      hostname,
      port,
      method: "GET",
      path: sent.path,
      headers: { ...sent.headers } as OutgoingHttpHeaders,
    });
    call.on("error", reject);
    call.on("response", (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("error", () => undefined);
      const end = (): void => {
        clearTimeout(timer);
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
        response.destroy();
      };
      const timer = setTimeout(end, listenMs);
      response.on("end", end);
    });
    call.end();
  });
}

export function eventsIn(text: string): unknown[] {
  return text
    .split("\n\n")
    .flatMap((block) => block.split("\n"))
    .filter((line) => line.startsWith("data: "))
    .map((line) => JSON.parse(line.slice("data: ".length)) as unknown);
}
