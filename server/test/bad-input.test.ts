// Bad input at every door of the route table: a clear problem with a next step, nothing changed, nothing leaked, nobody hurt.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { openApi } from "../src/http/api/openapi.ts";
import type { Route } from "../src/http/api/route.ts";
import { routes } from "../src/http/server.ts";
import { onEachDatabase } from "./support/databases.ts";
import {
  assertClear,
  type Bad,
  type Doors,
  keyOf,
  long,
  openDoors,
  sampleOf,
  samples,
  send,
  takesBody,
  unexpected,
} from "./support/doors.ts";

const huge = "h".repeat(70_000);
const wrongValues: readonly unknown[] = [
  null,
  true,
  -1,
  1e308,
  "",
  "\0",
  "a\0b",
  "\ud800",
  "a\r\nSet-Cookie: x=y",
  "\u202egnp.exe",
  "'; drop table tokens; --",
  long,
  huge,
  [],
  [null],
  [[]],
  [long],
  {},
  { length: 1 },
  { __proto__: null, toString: 1 },
];

type Path = readonly (string | number)[];

/** The place of every member of a body, at any depth. */
function placesIn(value: unknown, path: Path = []): Path[] {
  const below =
    typeof value === "object" && value !== null
      ? Object.entries(value).flatMap(([name, member]) => placesIn(member, [...path, name]))
      : [];
  return path.length === 0 ? below : [path, ...below];
}

function replaced(value: unknown, [first, ...rest]: Path, by: unknown): unknown {
  if (first === undefined) return by;
  const copy: Record<string, unknown> = Array.isArray(value)
    ? ([...(value as unknown[])] as never)
    : { ...(value as object) };
  const member = replaced(copy[first], rest, by);
  if (member === undefined) delete copy[first];
  else copy[first] = member;
  return copy;
}

function texts(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(texts) : [];
}

const document = openApi(routes, { origin: "http://x", version: "0" }) as {
  paths: Record<string, Record<string, { requestBody?: { content: Record<string, { schema: object }> } }>>;
};
const ajv = new Ajv2020({ strict: false, validateFormats: false });

/** Whether the published schema takes a body. */
function publishedCheck(row: Route): ValidateFunction {
  const operation = document.paths[row.path]?.[row.method.toLowerCase()];
  return ajv.compile(operation?.requestBody?.content["application/json"]?.schema ?? {});
}

