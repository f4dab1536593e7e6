// Bad addresses, headers, methods and proofs at every door: a clear problem with a next step, nothing changed, nothing leaked.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { routes } from "../src/http/server.ts";
import { onEachDatabase } from "./support/databases.ts";
import {
  assertClear,
  type Bad,
  type Doors,
  filled,
  long,
  openDoors,
  sampleOf,
  send,
  takesBody,
} from "./support/doors.ts";
import { adminToken } from "./support/house.ts";

/** Parameters that take more than most: the rest of the wrong values has to be refused by each. */
const takes: Readonly<Record<string, RegExp>> = {
  // Any short text may be a search, and most may be an identifier or the id of what is asked for.
  query: /^/,
  identifier: /^(?!(?:%00)?$|long-)/,
  connection: /^(?:0|101|1e1|0x10|NaN)$/,
  filter: /^/,
  subject: /^(?:-1|0|101|1\.5|NaN|1e1|0x10)$/,
  actor: /^(?:-1|0|101|1e1|0x10)$/,
  after: /^(?:0|101)$/,
  wait: /^0$/,
  // Each list spells its cursors in its own way.
  cursor: /^(?:0|101|1\.5)$/,
};

function isRight(name: string, value: string): boolean {
  return takes[name]?.test(value) === true || (name === "limit" && value === "1e1");
}

