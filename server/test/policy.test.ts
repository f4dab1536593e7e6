// Limits only ever take away, and a child never holds more than its parent (design §10.8).
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { AccountId, ProjectId, TokenId } from "../src/rules/ids.ts";
import {
  type Call,
  hasScope,
  isReadMethod,
  type Limits,
  mayAdminister,
  mayCall,
  mayMint,
  mayUse,
  type Principal,
  type Scope,
  scopes,
  type TokenAsk,
} from "../src/rules/policy.ts";

const tools = ["github_issue_create", "github_user_repos_list", "github_file_contents_get"];
const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"];
const repositories = ["octo/hello", "Octo/Hello", "octo/other", "acme/api", "ACME/api"];
const accounts = ["acc_1", "acc_2"] as unknown as AccountId[];

const someOf = (values: readonly string[]) => fc.subarray([...values]);
const limits: fc.Arbitrary<Limits> = fc.record(
  {
    tools: someOf(tools),
    access: fc.constantFrom("read" as const, "write" as const),
    repositories: someOf(repositories),
    methods: someOf(methods),
  },
  { requiredKeys: [], noNullPrototype: true },
);

const repository = fc.oneof(
  fc.constantFrom("none" as const, "unknown" as const),
  fc.constantFrom(...repositories).map((full) => {
    const [owner = "", name = ""] = full.split("/");
    return { owner, name };
  }),
);
const rawCall: fc.Arbitrary<Call> = fc
  .record({ method: fc.constantFrom(...methods), repository })
  .map((call) => ({ ...call, changes: !isReadMethod(call.method) }));
const graphqlCall: fc.Arbitrary<Call> = fc
  .constantFrom("GET", "POST")
  .map((method) => ({ method, changes: method === "POST", repository: "unknown", graphql: true }));
const toolCall: fc.Arbitrary<Call> = fc.record({
  tool: fc.constantFrom(...tools),
  method: fc.constantFrom(...methods),
  changes: fc.boolean(),
  repository,
});
const call: fc.Arbitrary<Call> = fc.oneof(rawCall, graphqlCall, toolCall);

const allows = (held: Limits, one: Call): boolean => mayCall(held, one).kind === "allow";
const runs = { numRuns: 4000 };

describe("calls under limits", () => {
  test("without limits everything passes", () => {
    fc.assert(fc.property(call, (one) => assert.equal(allows({}, one), true)));
  });

  test("a list that names nothing lets nothing through", () => {
    fc.assert(
      fc.property(limits, call, fc.constantFrom("tools", "repositories", "methods"), (held, one, member) => {
        assert.equal(allows({ ...held, [member]: [] }, one), false);
      }),
      runs,
    );
  });

  test("one more limit never lets one more call through", () => {
    fc.assert(
      fc.property(limits, limits, call, (held, more, one) => {
        const both = { ...more, ...held };
        if (allows(both, one)) assert.equal(allows(held, one), true);
      }),
      runs,
    );
  });

  test("what passes is within every limit that is there", () => {
    let passed = 0;
    fc.assert(
      fc.property(limits, call, (held, one) => {
        if (!allows(held, one)) return;
        passed += 1;
        if (held.tools !== undefined) assert.equal(one.tool !== undefined && held.tools.includes(one.tool), true);
        if (held.access === "read") assert.equal(one.changes, false);
        if (held.methods !== undefined) assert.equal(held.methods.includes(one.method), true);
        if (held.repositories === undefined) return;
        assert.equal(typeof one.repository, "object");
        const { owner, name } = one.repository as { owner: string; name: string };
        assert.equal(
          held.repositories.some((full) => full.toLowerCase() === `${owner}/${name}`.toLowerCase()),
          true,
        );
      }),
      runs,
    );
    assert.equal(passed > 80, true, `only ${passed} passed`);
  });

  test("GraphQL passes only where neither reads nor repositories are limited", () => {
    fc.assert(
      fc.property(limits, graphqlCall, (held, one) => {
        if (held.access === "read" || held.repositories !== undefined || held.tools !== undefined)
          assert.equal(allows(held, one), false);
      }),
      runs,
    );
  });

  test("the case of a repository's name makes no difference, on either side", () => {
    const recased = (text: string, ups: readonly boolean[]): string =>
      [...text].map((char, at) => (ups[at % ups.length] === true ? char.toUpperCase() : char.toLowerCase())).join("");
    const ups = fc.array(fc.boolean(), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(limits, call, ups, ups, (held, one, left, right) => {
        const limit =
          held.repositories === undefined
            ? held
            : { ...held, repositories: held.repositories.map((full) => recased(full, left)) };
        const other =
          typeof one.repository === "string"
            ? one
            : {
                ...one,
                repository: { owner: recased(one.repository.owner, right), name: recased(one.repository.name, right) },
              };
        assert.equal(allows(limit, other), allows(held, one));
      }),
      runs,
    );
  });

  test("a token that may only read administers nothing", () => {
    fc.assert(
      fc.property(limits, fc.constantFrom(...methods), (held, method) => {
        const verdict = mayAdminister(held, method).kind;
        assert.equal(
          verdict,
          held.access === "read" && !["GET", "HEAD", "OPTIONS"].includes(method) ? "refuse" : "allow",
        );
      }),
    );
  });

  test("a refusal repeats nothing but the words of the policy and the tool or repository asked for", () => {
    fc.assert(
      fc.property(limits, call, (held, one) => {
        const verdict = mayCall(held, one);
        if (verdict.kind === "refuse")
          assert.equal(verdict.detail.length < 300 && verdict.code === "limit_not_allowed", true);
      }),
    );
  });
});

