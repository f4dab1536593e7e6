// Questions to the live log: every filter finds exactly what fits, in pages, and nothing of anybody else.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import fc from "fast-check";
import { outcomeOf, type RequestRecord } from "../../src/rules/request-record.ts";
import { type DatabaseKind, onEachDatabase, type ScratchDatabase, scratch } from "../support/databases.ts";
import {
  account,
  filterOf,
  neighbour,
  type OpenedForTest,
  openLog,
  project,
  readAll,
  record,
  whole,
} from "./records.ts";

const start = Math.floor(Date.now() / 60_000) * 60_000 - 30 * 60_000;

/** Few values of each kind, so that filters meet. */
function variedRecord(n: number): RequestRecord {
  const surface = (["endpoint", "proxy", "github", "tool"] as const)[n % 4] ?? "proxy";
  const status = [200, 201, 404, 422, 502, 429][(n * 7) % 6] ?? 200;
  const nobody = n % 13 === 0;
  const oneOf = <T>(every: number, value: T, other: T): T => (n % every === 0 ? value : other);
  return record({
    at: start + Math.floor(n / 3) * 1000,
    projectId: oneOf(11, neighbour, project),
    surface,
    method: oneOf(5, "POST", "GET"),
    path: `/repos/octo/Hello_${n % 9}%/issues?page=${n}`,
    endpoint: { endpoint: `slug-${n % 3}`, proxy: null, github: null, tool: null }[surface],
    tool: { endpoint: null, proxy: null, github: null, tool: "github_issue_create" }[surface],
    connection: oneOf(2, "github", "other"),
    ...(nobody ? { accountId: null, identifier: null } : { accountId: account(n % 4), identifier: `user ${n % 4}` }),
    tokenId: `tok_${String(n % 2).repeat(32)}`,
    tokenName: `ci ${n % 2}`,
    agent: oneOf(6, "bot", null),
    status,
    refusal: { 429: "rate_limited", 502: "upstream_unavailable" }[status] ?? null,
  });
}

const terms: Readonly<Record<string, (one: RequestRecord) => boolean>> = {
  "status:502": ({ status }) => status === 502,
  "status:4xx": ({ status }) => status >= 400 && status < 500,
  "status:>=429": ({ status }) => status >= 429,
  "status:<300": ({ status }) => status < 300,
  "status:200 status:>429": ({ status }) => status === 200 || status > 429,
  "endpoint:slug-1": ({ endpoint }) => endpoint === "slug-1",
  "endpoint:slug-0 endpoint:slug-2": ({ endpoint }) => endpoint === "slug-0" || endpoint === "slug-2",
  'account:"user 2"': ({ identifier }) => identifier === "user 2",
  [`account:${account(3)}`]: ({ accountId }) => accountId === account(3),
  [`account:${account(1)} account:"user 1" account:"user 0"`]: ({ identifier }) =>
    identifier === "user 1" || identifier === "user 0",
  "connection:other": ({ connection }) => connection === "other",
  "agent:bot": ({ agent }) => agent === "bot",
  "tool:github_issue_create": ({ tool }) => tool === "github_issue_create",
  'token:"ci 1"': ({ tokenName }) => tokenName === "ci 1",
  [`token:tok_${"0".repeat(32)}`]: ({ tokenId }) => tokenId === `tok_${"0".repeat(32)}`,
  "method:post": ({ method }) => method === "POST",
  "refusal:rate_limited": ({ refusal }) => refusal === "rate_limited",
  "surface:tool surface:proxy": ({ surface }) => surface === "tool" || surface === "proxy",
  [`since:${new Date(start + 60_000).toISOString()}`]: ({ at }) => at >= start + 60_000,
  [`until:${new Date(start + 150_000).toISOString()}`]: ({ at }) => at <= start + 150_000,
  '"HELLO_3%/"': ({ path }) => path.includes("Hello_3%/"),
  "SLUG-": ({ endpoint }) => endpoint !== null,
  "page=1": ({ path }) => path.includes("page=1"),
  nowhere: () => false,
};

