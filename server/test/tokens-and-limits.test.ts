// Gateway tokens at the API: nobody mints more than they hold, and every limit holds on every surface (design §10.8).
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { type Limits, mayCall, mayMint, type Principal, scopes, type TokenAsk } from "../src/rules/policy.ts";
import { onEachDatabase } from "./support/databases.ts";
import { type Answer, adminToken, openHouse, type TestHouse } from "./support/house.ts";
import { connect, makeConnection } from "./support/person.ts";

const person = { connection: "github", identifier: "user_1" };
const named = { connection_name: "github", identifier: "user_1" };

onEachDatabase("gateway tokens", (kind) => {
  let house: TestHouse;
  before(async () => {
    house = await openHouse({ kind });
    for (const login of ["octo", "hubot"]) house.fake.user({ login });
    await makeConnection(house);
    for (const name of ["hello", "secret"])
      house.fake.repository({ owner: "octo", name, private: true, files: { "README.md": "hello" } });
    house.fake.installation({ clientId: "Iv1.test", account: "octo", repositories: "all" });
    await connect(house, "user_1", "octo");
    await connect(house, "user_2", "hubot");
  });
  after(async () => house.close());

  async function ask(body: Record<string, unknown>, token = house.token): Promise<Answer> {
    return house.call("POST", "/v1/tokens", { token, body: { name: "t", ...body } });
  }

  async function mint(body: Record<string, unknown>, token?: string): Promise<{ id: string; token: string }> {
    const answer = await ask(body, token);
    assert.equal(answer.status, 201, answer.text);
    return answer.json as { id: string; token: string };
  }

  async function refused(code: string, answer: Answer | Promise<Answer>): Promise<void> {
    const { status, json, text } = await answer;
    assert.equal(json?.code, code, text);
    assert.equal(
      status,
      { forbidden: 403, limit_not_allowed: 403, scope_missing: 403, invalid_input: 422 }[code] ?? 401,
    );
  }

  const tool = async (name: string, token: string, input: Record<string, unknown> = { owner: "octo", repo: "hello" }) =>
    house.call("POST", `/v1/tools/${name}/execute`, { token, body: { ...person, input } });

  test("the token is in the answer that made it and in no other", async () => {
    const made = await mint({ scopes: ["tools"], limits: { access: "read" } });
    assert.match(made.token, /^bh_live_[0-9A-Za-z]{49}$/);
    const list = await house.call("GET", "/v1/tokens?limit=100");
    const row = list.json.items.find((item: { id: string }) => item.id === made.id);
    assert.equal(list.text.includes(made.token), false);
    assert.deepEqual([row.scopes, row.limits, row.revoked_at], [["tools"], { access: "read" }, null]);
    assert.equal(row.preview, made.token.slice(0, 12));
  });

  test("each scope opens its own surface and no other", async () => {
    const doors: Record<string, (token: string) => Promise<Answer>> = {
      accounts: async (token) => house.call("GET", "/v1/accounts", { token }),
      tools: async (token) => house.call("GET", "/v1/tools", { token }),
      proxy: async (token) => house.call("GET", "/proxy/user", { token, headers: named }),
      tokens: async (token) => house.call("GET", "/v1/tokens", { token }),
      logs: async (token) => house.call("GET", "/v1/requests", { token }),
      audit: async (token) => house.call("GET", "/v1/audit", { token }),
      admin: async (token) => house.call("GET", "/v1/connections", { token }),
    };
    assert.deepEqual(Object.keys(doors).toSorted(), [...scopes].toSorted());
    for (const scope of scopes) {
      const { token } = await mint({ scopes: [scope] });
      for (const [door, open] of Object.entries(doors)) {
        const answer = await open(token);
        const may = door === scope || scope === "admin";
        assert.equal(answer.status, may ? 200 : 403, `${scope} at ${door}: ${answer.text}`);
        if (!may) assert.equal(answer.json.code, "scope_missing");
      }
    }
    await refused("scope_missing", house.call("POST", "/v1/projects", { body: { name: "P" } }));
  });

  test("a scope that no surface serves, a double and an unknown limit are refused", async () => {
    for (const body of [
      { scopes: ["mcp"] },
      { scopes: [] },
      { scopes: ["tools"], limits: { hosts: ["x"] } },
      { scopes: ["tools"], limits: { access: "admin" } },
      { scopes: ["tools"], limits: { repositories: ["octo"] } },
      { scopes: ["tools"], limits: { methods: ["get"] } },
      { scopes: ["tools"], expires_in: 59 },
      { scopes: ["tools"], expires_in: 1.5 },
      { scopes: ["tools"], agent: "x" },
      { scopes: ["tools"], name: "bell\u0007" },
    ])
      await refused("invalid_input", ask(body));
  });

  test("a token lives as long as it was given and not a second longer", async () => {
    const { token } = await mint({ scopes: ["tools"], expires_in: 3600 });
    house.fake.clock.advance(3_590_000);
    assert.equal((await house.call("GET", "/v1/tools", { token })).status, 200);
    house.fake.clock.advance(10_000);
    await refused("token_expired", house.call("GET", "/v1/tools", { token }));
    const raw = await house.call("GET", "/api/v3/user", { token });
    assert.deepEqual([raw.status, raw.headers.get("behalf-refusal")], [401, "token_expired"]);
  });

  test("the last use is written, at most once a minute", async () => {
    const { id, token } = await mint({ scopes: ["tools"] });
    const lastUsed = async (): Promise<string | null> => {
      const { json } = await house.call("GET", "/v1/tokens?limit=100");
      return json.items.find((item: { id: string }) => item.id === id).last_used_at as string | null;
    };
    const use = async (): Promise<void> => {
      await house.call("GET", "/v1/tools", { token });
      await new Promise((resolve) => setTimeout(resolve, 30));
    };
    assert.equal(await lastUsed(), null);
    await use();
    const first = await lastUsed();
    assert.ok(first !== null);
    house.fake.clock.advance(50_000);
    await use();
    assert.equal(await lastUsed(), first);
    house.fake.clock.advance(11_000);
    await use();
    assert.ok(Date.parse((await lastUsed()) ?? "") - Date.parse(first) >= 61_000);
  });

  test("revoking a token ends its children at any depth, and not its parent or its siblings", async () => {
    const grow = async (token?: string) => mint({ scopes: ["tokens", "tools"] }, token);
    const parent = await grow();
    const line = [await grow(parent.token)];
    for (let depth = 0; depth < 4; depth += 1) line.push(await grow(line.at(-1)?.token));
    const sibling = await grow(parent.token);
    const use = async (token: string) => (await house.call("GET", "/v1/tools", { token })).status;
    // A child may end neither its parent nor its sibling, only itself and what it minted.
    for (const id of [parent.id, sibling.id])
      assert.equal((await house.call("DELETE", `/v1/tokens/${id}`, { token: line[0]?.token ?? "" })).status, 404);
    assert.equal(
      (await house.call("DELETE", `/v1/tokens/${line[1]?.id}`, { token: line[0]?.token ?? "" })).status,
      204,
    );
    assert.deepEqual(await Promise.all(line.map(async ({ token }) => use(token))), [200, 401, 401, 401, 401]);
    assert.deepEqual([await use(parent.token), await use(sibling.token)], [200, 200]);
    assert.equal((await house.call("DELETE", `/v1/tokens/${parent.id}`)).status, 204);
    assert.deepEqual([await use(line[0]?.token ?? ""), await use(sibling.token)], [401, 401]);
    await refused("unauthenticated", ask({ scopes: ["tools"] }, line[0]?.token));
  });

  test("without admin a token sees itself and its children only", async () => {
    const parent = await mint({ scopes: ["tokens", "tools"] });
    const child = await mint({ scopes: ["tools"] }, parent.token);
    await mint({ scopes: ["tools"] });
    const list = await house.call("GET", "/v1/tokens?limit=100", { token: parent.token });
    const ids = list.json.items.map(({ id }: { id: string }) => id) as string[];
    assert.deepEqual(ids.toSorted(), [parent.id, child.id].toSorted());
  });

  test("a child holds no scope, no time, no person and no reach that its parent does not", async () => {
    const limits = { access: "read", repositories: ["octo/hello"], tools: ["github_repo_get"], methods: ["GET"] };
    const parent = await mint({ scopes: ["tokens", "tools"], expires_in: 600, account: person });
    const limited = await mint({ scopes: ["tokens", "tools"], limits: { ...limits, access: "write" } });
    await refused("forbidden", ask({ scopes: ["proxy"] }, parent.token));
    await refused("forbidden", ask({ scopes: ["admin"] }, parent.token));
    await refused("forbidden", ask({ scopes: ["tools"], expires_in: 601 }, parent.token));
    const other = { ...person, identifier: "user_2" };
    await refused("forbidden", ask({ scopes: ["tools"], account: other }, parent.token));
    for (const wider of [
      { repositories: ["octo/hello", "octo/secret"] },
      { tools: ["github_repo_get", "github_issue_create"] },
      { methods: ["GET", "POST"] },
    ])
      await refused("limit_not_allowed", ask({ scopes: ["tools"], limits: wider }, limited.token));
    const child = await ask({ scopes: ["tools"] }, parent.token);
    assert.equal(child.json.account_id, (await house.call("GET", "/v1/connections/github/accounts/user_1")).json.id);
    assert.ok(child.json.expires_at !== null);
    const heir = await ask({ scopes: ["tools"], limits: { access: "read" } }, limited.token);
    assert.deepEqual(heir.json.limits, limits);
    await refused("limit_not_allowed", ask({ scopes: ["tools"] }, (await mint({ scopes: ["tokens"], limits })).token));
  });

  test("a token bound to a person reaches nobody else, and cannot be an administrator", async () => {
    const { token } = await mint({ scopes: ["accounts", "tools", "proxy"], account: person });
    assert.equal((await house.call("GET", "/api/v3/user", { token })).json.login, "octo");
    const other = { connection_name: "github", identifier: "user_2" };
    await refused("forbidden", house.call("GET", "/proxy/user", { token, headers: other }));
    await refused("forbidden", house.call("PUT", "/v1/connections/github/accounts/user_2", { token }));
    await refused("forbidden", house.call("PUT", "/v1/connections/github/accounts/user_9", { token }));
    const body = { connection: "github", identifier: "user_2", input: {} };
    await refused("forbidden", house.call("POST", "/v1/tools/github_user_repos_list/execute", { token, body }));
    await refused("invalid_input", { ...(await ask({ scopes: ["admin"], account: person })) });
  });

  test("a deleted person takes the tokens bound to them along", async () => {
    await connect(house, "user_3", "hubot");
    const bound = await mint({ scopes: ["tokens", "tools"], account: { ...person, identifier: "user_3" } });
    const child = await mint({ scopes: ["tools"] }, bound.token);
    assert.equal((await house.call("DELETE", "/v1/connections/github/accounts/user_3")).status, 204);
    for (const { token } of [bound, child]) await refused("unauthenticated", house.call("GET", "/v1/tools", { token }));
  });

  /** What a token with these limits may do, on every surface; true where upstream was reached. */
  async function reach(limits: Limits): Promise<Record<string, boolean>> {
    const { token } = await mint({ scopes: ["tools", "proxy"], limits, account: person });
    const raw = async (method: string, path: string, body?: unknown) =>
      house.call(method, path, { token, ...(body === undefined ? {} : { body }) });
    const input = { owner: "octo", repo: "hello", title: "t" };
    const answers: Record<string, Answer> = {
      "tool read": await tool("github_repo_get", token),
      "tool read elsewhere": await tool("github_repo_get", token, { owner: "octo", repo: "secret" }),
      "tool list": await tool("github_user_repos_list", token, {}),
      "tool write": await tool("github_issue_create", token, input),
      "proxy read": await raw("GET", "/proxy/repos/octo/hello"),
      "proxy read elsewhere": await raw("GET", "/proxy/repos/OCTO/Secret"),
      "proxy read sideways": await raw("GET", "/proxy/repos/octo%2Fsecret"),
      "proxy list": await raw("GET", "/proxy/user/repos"),
      "proxy write": await raw("POST", "/proxy/repos/octo/hello/issues", { title: "t" }),
      "proxy graphql": await raw("POST", "/proxy/graphql", { query: "{viewer{login}}" }),
      "api read": await raw("GET", "/api/v3/repos/octo/hello"),
      "api read elsewhere": await raw("GET", "/api/v3/repos/octo/secret"),
      "api write": await raw("POST", "/api/v3/repos/octo/hello/issues", { title: "t" }),
      "api graphql": await raw("POST", "/api/graphql", { query: "{viewer{login}}" }),
    };
    const reached = Object.entries(answers).map(([name, { status, json, text }]) => {
      if (json?.code === "limit_not_allowed") assert.equal(status, 403);
      // A route that GitHub does not have was reached all the same.
      else assert.ok(status < 300 || (status === 404 && json?.code === undefined), `${name}: ${status} ${text}`);
      return [name, json?.code !== "limit_not_allowed"] as const;
    });
    return Object.fromEntries(reached);
  }

  const everything = [
    "tool read",
    "tool read elsewhere",
    "tool list",
    "tool write",
    "proxy read",
    "proxy read elsewhere",
    "proxy read sideways",
    "proxy list",
    "proxy write",
    "proxy graphql",
    "api read",
    "api read elsewhere",
    "api write",
    "api graphql",
  ];
  const reads = everything.filter((name) => !/write|graphql/.test(name));

  for (const [says, limits, may] of [
    ["no limit", {}, everything],
    ["reading only", { access: "read" }, reads],
    ["writing too", { access: "write" }, everything],
    [
      "one repository",
      { repositories: ["Octo/Hello"] },
      ["tool read", "tool write", "proxy read", "proxy write", "api read", "api write"],
    ],
    ["no repository", { repositories: [] }, []],
    ["one tool", { tools: ["github_repo_get"] }, ["tool read", "tool read elsewhere"]],
    ["no tool", { tools: [] }, []],
    ["GET only", { methods: ["GET"] }, reads],
    ["POST only", { methods: ["POST"] }, everything.filter((name) => /write|graphql/.test(name))],
    [
      "reading one repository",
      { access: "read", repositories: ["octo/hello"] },
      ["tool read", "proxy read", "api read"],
    ],
  ] as const) {
    test(`limited to ${says}: what tools, proxy, the GitHub paths and GraphQL allow`, async () => {
      const reached = Object.entries(await reach(limits)).filter(([, did]) => did);
      assert.deepEqual(
        reached.map(([name]) => name),
        may,
      );
    });
  }

  test("GraphQL is closed to a token that only reads, or reads some repositories, by any method and spelling", async () => {
    for (const limits of [{ access: "read" }, { repositories: ["octo/hello"] }]) {
      const { token } = await mint({ scopes: ["proxy"], limits, account: person });
      for (const path of ["/api/graphql", "/proxy/graphql", "/proxy/GraphQL", "/api/v3/graphql"])
        await refused("limit_not_allowed", house.call("GET", path, { token }));
    }
  });

  test("a token that only reads changes nothing of ours either", async () => {
    const { token } = await mint({ scopes: ["admin"], limits: { access: "read" } });
    for (const [method, path] of [
      ["PUT", "/v1/connections/github/accounts/user_1"],
      ["POST", "/v1/connections/github/accounts/user_1/refresh"],
      ["DELETE", "/v1/connections/github"],
      ["POST", "/v1/tokens"],
    ] as const)
      await refused("limit_not_allowed", house.call(method, path, { token }));
    assert.equal((await house.call("GET", "/v1/accounts", { token })).status, 200);
  });

  test("an instance token of the settings is no project's, and a mistyped one is nobody's", async () => {
    const answer = await house.call("GET", "/v1/tokens", { token: adminToken });
    assert.equal(answer.json.code, "project_required");
    await refused("unauthenticated", house.call("GET", "/v1/tokens", { token: `${adminToken}x` }));
    await refused("unauthenticated", house.call("GET", "/v1/tokens", { token: house.token.replace(/.$/, "!") }));
  });
});