onEachDatabase("bad addresses, headers and proofs at every door", (kind) => {
  let doors: Doors;
  before(async () => {
    doors = await openDoors(kind);
  });
  after(async () => doors.close());

  test("queries: unknown, doubled, wrong and undecodable parameters", async () => {
    const bad = routes.flatMap((row): Bad[] => {
      const base = filled(row.path, sampleOf(row).params);
      const body = row.method === "GET" || !takesBody(row) ? undefined : JSON.stringify(sampleOf(row).body);
      const ask = (query: string, status: number | readonly number[], inputs: string[] = []): Bad => ({
        method: row.method,
        path: `${base}?${query}`,
        headers: doors.headersFor(row, body !== undefined),
        ...(body === undefined ? {} : { body }),
        about: "query",
        status,
        inputs,
      });
      const anywhere = [
        ...["nonsense=1", "__proto__=1", "constructor=x", "=", "limit[]=1", `${long}=1`, `x=${long}`].map((query) =>
          ask(query, 422, [long]),
        ),
        ...["a=1&a=2", "limit=1&limit=2", "a%ff=1", "a=%c3%28", "a=%zz", "a=%"].map((query) => ask(query, 400)),
      ];
      const members = Object.entries(sampleOf(row).query ?? {}).flatMap(([name, value]) => [
        ask(`${name}=${encodeURIComponent(value)}&${name}=${encodeURIComponent(value)}`, 400),
        ...["", "-1", "0", "101", "1.5", "NaN", "1e1", "0x10", "%20", long].flatMap((wrong) =>
          isRight(name, wrong) ? [] : [ask(`${name}=${wrong}`, 422, [wrong])],
        ),
      ]);
      return [...anywhere, ...members];
    });
    await doors.refuseAll(bad);
  });

  test("cursors that are not ours, or name no place", async () => {
    const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const cursors = [
      "x",
      "AAAA",
      encode({}),
      encode([1]),
      encode([1, 2]),
      encode(["1", "a"]),
      encode([1.5, "a"]),
      encode([1, "\0"]),
      encode([1, "' or 1=1"]),
      encode([-1, ""]),
      encode([1, "x".repeat(400)]),
    ];
    const lists = routes.filter((row) => sampleOf(row).query?.["cursor"] !== undefined);
    const bad = lists.flatMap((row) =>
      cursors.map(
        (cursor): Bad => ({
          method: "GET",
          path: `${row.path}?cursor=${encodeURIComponent(cursor)}`,
          headers: doors.headersFor(row, false),
          about: cursor,
          status: 422,
          inputs: [cursor],
        }),
      ),
    );
    assert.equal(lists.length >= 4, true);
    await doors.refuseAll(bad);
  });

  test("hostile path parameters", async () => {
    const never = [
      "%00",
      "a%00b",
      "%ff",
      "%c3%28",
      "%c0%ae%c0%ae",
      "%ed%a0%80",
      "%",
      "%zz",
      "%0d%0aX:y",
      "a".repeat(5000),
      "%F0%9F%92%A9".repeat(400),
    ];
    const odd = [
      "%2F",
      "..%2f..%2fetc%2fpasswd",
      "%2e%2e",
      "..",
      ".",
      "%5c",
      "%F0%9F%92%A9",
      "%E2%80%AEx",
      "__proto__",
      "constructor",
      "'%20or%201=1",
      "%25",
      "{name}",
      ":name",
      "*",
      ";x",
      "a,b",
      "user_1%20",
    ];
    const bad = routes
      .filter((row) => row.path.includes("{"))
      .flatMap((row): Bad[] => {
        const { params = {}, body } = sampleOf(row);
        const hasBody = body !== undefined;
        return Object.keys(params).flatMap((name) => {
          const makes = row.method === "PUT" && name === "identifier";
          return [...never, ...(makes ? [] : odd)].map(
            (value): Bad => ({
              method: row.method,
              path: filled(row.path, { ...params, [name]: value }),
              headers: doors.headersFor(row, hasBody),
              ...(hasBody ? { body: JSON.stringify(body) } : {}),
              about: `${name} ${value.slice(0, 40)}`,
              inputs: [value, decodeURIComponent(value.includes("%F0") ? value : "x")],
            }),
          );
        });
      });
    await doors.refuseAll(bad);
  });

  test("identifiers come back as they were given, however odd they look", async () => {
    for (const identifier of [
      "a/b",
      "💩",
      "\u202ex",
      "%",
      "%ff",
      "__proto__",
      "' or 1=1",
      "ſ",
      "x".repeat(255),
      "💩".repeat(255),
    ]) {
      const path = `/v1/connections/github/accounts/${encodeURIComponent(identifier)}`;
      const headers = { authorization: `Bearer ${doors.house.token}` };
      const made = await send(doors.house.origin, { method: "PUT", path, headers });
      assert.equal(made.status, 201, made.text);
      assert.equal((JSON.parse(made.text) as { identifier: string }).identifier, identifier);
    }
  });

  test("proofs that are none", async () => {
    const { token } = doors.house;
    const wrong = [
      "",
      "Bearer",
      "Bearer ",
      `Basic ${btoa(`x:${token}`)}`,
      token,
      `Bearer ${token}x`,
      `Bearer ${token.slice(0, -1)}`,
      `Bearer "${token}"`,
      `Bearer ${token} ${token}`,
      `Bearer ${token}, Bearer ${token}`,
      `Bearer\t${token}`,
      `Bearer ${"a".repeat(10_000)}`,
      "Bearer \xe9\xff",
      `Bearer bh_live_${"0".repeat(49)}`,
      `Digest username="x"`,
      `Bearer ${adminToken.slice(0, -1)}`,
      `Bearer ${token.toLowerCase()}`,
    ];
    const entrances = [
      ...routes.map((row) => ({ method: row.method as string, path: doors.pathOf(row) })),
      { method: "GET", path: "/proxy/user" },
      { method: "GET", path: "/api/v3/user" },
      { method: "POST", path: "/api/graphql" },
      { method: "GET", path: `/api/${doors.house.project}/proxy/probe/user` },
    ];
    await doors.refuseAll(
      entrances.flatMap((door): Bad[] =>
        wrong.map((authorization) => ({
          ...door,
          headers: { authorization },
          about: authorization.slice(0, 30),
          status: 401,
          inputs: [authorization],
        })),
      ),
    );
    await doors.refuseAll(entrances.map((door) => ({ ...door, about: "no proof at all", status: 401 })));
  });

  test("headers that name a project or a key wrongly", async () => {
    const bad = routes.flatMap((row): Bad[] => {
      const body = takesBody(row) ? JSON.stringify(sampleOf(row).body) : undefined;
      const ask = (name: string, value: string | readonly string[], status: number): Bad => ({
        method: row.method,
        path: doors.pathOf(row),
        headers: { ...doors.headersFor(row, body !== undefined), [name]: value },
        ...(body === undefined ? {} : { body }),
        about: name,
        status,
        inputs: [value].flat(),
      });
      const projects = ["", "x", `prj_${"0".repeat(32)}`, "PRJ_", "../..", "\xe9", long, "0".repeat(9000)];
      const keys = ["", " ", "a b", "\xe9", "k".repeat(256), "k".repeat(9000), ["a", "b"]];
      return [
        ...projects.map((value) => ask("behalf-project", value, 404)),
        ask("behalf-project", [doors.house.project, doors.house.project], 404),
        ...(row.method === "GET" ? [] : keys.map((value) => ask("idempotency-key", value, 400))),
        ask("connection_name", "github", 400),
      ];
    });
    await doors.refuseAll(bad);
  });

  test("methods that a path does not have", async () => {
    const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY", "PROPFIND", "TRACE"];
    const paths = [...new Set(routes.map((row) => row.path))];
    for (const path of paths) {
      const allowed = routes.filter((row) => row.path === path).map((row) => row.method as string);
      for (const method of methods.filter((one) => !allowed.includes(one))) {
        const got = await send(doors.house.origin, {
          method,
          path: filled(path),
          headers: { authorization: `Bearer ${doors.house.token}` },
        });
        assertClear(got, `${method} ${path}`);
        assert.equal(got.status, 405, `${method} ${path}`);
        assert.deepEqual(String(got.headers["allow"]).split(", ").toSorted(), allowed.toSorted());
      }
    }
    const elsewhere = [
      "/v1",
      "/v1/",
      "/v1/nothing",
      "/v2/tokens",
      "/v1/tokens/",
      "/v1//tokens",
      "/V1/tokens",
      "/v1/tokens/x/y",
      "/.env",
      "/console",
      `/${long}`,
    ];
    await doors.refuseAll(
      elsewhere.map((path) => ({ method: "GET", path, about: "no such path", status: 404, inputs: [path] })),
    );
  });

  test("raw calls that name nobody, everybody or nowhere", async () => {
    const bearer = { authorization: `Bearer ${doors.house.token}` };
    const named = { ...bearer, connection_name: "github", identifier: "user_1" };
    const targets = [
      "/../v1/tokens",
      "/%2e%2e/x",
      "/a%2f..%2fb",
      "/a\\b",
      "/%00",
      "/%0d%0a",
      "/%252e%252e",
      "//evil.example/x",
      "/x%ff",
      "/%",
      `/${"a/../".repeat(50)}`,
    ];
    const at = (
      path: string,
      headers: Record<string, string | readonly string[]>,
      status: number | readonly number[],
      method = "GET",
    ): Bad => ({ method, path, headers, about: JSON.stringify(headers).slice(-60), status, inputs: [long] });
    const gate = `/api/${doors.house.project}/proxy`;
    await doors.refuseAll([
      ...targets.map((target) => at(`${gate}/probe${target}`, bearer, 400)),
      ...["", "/", "/nothing", "/%00", "/%ff", "/probe%2fuser", "/PROBE/user", `/${long}/x`, "/__proto__"].map((rest) =>
        at(gate + rest, bearer, 404),
      ),
      ...["x", "%00", "%ff", "..", long, `prj_${"0".repeat(32)}`, "__proto__"].map((project) =>
        at(`/api/${project}/proxy/probe/user`, bearer, 404),
      ),
      at(`${gate}/probe/user`, named, 400),
      ...["TRACE", "PROPFIND", "PUT"].map((method) => at(`${gate}/probe/user`, bearer, 405, method)),
      ...["/proxy", "/api/v3"].flatMap((door) => targets.map((target) => at(door + target, named, 400))),
      ...["/proxy", "/proxy/user", "/proxy?x", "/api/v3/user", "/api/graphql"].map((path) => at(path, bearer, 400)),
      at("/api/graphql/x", bearer, 404, "POST"),
      ...["/proxy/user", "/api/v3/user", "/api/graphql"].map((path) => at(path, bearer, 405, "TRACE")),
      ...["", "nobody", "%00", "%ff", "%", "%0a", long, long.repeat(3), "💩"].map((name) =>
        at(
          "/proxy/user",
          { ...bearer, "behalf-connection": "github", "behalf-identifier": Buffer.from(name).toString("latin1") },
          [400, 404],
        ),
      ),
      ...["", "nobody", "\x80", "\xff\xfe", "%00", "\u00ad", long].map((identifier) =>
        at("/proxy/user", { ...bearer, connection_name: "github", identifier }, [400, 404]),
      ),
      ...["", "nothing", "\xff", "../..", long].map((connection_name) =>
        at("/proxy/user", { ...bearer, connection_name, identifier: "user_1" }, [400, 404]),
      ),
      at("/proxy/user", { ...named, "behalf-connection": "other" }, 404),
    ]);
    assert.equal(doors.house.fake.callsTo("api", undefined, /passwd|evil|\.\./).length, 0);
  });
});