onEachDatabase("bad input at every door", (kind) => {
  let doors: Doors;
  before(async () => {
    doors = await openDoors(kind);
  });
  after(async () => doors.close());

  test("there is a sample of every route and of none that is gone", () => {
    assert.deepEqual(Object.keys(samples).toSorted(), routes.map(keyOf).toSorted());
    for (const row of routes.filter(takesBody)) {
      assert.equal(publishedCheck(row)(sampleOf(row).body), true, keyOf(row));
      assert.equal(row.body.safeParse(sampleOf(row).body).success, true, keyOf(row));
    }
  });

  describe("members of bodies", () => {
    for (const row of routes.filter(takesBody)) {
      test(keyOf(row), async () => {
        const isPublished = publishedCheck(row);
        const { body } = sampleOf(row);
        const bad: Bad[] = [];
        const doubtful: Bad[] = [];
        for (const path of placesIn(body)) {
          for (const value of [undefined, ...wrongValues]) {
            const mutant = replaced(body, path, value);
            const about = `${path.join(".")} = ${String(JSON.stringify(value)).slice(0, 40)}`;
            const one = { ...doors.withBody(row, mutant, about), inputs: texts(value) };
            // What only the code knows to be wrong, or is right after all, may be answered as it likes, but never with a failure.
            (isPublished(JSON.parse(JSON.stringify(mutant))) ? doubtful : bad).push({ ...one });
          }
        }
        await doors.refuseAll(bad.map((one) => ({ ...one, status: 422 })));
        for (const one of doubtful) {
          const got = await send(doors.house.origin, one);
          if (got.status >= 400) assertClear(got, `${keyOf(row)} ${one.about}`, one.inputs);
        }
        assert.deepEqual(unexpected(doors.house), []);
      });
    }
  });

  test("bodies that are no object, not JSON, not UTF-8 or not declared as JSON", async () => {
    const bad = routes.filter(takesBody).flatMap((row): Bad[] => {
      const text = JSON.stringify(sampleOf(row).body);
      const scalars = ["null", "1", '"text"', "true", "[]", "[{}]"].map(
        (body): Bad => ({ ...doors.withBody(row, body, body), status: 422 }),
      );
      const broken = [
        "{",
        "{}}",
        "undefined",
        "NaN",
        '{"a":1,}',
        "'{}'",
        " ",
        "{}\0",
        `\ufeff${text}`,
        "[".repeat(200_000),
      ].map((body): Bad => ({ ...doors.withBody(row, body, `broken ${body.slice(0, 20)}`), status: 400 }));
      const bytes = [
        Buffer.from(text, "utf16le"),
        Buffer.from([0x22, 0xff, 0xfe, 0x22]),
        Buffer.from('{"name":"\xe9"}', "latin1"),
      ];
      const undecodable = bytes.map((body): Bad => ({ ...doors.withBody(row, body, "not UTF-8"), status: 400 }));
      const types = [
        "text/plain",
        "application/jsonp",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json, text/plain",
        "",
        long,
      ];
      const untyped = types.map((type): Bad => {
        const one = doors.withBody(row, text, `content-type ${type.slice(0, 40)}`);
        return {
          ...one,
          headers: { ...one.headers, "content-type": type },
          status: 415,
          code: "unsupported_media_type",
          inputs: [type],
        };
      });
      return [...scalars, ...broken, ...undecodable, ...untyped];
    });
    await doors.refuseAll(bad);
  });

  test("unknown members, also those that mean something to JavaScript, and deep nesting", async () => {
    const names = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "", "\0", long, "admin"];
    const deep = `${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`;
    const bad = routes
      .filter((row) => row.method !== "GET")
      .flatMap((row): Bad[] => {
        const members = JSON.stringify(sampleOf(row).body ?? {}).slice(1, -1);
        const values = ["1", '{"scopes":["admin"],"isInstance":true}', '{"prototype":{"isInstance":true}}', deep];
        return names.flatMap((name) =>
          values.map((value): Bad => {
            const text = `{${[members, `${JSON.stringify(name)}:${value}`].filter(Boolean).join(",")}}`;
            return { ...doors.withBody(row, text, `unknown ${name.slice(0, 20)}`), status: 422, inputs: [name, deep] };
          }),
        );
      });
    await doors.refuseAll(bad);
    assert.equal(({} as Record<string, unknown>)["isInstance"], undefined);
  });

  test("URLs that a parser would mend without a word are not taken as they came", async () => {
    const row = routes.find((one) => one.path.endsWith("/link"));
    assert.ok(row);
    const app = "https://app.example";
    const urls = [
      `${app}/\n`,
      `${app}/\r\nX: y`,
      `${app}/\0`,
      `${app}/\ud800`,
      ` ${app}/`,
      `${app}/a b`,
      `${app}/\t`,
      `\u0001${app}/`,
      "https:app.example\n",
      `${app}@evil.example/`,
      `${app}/#x`,
      `https://u:p@app.example/`,
      "//app.example/",
      `${app}/${"x".repeat(3000)}`,
    ];
    const bad = urls.flatMap((url) =>
      ["verify_url", "return_url"].map(
        (member): Bad => ({
          ...doors.withBody(row, { [member]: url }, `${member} ${JSON.stringify(url).slice(0, 60)}`),
          status: 422,
          inputs: [url],
        }),
      ),
    );
    await doors.refuseAll(bad);
    const states = ["\0", "a\0b", "\ud800", "", "x".repeat(1025)].map(
      (state): Bad => ({ ...doors.withBody(row, { state }, "state"), status: 422, inputs: [state] }),
    );
    await doors.refuseAll(states);
  });

  test("a body beyond 1 MiB is too large, declared or not", async () => {
    const text = JSON.stringify({ name: "x".repeat(1024 * 1024) });
    const bad = routes
      .filter((row) => row.method !== "GET")
      .flatMap((row): Bad[] => {
        const declared: Bad = {
          ...doors.withBody(row, text, "1 MiB and more"),
          status: 413,
          code: "payload_too_large",
          inputs: [text],
        };
        return [declared, { ...declared, headers: { ...declared.headers, "transfer-encoding": "chunked" } }];
      });
    await doors.refuseAll(bad);
  });
});