function newestFirst(records: readonly RequestRecord[]): string[] {
  return records
    .map((one, seq) => ({ one, seq }))
    .toSorted((left, right) => right.one.at - left.one.at || right.seq - left.seq)
    .map(({ one }) => one.id);
}

onEachDatabase("reading the live log", (kind: DatabaseKind) => {
  let scratched: ScratchDatabase;
  let log: OpenedForTest;
  beforeEach(async () => {
    scratched = await scratch(kind);
    log = await openLog(scratched);
  });
  afterEach(async () => {
    await log.close();
    await scratched.drop();
  });

  async function noted(count: number, make: (n: number) => RequestRecord): Promise<RequestRecord[]> {
    const records = Array.from({ length: count }, (_, n) => make(n));
    for (const one of records) log.log.note(one);
    await log.log.flush();
    return records;
  }

  test("any combination of keys, in pages of any size, finds exactly the project's records that fit, newest first", async () => {
    const all = await noted(900, variedRecord);
    const asked = fc.subarray(Object.keys(terms), { minLength: 0, maxLength: 4 });
    // A key that is there twice means either: so each combination has a key once.
    const combined = asked.filter((chosen) => {
      const keys = chosen.map((term) => /^(\w+):/.exec(term)?.[1] ?? term);
      return new Set(keys).size === keys.length;
    });
    await fc.assert(
      fc.asyncProperty(combined, fc.integer({ min: 1, max: 100 }), fc.boolean(), async (chosen, limit, isBound) => {
        const bound = isBound ? account(2) : null;
        const fits = (one: RequestRecord): boolean =>
          one.projectId === project &&
          (bound === null || one.accountId === bound) &&
          chosen.every((term) => terms[term]?.(one) === true);
        const scope = { project, account: bound };
        const found = await readAll(log, { filter: filterOf(chosen.join(" ")), limit, scope });
        assert.deepEqual(
          found.records.map(({ id }) => id),
          newestFirst(all.filter(fits)),
          chosen.join(" "),
        );
        const streamed = await log.reading.requests.after(scope, {
          filter: filterOf(chosen.join(" ")),
          limit: 1000,
          seq: 0,
        });
        assert.deepEqual(
          streamed.records.map((one) => one.record.id),
          all.filter(fits).map(({ id }) => id),
        );
      }),
      { numRuns: 60 },
    );
  });

  test("a search looks at so many records a page and then hands on a cursor: pages may be empty, nothing is missed", async () => {
    const needles = new Set([3, 4000, 8999]);
    const all = await noted(9000, (n) => record({ at: start + n, path: needles.has(n) ? "/needle" : "/hay" }));
    const found = await readAll(log, { filter: filterOf("needle") });
    assert.deepEqual(
      found.records.map(({ id }) => id),
      [8999, 4000, 3].map((n) => all[n]?.id),
    );
    assert.equal(found.pages > 1, true);
    const keyed = await readAll(log, { filter: filterOf("endpoint:github method:GET needle status:200 status:404") });
    assert.deepEqual(keyed.records, found.records);
  });

  test("alternatives that are searched to different depths come out newest first and once", async () => {
    // The first alternative is deep: its search stops before the needle that is still newer than that of the other.
    const all = await noted(5001, (n) => {
      if (n === 0) return record({ at: start, endpoint: "b", path: "/needle/b" });
      return record({ at: start + n, endpoint: "a", path: n === 500 ? "/needle/a" : "/hay" });
    });
    const found = await readAll(log, { filter: filterOf("endpoint:a endpoint:b needle") });
    assert.deepEqual(
      found.records.map(({ id }) => id),
      [all[500]?.id, all[0]?.id],
    );
  });

  test("a record of another project, or of another account for a bound token, is not found by its id nor by search", async () => {
    const [own = record(), foreign = record(), other = record()] = await noted(3, (n) =>
      record(n === 1 ? { projectId: neighbour } : { accountId: account(n + 1) }),
    );
    const bound = { project, account: account(1) };
    assert.equal((await log.reading.requests.find(whole, own.id))?.id, own.id);
    assert.equal(await log.reading.requests.find(whole, foreign.id), undefined);
    assert.equal(await log.reading.requests.find(bound, other.id), undefined);
    assert.deepEqual((await readAll(log, { filter: filterOf(foreign.id) })).records, []);
    for (const id of [foreign.id, "rqr_"]) {
      const { records } = await readAll(log, { filter: filterOf(id), scope: bound });
      assert.deepEqual(
        records.map((one) => one.id),
        id === "rqr_" ? [own.id] : [],
      );
    }
  });

  const within = (records: readonly RequestRecord[], outcome: string): number =>
    records.filter((one) => outcomeOf(one) === outcome).length;

  test("figures are those of the records: outcomes, surfaces, refusals, series, and percentiles within 5 %", async () => {
    const now = start + 25 * 60_000;
    const all = await noted(3000, (n) => ({ ...variedRecord(n), upstreamMs: null, totalMs: 10 + (n % 500) }));
    const own = all.filter((one) => one.projectId === project);
    const sorted = own.map(({ totalMs }) => totalMs).toSorted((left, right) => left - right);
    const exact = sorted[Math.ceil(sorted.length * 0.9) - 1] ?? 0;
    for (const window of ["1h", "24h", "7d"] as const) {
      const figures = await log.reading.requests.stats(whole, { window, now });
      assert.equal(figures.requests, own.length, window);
      assert.equal(figures.outcomes.refused, within(own, "refused"));
      assert.equal(figures.outcomes.upstream_failed, within(own, "upstream_failed"));
      assert.equal(figures.surfaces.tool, own.filter(({ surface }) => surface === "tool").length);
      assert.deepEqual(
        new Set(figures.refusals.map(({ code }) => code)),
        new Set(["rate_limited", "upstream_unavailable"]),
      );
      const inSeries = figures.series.reduce((sum, bucket) => sum + bucket.requests, 0);
      assert.equal(inSeries, own.length);
      assert.deepEqual(figures.upstream, { p50: null, p90: null, p99: null });
      const p90 = figures.total.p90 ?? Number.NaN;
      assert.equal(Math.abs(p90 / exact - 1) <= 0.05, true, `${p90} for ${exact}`);
    }
  });

  test("figures of a minute, of a bound token's account and of a neighbour are their own", async () => {
    const now = start + 25 * 60_000;
    const all = await noted(3000, variedRecord);
    const own = all.filter((one) => one.projectId === project);
    const ask = { window: "1h", now } as const;
    const { series } = await log.reading.requests.stats(whole, ask);
    const minute = series.find(({ at }) => at === start);
    assert.equal(minute?.requests, own.filter(({ at }) => at < start + 60_000).length);
    const bound = await log.reading.requests.stats({ project, account: account(2) }, ask);
    assert.deepEqual(
      [bound.requests, bound.complete],
      [own.filter((one) => one.accountId === account(2)).length, true],
    );
    const theirs = await log.reading.requests.stats({ project: neighbour, account: null }, ask);
    assert.equal(theirs.requests, all.length - own.length);
  });

  test("headroom is the newest word on each account's limit, the least first, until it is renewed", async () => {
    const now = Date.now();
    const rate = (remaining: number, resetAt = now + 60_000) => ({ resource: "core", limit: 5000, remaining, resetAt });
    const told = [rate(10), rate(3), rate(9, now - 1), rate(50)];
    await noted(told.length, (n) =>
      record({ at: now + n, accountId: account(n === 1 ? 0 : n), rate: told[n] ?? null }),
    );
    // Written later, but begun earlier: an old answer is no news.
    await noted(1, () => record({ at: now - 5, accountId: account(0), rate: rate(4000) }));
    const found = await log.reading.requests.headroom(whole, now);
    assert.deepEqual(
      found.map(({ accountId, remaining }) => [accountId, remaining]),
      [
        [account(0), 3],
        [account(3), 50],
      ],
    );
    assert.deepEqual(await log.reading.requests.headroom({ project: neighbour, account: null }, now), []);
  });
});