const words = fc.subarray(["a", "b", "c"]);
const limitsOf: fc.Arbitrary<Limits> = fc.record(
  {
    tools: words,
    access: fc.constantFrom("read" as const, "write" as const),
    repositories: fc.subarray(["o/a", "o/b", "O/A"]),
    methods: fc.subarray(["GET", "POST", "DELETE"]),
  },
  { requiredKeys: [] },
);
const accountOf = fc.constantFrom(null, "acc_1", "acc_2") as fc.Arbitrary<Principal["accountId"]>;
const endOf = fc.option(fc.integer({ min: 1, max: 5 }));
const holder: fc.Arbitrary<Principal> = fc.record({
  tokenId: fc.constant("tok_1" as Principal["tokenId"]),
  tokenName: fc.constant("t"),
  projectId: fc.constant("prj_1" as Principal["projectId"]),
  isInstance: fc.boolean(),
  budgets: fc.constant([]),
  environment: fc.constant("live" as const),
  scopes: fc.subarray([...scopes], { minLength: 1 }),
  limits: limitsOf,
  accountId: accountOf,
  expiresAt: endOf,
});
const wish: fc.Arbitrary<TokenAsk> = fc.record({
  scopes: fc.subarray([...scopes], { minLength: 1 }),
  limits: limitsOf,
  accountId: accountOf,
  expiresAt: endOf,
});
const calls = ["a", "b", undefined].flatMap((tool) =>
  ["GET", "POST", "DELETE"].flatMap((method) =>
    [{ owner: "o", name: "a" }, { owner: "O", name: "B" }, "none" as const, "unknown" as const].flatMap((repository) =>
      [true, false].map((graphql) => {
        return { ...(tool === undefined ? {} : { tool }), method, changes: method !== "GET", repository, graphql };
      }),
    ),
  ),
);

