// Random requests made from the published document: never a failure of ours, never an answer that the document does not name,
// and every body as it is described there. A failing run prints the seed that repeats it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import fc from "fast-check";
import { onEachDatabase } from "./support/databases.ts";
import {
  assertNothingLeaks,
  assertProblem,
  type Doors,
  type Got,
  openDoors,
  type Sent,
  send,
  unexpected,
} from "./support/doors.ts";
import { adminToken } from "./support/house.ts";
import { fitting, type Hints, hostile, type JsonSchema, nearlyFitting } from "./support/schemas.ts";

interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly schema: JsonSchema;
}

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: JsonSchema }>>;
}

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly Parameter[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}

interface Target {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

const ajv = new Ajv2020({ strict: false, allErrors: false });
ajv.addFormat("date-time", (text: string) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text));
ajv.addFormat("uri", (text: string) => URL.canParse(text));
const compiled = new Map<JsonSchema, ValidateFunction>();

function assertFits(schema: JsonSchema, value: unknown, about: string): void {
  const check = compiled.get(schema) ?? ajv.compile(schema);
  compiled.set(schema, check);
  assert.equal(check(value), true, `${about}: ${ajv.errorsText(check.errors)}`);
}

/** A bound on time for slow machines; on others the number of runs is reached first. */
function bounded(numRuns: number, ms: number) {
  return { numRuns, plugins: [fc.interruptAfterTimeLimit(ms)] };
}

