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
import { byCall, byPath, common, eventsIn, furnish, listen } from "./support/fuzzing.ts";
import { adminToken } from "./support/house.ts";
import { fitting, type Hints, hostile, type JsonSchema, nearlyFitting } from "./support/schemas.ts";

interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly schema: JsonSchema;
}

interface Media {
  readonly schema?: JsonSchema;
  readonly "x-item-schema"?: JsonSchema;
}

interface Content {
  /** Of a refusal: its codes. */
  readonly description: string;
  readonly content?: Readonly<Record<string, Media>>;
}

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, Content>>;
}

interface Target {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<"Problem" | "GitHubProblem", JsonSchema>> };
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

onEachDatabase("random requests at every door", (kind) => {
  let doors: Doors;
  let targets: Target[] = [];
  let raw: Target[] = [];
  let problems: Document["components"]["schemas"] = { Problem: {}, GitHubProblem: {} };
  /** What only this house knows: its upstream, a token to bring, ids of its rows. */
  let own: Hints = {};
  const seen = new Map<string, Set<number>>();

  before(async () => {
    doors = await openDoors(kind);
    const { fake, call } = doors.house;
    fake.repository({ owner: "octo", name: "hello", files: { "README.md": "hello" } });
    fake.installation({ clientId: "Iv1.test", account: "octo", repositories: "all" });
    const document = (await call("GET", "/openapi.json")).json as Document;
    problems = document.components.schemas;
    const all = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
    );
    raw = all.filter(({ path }) => /^\/(proxy|api)\//.test(path));
    targets = all.filter((one) => !raw.includes(one));
    own = await furnish(doors);
  });
  after(async () => doors.close());

  /** What ends or changes something is let loose on what nobody else needs. */
  function known({ method, path }: Target): Hints {
    const place = Object.entries(byPath).find(([start]) => path.startsWith(start))?.[1];
    const call = Object.entries(byCall).find(([end]) => `${method} ${path}`.endsWith(end))?.[1];
    return {
      ...common,
      ...own,
      ...place,
      ...call,
      ...(path === "/v1/requests/{id}" ? { id: own["request"] ?? [] } : {}),
    };
  }

  const wordOf = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value)).toWellFormed();

  function parametersOf(
    target: Target,
    place: Parameter["in"],
    isGentle = false,
  ): fc.Arbitrary<Record<string, string>> {
    const wanted = target.operation.parameters.filter((one) => one.in === place);
    const values = wanted.map(({ name, schema }) => {
      const ideas = known(target)[name] ?? [];
      const fits = ideas.length === 0 ? fitting(schema) : fc.constantFrom(...ideas);
      return [
        name,
        (isGentle
          ? fits
          : fc.oneof(
              { weight: 8, arbitrary: fits },
              { weight: 1, arbitrary: fitting(schema) },
              { weight: 1, arbitrary: hostile },
            )
        ).map(wordOf),
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

  /** `isGentle`: nothing wrong on purpose. */
  function requestOf(target: Target, isGentle = false): fc.Arbitrary<Sent> {
    const schema = target.operation.requestBody?.content["application/json"]?.schema;
    const noBody = fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: hostile });
    const headers: fc.Arbitrary<Record<string, string>> = isGentle
      ? fc.constant({})
      : fc.oneof({ weight: 4, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: parametersOf(target, "header") });
    const bodyOf = isGentle ? fitting : nearlyFitting;
    const instance =
      target.path === "/v1/projects"
        ? fc.constant(true)
        : fc.integer({ min: 0, max: 9 }).map((one) => one === 0 && !isGentle);
    return fc
      .tuple(
        parametersOf(target, "path", isGentle),
        parametersOf(target, "query", isGentle),
        headers,
        schema === undefined ? (isGentle ? fc.constant(undefined) : noBody) : bodyOf(schema, known(target)),
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

  /** An answer of ours that the operation does not name, or that names a code which the operation does not. */
  function assertDocumented({ operation }: Target, got: Got, about: string): Content {
    const documented = operation.responses[String(got.status)];
    assert.notEqual(documented, undefined, `a status that is not documented: ${about}`);
    const { code } = (got.status >= 400 && got.text.startsWith("{") ? JSON.parse(got.text) : {}) as { code?: string };
    // A path that a client shortens, or that leads nowhere, is another's: dots in a segment may make it so.
    const codes = [...(documented?.description.split(", ") ?? []), "not_found", "method_not_allowed"];
    if (code !== undefined) assert.equal(codes.includes(code), true, `a code that is not documented: ${about}`);
    return documented ?? { description: "" };
  }

  function judge(target: Target, sent: Sent, got: Got): void {
    const { operation } = target;
    const about = `${sent.method} ${sent.path} ${String(sent.body)} → ${got.status} ${got.text.slice(0, 300)}`;
    assert.equal(got.status < 500 || got.status === 502, true, about);
    const { content = {} } = assertDocumented(target, got, about);
    seen.set(operation.operationId, (seen.get(operation.operationId) ?? new Set()).add(got.status));
    const type = String(got.headers["content-type"] ?? "").replace(/;.*/, "");
    if (got.status >= 400) {
      assertProblem(got, about);
      assertFits(problems.Problem, JSON.parse(got.text), about);
      return assertNothingLeaks(got.text, [], about);
    }
    if (Object.keys(content).length === 0) return assert.equal(got.text, "", about);
    const media = content[type];
    assert.notEqual(media, undefined, `${type} is not documented: ${about}`);
    assertContent(media ?? {}, type === "application/json", { text: got.text, about });
  }

  function assertContent(
    media: Media,
    isWhole: boolean,
    { text, about }: { readonly text: string; readonly about: string },
  ): void {
    if (isWhole) return assertFits(media.schema ?? {}, JSON.parse(text), about);
    const each = media["x-item-schema"];
    if (each !== undefined) for (const event of eventsIn(text)) assertFits(each, event, about);
  }

  test("the operations of the document answer as the document says", async () => {
    const run = async (target: Target, isGentle: boolean, enough = (): boolean => false): Promise<void> => {
      const property = fc.asyncProperty(requestOf(target, isGentle), async (sent) => {
        if (enough()) return;
        judge(target, sent, await listen(doors.house.origin, sent));
        assert.deepEqual(unexpected(doors.house), []);
      });
      await fc.assert(property, isGentle ? { numRuns: 100 } : bounded(20, 250));
    };
    const worked = ({ operation }: Target): boolean =>
      [...(seen.get(operation.operationId) ?? [])].some((status) => status < 300);
    // Twice around, so that what one operation leaves behind is there when the others come again.
    for (const target of [...targets, ...targets]) await run(target, false);
    assert.equal(seen.size, targets.length, "an operation was never tried");
    // An operation that only ever refused proves little: it gets requests that nothing is wrong with, until one works.
    for (const target of targets.filter((one) => !worked(one))) {
      await doors.house.call("PUT", "/v1/connections/github/accounts/user_2");
      await run(target, true, () => worked(target));
    }
    const never = targets.filter((one) => !worked(one)).map(({ operation }) => operation.operationId);
    // Those that need somebody who just authorised, or what an earlier request has just ended.
    const mayFail = ["postAccountsVerify", "deleteTokensId", "deleteConnectionsName", "deleteEndpointsSlug"];
    assert.deepEqual(
      never.filter((id) => !mayFail.includes(id)),
      [],
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

  test("raw calls are refused by us in words that the document has, or answered by upstream", async () => {
    const minted = await doors.house.call("POST", "/v1/tokens", {
      body: { name: "bound", scopes: ["proxy"], account: { connection: "github", identifier: "user_1" } },
    });
    const bound = `Bearer ${String(minted.json.token)}`;
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
    const reached = new Set<string>();
    const property = fc.asyncProperty(fc.constantFrom(...raw), rawPath, names, async (target, path, more) => {
      const filled = target.path
        .replace("{project}", doors.house.project)
        .replace("{slug}", "steady")
        .replace("{path}", path);
      const isNamed = target.path.startsWith("/proxy");
      const headers = isNamed ? { ...named, ...more } : { authorization: bound, ...more };
      const sent = { method: target.method, path: filled, headers };
      const got = await send(doors.house.origin, sent);
      const about = `${sent.method} ${sent.path} ${JSON.stringify(more)} → ${got.status} ${got.text.slice(0, 200)}`;
      assert.notEqual(got.status, 500, about);
      reached.add(`${target.path} ${got.headers["behalf-refusal"] === undefined ? "upstream" : "refused"}`);
      if (got.headers["behalf-refusal"] !== undefined && target.method !== "HEAD") {
        assertDocumented(target, got, about);
        assertProblem(got, about);
        const shape = target.path.startsWith("/api/v3") || target.path === "/api/graphql" ? "GitHubProblem" : "Problem";
        assertFits(problems[shape], JSON.parse(got.text), about);
      }
      assert.deepEqual(unexpected(doors.house), []);
    });
    await fc.assert(property, bounded(800, 4000));
    const paths = [...new Set(raw.map((target) => target.path))];
    for (const path of paths.filter((one) => one !== "/api/graphql"))
      for (const end of ["upstream", "refused"]) assert.equal(reached.has(`${path} ${end}`), true, `${path} ${end}`);
    assert.deepEqual((await doors.house.behalf.verifyAudit()).faults, []);
  });
});