const someScopes = fc.subarray([...scopes], { minLength: 1 });
const account = fc.option(fc.constantFrom(...accounts), { nil: null });
const time = fc.option(fc.nat({ max: 5 }), { nil: null });
const parent: fc.Arbitrary<Principal> = fc
  .record({ scopes: someScopes, limits, accountId: account, expiresAt: time })
  .map((held) => ({
    ...held,
    tokenId: "tok_1" as TokenId,
    tokenName: "parent",
    projectId: "prj_1" as ProjectId,
    isInstance: false,
    environment: "live",
    budgets: [],
  }));
const ask: fc.Arbitrary<TokenAsk> = fc.record({ scopes: someScopes, limits, accountId: account, expiresAt: time });

function minted(holder: Principal, wish: TokenAsk): Principal | undefined {
  const minting = mayMint(holder, wish);
  return minting.kind === "mint" ? { ...holder, ...minting.ask } : undefined;
}

/** The wish, cut down to what its holder may give: most free wishes are refused at once. */
function humbled(holder: Principal, wish: TokenAsk): TokenAsk {
  const within = (member: "tools" | "repositories" | "methods") => {
    const [asked, held] = [wish.limits[member], holder.limits[member]];
    return asked === undefined ? {} : { [member]: asked.filter((one) => held === undefined || held.includes(one)) };
  };
  const { access } = wish.limits;
  const narrow: Limits = {
    ...within("tools"),
    ...within("repositories"),
    ...within("methods"),
    ...(access === undefined || holder.limits.access === "read" ? {} : { access }),
  };
  const shared = holder.scopes.filter((scope) => scope !== "admin" && wish.scopes.includes(scope));
  const accountId = holder.accountId ?? wish.accountId;
  return { scopes: shared.length === 0 ? holder.scopes : shared, limits: narrow, accountId, expiresAt: null };
}

describe("minting", () => {
  /** Every way of growing, checked against what a child may do rather than how it is written down. */
  function assertWithin(child: Principal, holder: Principal, calls: readonly Call[]): void {
    for (const one of calls)
      if (allows(child.limits, one))
        assert.equal(allows(holder.limits, one), true, JSON.stringify([child.limits, holder.limits, one]));
    for (const scope of scopes) if (hasScope(child, scope)) assert.equal(hasScope(holder, scope), true);
    for (const method of methods)
      if (mayAdminister(child.limits, method).kind === "allow")
        assert.equal(mayAdminister(holder.limits, method).kind, "allow");
    if (holder.accountId !== null) assert.equal(child.accountId, holder.accountId);
    if (holder.expiresAt !== null) assert.equal(child.expiresAt !== null && child.expiresAt <= holder.expiresAt, true);
  }

  test("a child may do nothing that its parent may not, down any number of generations", () => {
    let born = 0;
    fc.assert(
      fc.property(
        parent,
        fc.array(fc.tuple(ask, fc.boolean()), { minLength: 1, maxLength: 4 }),
        fc.array(call, { minLength: 20, maxLength: 20 }),
        (first, wishes, calls) => {
          let holder = first;
          for (const [wish, isHumble] of wishes) {
            const child = minted(holder, isHumble ? humbled(holder, wish) : wish);
            if (child === undefined) continue;
            born += 1;
            assertWithin(child, holder, calls);
            assertWithin(child, first, calls);
            holder = child;
          }
        },
      ),
      runs,
    );
    assert.equal(born > 1000, true, `only ${born} were minted`);
  });

  test("who asks for nothing of their own inherits; who asks for what they hold gets it", () => {
    fc.assert(
      fc.property(parent, (holder) => {
        // A token bound to an account never has `admin`, so neither can its child.
        fc.pre(holder.accountId === null || !holder.scopes.includes("admin"));
        const plain = minted(holder, { scopes: holder.scopes, limits: {}, accountId: null, expiresAt: null });
        assert.deepEqual(plain, holder);
        assert.deepEqual(minted(holder, { ...holder }), holder);
      }),
    );
  });

  test("a member that is asked for as undefined narrows nothing and hides nothing", () => {
    fc.assert(
      fc.property(parent, fc.array(call, { minLength: 10, maxLength: 10 }), (holder, calls) => {
        const hollow = { tools: undefined, access: undefined, repositories: undefined, methods: undefined };
        const child = minted(holder, {
          scopes: holder.scopes,
          limits: hollow,
          accountId: holder.accountId,
          expiresAt: null,
        });
        if (child !== undefined) assertWithin(child, holder, calls);
      }),
    );
  });

  test("a bound token never administers", () => {
    fc.assert(
      fc.property(parent, ask, (holder, wish) => {
        const child = minted(holder, wish);
        if (child !== undefined && child.accountId !== null) assert.equal(child.scopes.includes("admin"), false);
      }),
      runs,
    );
  });

  test("a scope lets in at its own surface and nowhere else, but for admin", () => {
    fc.assert(
      fc.property(parent, fc.constantFrom(...(scopes as readonly Scope[])), (holder, scope) => {
        const expected = holder.scopes.includes(scope) || holder.scopes.includes("admin");
        assert.equal(mayUse(holder, scope).kind === "allow", expected);
      }),
    );
  });
});