/** Values that lead further in than a schema alone would. */
const hints: Hints = {
  name: ["github", "spare", "github_issue_create", "github_user_repos_list", "new"],
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

onEachDatabase("random requests at every door", (kind) => {
  let doors: Doors;
  let targets: Target[] = [];
  let problem: JsonSchema = {};
  const seen = new Map<string, Set<number>>();

  before(async () => {
    doors = await openDoors(kind);
    const { fake, call } = doors.house;
    fake.repository({ owner: "octo", name: "hello", files: { "README.md": "hello" } });
    fake.installation({ clientId: "Iv1.test", account: "octo", repositories: "all" });
    const document = (await call("GET", "/openapi.json")).json as {
      paths: Record<string, Record<string, Operation>>;
      components: { schemas: { Problem: JsonSchema } };
    };
    problem = document.components.schemas.Problem;
    targets = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
    );
  });
  after(async () => doors.close());

  /** What ends something is let loose on what nobody else needs. */
  function known({ method, path }: Target): Hints {
    if (method === "PATCH" || (method === "DELETE" && path === "/v1/connections/{name}"))
      return { ...hints, name: ["spare", "none"] };
    const ends = method === "DELETE" || path.endsWith("/disconnect");
    return ends
      ? { ...hints, identifier: ["fuzz", "user_2"], name: ["github", "spare"], id: [`tok_${"0".repeat(32)}`] }
      : hints;
  }

  const wordOf = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value)).toWellFormed();

  function parametersOf(target: Target, place: Parameter["in"]): fc.Arbitrary<Record<string, string>> {
    const wanted = target.operation.parameters.filter((one) => one.in === place);
    const values = wanted.map(({ name, schema }) => {
      const ideas = known(target)[name] ?? [];
      const fits = ideas.length === 0 ? fitting(schema) : fc.constantFrom(...ideas);
      return [
        name,
        fc
          .oneof(
            { weight: 8, arbitrary: fits },
            { weight: 1, arbitrary: fitting(schema) },
            { weight: 1, arbitrary: hostile },
          )
          .map(wordOf),
      ] as const;
    });
    const requiredKeys = wanted.filter((one) => one.required).map((one) => one.name);
    return fc.record(Object.fromEntries(values), { requiredKeys, noNullPrototype: true }) as fc.Arbitrary<
      Record<string, string>
    >;
  }

  /** Latin-1 without what no client can put into a header. */
  const headerText = (text: string): string =>
    Buffer.from(text)
      .toString("latin1")
      .replaceAll(/[^\x20-\x7e\x80-\xff]/g, "");

  function requestOf(target: Target): fc.Arbitrary<Sent> {
    const schema = target.operation.requestBody?.content?.["application/json"]?.schema;
    const noBody = fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: hostile });
    const headers = fc.oneof(
      { weight: 4, arbitrary: fc.constant({}) },
      { weight: 1, arbitrary: parametersOf(target, "header") },
    );
    const instance =
      target.path === "/v1/projects" ? fc.constant(true) : fc.integer({ min: 0, max: 9 }).map((one) => one === 0);
    return fc
      .tuple(
        parametersOf(target, "path"),
        parametersOf(target, "query"),
        headers,
        schema === undefined ? noBody : nearlyFitting(schema, known(target)),
        instance,
      )
      .map(([path, query, more, body, isInstance]) => {
        const filled = target.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path[name] ?? "x"));
        const search = new URLSearchParams(query).toString();
        const texts = Object.entries(more).map(([name, value]) => [name, headerText(value)]);
        return {
          method: target.method,
          path: search === "" ? filled : `${filled}?${search}`,
          headers: {
            ...Object.fromEntries(texts),
            authorization: `Bearer ${isInstance ? adminToken : doors.house.token}`,
            ...(body === undefined ? {} : { "content-type": "application/json" }),
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        };
      });
  }

  function judge(target: Target, sent: Sent, got: Got): void {
    const { operation } = target;
    const about = `${sent.method} ${sent.path} ${String(sent.body)} → ${got.status} ${got.text.slice(0, 300)}`;
    // A path that a client shortens, or that leads nowhere, is another's: dots in a segment may make it so.
    const elsewhere = got.status === 404 || got.status === 405;
    assert.equal(got.status < 500 || got.status === 502, true, about);
    assert.equal(
      Object.hasOwn(operation.responses, String(got.status)) || elsewhere,
      true,
      `an answer that is not documented: ${about}`,
    );
    seen.set(operation.operationId, (seen.get(operation.operationId) ?? new Set()).add(got.status));
    if (got.status >= 400) {
      assertProblem(got, about);
      assertFits(problem, JSON.parse(got.text), about);
      return assertNothingLeaks(got.text, [], about);
    }
    const schema = operation.responses[String(got.status)]?.content?.["application/json"]?.schema;
    if (schema === undefined) return assert.equal(got.text, "", about);
    assertFits(schema, JSON.parse(got.text), about);
  }

  test("the operations of the document answer as the document says", async () => {
    // Twice around, so that what one operation leaves behind is there when the others come again.
    for (const target of [...targets, ...targets]) {
      const property = fc.asyncProperty(requestOf(target), async (sent) => {
        judge(target, sent, await send(doors.house.origin, sent));
        assert.deepEqual(unexpected(doors.house), []);
      });
      await fc.assert(property, bounded(25, 400));
    }
    const good = [...seen.values()].filter((statuses) => [...statuses].some((status) => status < 300));
    assert.equal(seen.size, targets.length, "an operation was never tried");
    assert.equal(
      good.length >= targets.length / 2,
      true,
      `only ${good.length} of ${targets.length} operations ever succeeded`,
    );
  });

  const odd = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("", "..", "%2e", "%", "%00", "%ff", "\\", "//", "state", "code", "x".repeat(5000)),
  );
  const rawPath = fc
    .array(
      fc.oneof(
        odd.map((text) => encodeURIComponent(text.toWellFormed())),
        fc.constantFrom("..", "%2e%2e", "%2f", "%ff", "%", "", "user", "repos", "octo", "hello"),
      ),
      { maxLength: 5 },
    )
    .map((parts) => parts.join("/"));

  test("what a person's browser may ask is answered with a page, whatever it asks", async () => {
    const query = fc.dictionary(
      fc.constantFrom("state", "code", "error", "error_description", "iss", "x"),
      odd.map((text) => text.toWellFormed()),
    );
    const cookie = fc.oneof(
      fc.constant(""),
      odd.map((text) => `behalf_browser=${headerText(text)}`),
    );
    const door = fc.constantFrom(
      "/connect/",
      "/connect/installed/",
      "/oauth/callback",
      "/oauth/callback/",
      "/errors",
      "/",
    );
    const property = fc.asyncProperty(door, rawPath, query, cookie, async (entrance, path, asked, kept) => {
      const tail = entrance.endsWith("k") || entrance === "/errors" ? "" : path;
      const search = new URLSearchParams(asked).toString();
      const target = `${entrance}${tail}?${search}`;
      const got = await send(doors.house.origin, {
        method: "GET",
        path: target,
        headers: kept === "" ? {} : { cookie: kept },
      });
      const about = `GET ${target} → ${got.status}`;
      assert.equal(got.status < 500, true, about);
      assertNothingLeaks(got.text, Object.values(asked), about);
      const type = String(got.headers["content-type"]);
      if (type.startsWith("text/html"))
        assert.match(String(got.headers["content-security-policy"]), /default-src 'none'/, about);
      else if (got.status >= 400) assertProblem(got, about);
      assert.deepEqual(unexpected(doors.house), []);
    });
    await fc.assert(property, bounded(600, 2500));
  });

  test("raw calls are refused by us in words, or answered by upstream", async () => {
    const named = {
      authorization: `Bearer ${doors.house.token}`,
      "behalf-connection": "github",
      "behalf-identifier": "user_1",
    };
    const names = fc.oneof(
      { weight: 4, arbitrary: fc.constant({}) },
      {
        weight: 1,
        arbitrary: fc.record({ "behalf-connection": odd.map(headerText), "behalf-identifier": odd.map(headerText) }),
      },
    );
    const property = fc.asyncProperty(
      fc.constantFrom("/proxy", "/api/v3", "/api/graphql"),
      rawPath,
      names,
      async (door, path, more) => {
        const sent = { method: "GET", path: `${door}/${path}`, headers: { ...named, ...more } };
        const got = await send(doors.house.origin, sent);
        const about = `${sent.path} ${JSON.stringify(more)} → ${got.status} ${got.text.slice(0, 200)}`;
        assert.notEqual(got.status, 500, about);
        if (got.headers["behalf-refusal"] !== undefined) assertProblem(got, about);
        assert.deepEqual(unexpected(doors.house), []);
      },
    );
    await fc.assert(property, bounded(600, 2500));
    assert.deepEqual((await doors.house.behalf.verifyAudit()).faults, []);
  });
});