test("a child is never wider than its parent, in scopes, limits, person or time, whatever is asked", () => {
  let minted = 0;
  const property = fc.property(holder, wish, (parent, asked) => {
    const minting = mayMint(parent, asked);
    if (minting.kind === "refuse") return;
    minted += 1;
    const child = minting.ask;
    for (const scope of child.scopes) assert.ok(parent.scopes.includes(scope) || parent.scopes.includes("admin"));
    if (parent.accountId !== null) assert.equal(child.accountId, parent.accountId);
    if (parent.expiresAt !== null) assert.ok(child.expiresAt !== null && child.expiresAt <= parent.expiresAt);
    if (child.accountId !== null) assert.equal(child.scopes.includes("admin"), false);
    for (const call of calls.filter((allowed) => mayCall(child.limits, allowed).kind === "allow")) {
      assert.equal(mayCall(parent.limits, call).kind, "allow");
      assert.equal(mayCall(asked.limits, call).kind, "allow", "wider than what was asked for");
    }
    assert.deepEqual(child.scopes, asked.scopes);
    assert.equal(child.expiresAt, asked.expiresAt ?? parent.expiresAt);
  });
  fc.assert(property, { numRuns: 4000 });
  assert.ok(minted > 100, `${minted} were minted`);
});

test("whoever asks for no more than they hold gets it", () => {
  const property = fc.property(holder, (parent) => {
    const asked = { ...parent, scopes: parent.scopes.filter((scope) => scope !== "admin") };
    fc.pre(asked.scopes.length > 0);
    assert.equal(mayMint(parent, asked).kind, "mint");
  });
  fc.assert(property, { numRuns: 500 });
});
