// `/v1/audit`: who may read which chain, what filters find, what an export holds, and what a checkpoint proves to others.
import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { after, before, test } from "node:test";
import type { AuditEvent } from "@behalf/sdk";
import { linkText } from "../src/rules/audit.ts";
import { onEachDatabase } from "./support/databases.ts";
import { type Answer, adminToken, openHouse, type TestHouse } from "./support/house.ts";
import { makeConnection } from "./support/person.ts";

const accounts = "/v1/connections/github/accounts";
const formula = '=HYPERLINK("http://evil.example";"a,b")';

onEachDatabase("the audit over the API", (kind) => {
  let house: TestHouse;
  let auditor: string;
  before(async () => {
    house = await openHouse({ kind });
    await makeConnection(house);
    for (let n = 1; n <= 5; n += 1) {
      house.fake.clock.advance(60_000);
      assert.equal((await house.call("PUT", `${accounts}/user_${n}`)).status, 201);
    }
    house.fake.clock.advance(60_000);
    auditor = await tokenWith({ name: formula, scopes: ["audit", "tokens"] });
    const byAuditor = { token: auditor, body: { name: "child", scopes: ["audit"] } };
    assert.equal((await house.call("POST", "/v1/tokens", byAuditor)).status, 201);
  });
  after(async () => house.close());

  async function tokenWith(body: Record<string, unknown>): Promise<string> {
    const made = await house.call("POST", "/v1/tokens", { body });
    assert.equal(made.status, 201, made.text);
    return made.json.token as string;
  }

  const get = async (path: string, token = auditor, headers: Record<string, string> = {}): Promise<Answer> =>
    house.call("GET", `/v1/audit${path}`, { token, headers });
  const events = async (query: string, token = auditor): Promise<AuditEvent[]> => {
    const answer = await get(query, token);
    assert.equal(answer.status, 200, answer.text);
    return answer.json.items as AuditEvent[];
  };
  const namesOf = (items: readonly AuditEvent[]) => items.map((item) => item.name);

  test("needs the scope `audit`, and no other reads it but `admin`", async () => {
    const tools = await tokenWith({ name: "tools", scopes: ["tools", "logs"] });
    for (const path of ["", "/export.jsonl", "/export.csv", "/verify", "/checkpoints"]) {
      const refused = await get(path, tools);
      assert.deepEqual([refused.status, refused.json.code], [403, "scope_missing"], path);
      assert.equal((await get(path, house.token)).status, 200, path);
    }
    assert.equal((await house.call("POST", "/v1/audit/checkpoints", { token: tools })).status, 403);
  });

  test("lists the newest first, page by page, every event once", async () => {
    const seen: AuditEvent[] = [];
    let cursor = "";
    for (let pages = 0; pages < 50; pages += 1) {
      const answer = await get(`?limit=3${cursor}`);
      seen.push(...answer.json.items);
      if (answer.json.next_cursor === null) break;
      cursor = `&cursor=${answer.json.next_cursor}`;
    }
    const seqs = seen.map((item) => item.seq);
    assert.deepEqual(
      seqs,
      seqs.map((_, at) => seqs.length - at),
    );
    assert.equal(namesOf(seen).at(-1), "project.created");
  });

  test("finds by name, family, subject, who did it, and time", async () => {
    const all = await events("?limit=100");
    const made = all.filter((item) => item.name === "account.created");
    assert.equal(made.length, 5);
    assert.deepEqual(await events("?name=account.created"), made);
    assert.deepEqual(await events("?name=account.*"), made);
    assert.deepEqual(await events(`?subject=${made[2]?.subject}`), [made[2]]);
    const first = made[0]?.actor["id"];
    assert.deepEqual(await events(`?actor=${first}&name=account.*`), made);
    assert.deepEqual(await events("?actor=system"), []);
    assert.deepEqual(await events(`?name=account.*&since=${made[2]?.at}&until=${made[0]?.at}`), [made[1], made[2]]);
    assert.deepEqual(made[0]?.details, { status: "PENDING", status_reason: null });
  });

  test("refuses filters that mean nothing", async () => {
    for (const query of [
      "?name=account",
      "?name=nothing.*",
      "?name=*",
      "?since=yesterday",
      "?until=2026-02-30T00:00:00Z",
      "?cursor=x",
      "?subject=a%20b",
      "?actor='",
      "?limit=101",
    ]) {
      const answer = await get(query);
      assert.deepEqual([answer.status, answer.json.code], [422, "invalid_input"], query);
    }
  });

  test("keeps chains apart: a project's token reads its own, an instance token the instance's or the one it names", async () => {
    const second = await house.call("POST", "/v1/projects", { token: adminToken, body: { name: "Second" } });
    const theirs = await events("?limit=100", second.json.token);
    assert.deepEqual(namesOf(theirs).toSorted(), ["project.created", "token.created"]);
    assert.ok(theirs.every((item) => item.chain === second.json.id));
    const mine = await events(`?subject=${second.json.id}`);
    assert.deepEqual(mine, []);
    const instance = await events("", adminToken);
    assert.ok(instance.every((item) => item.chain === "instance"));
    const named = await get("?limit=100", adminToken, { "behalf-project": house.project });
    assert.ok((named.json.items as AuditEvent[]).every((item) => item.chain === house.project));
    assert.equal((await get("/verify", adminToken)).json.chain, "instance");
    const made = await house.call("POST", "/v1/audit/checkpoints", { token: second.json.token });
    const foreign = await house.call("POST", "/v1/audit/verify", {
      token: auditor,
      body: { checkpoints: [made.json] },
    });
    assert.deepEqual([foreign.status, foreign.json.errors[0].path], [422, "checkpoints.0.chain"]);
  });

  test("shows a token that is bound to an account what happened to that account, and nothing else", async () => {
    const account = { connection: "github", identifier: "user_1" };
    const bound = await tokenWith({ name: "bound", scopes: ["audit"], account });
    const seen = await events("?limit=100", bound);
    assert.deepEqual(namesOf(seen), ["account.created"]);
    const other = (await events("?name=account.created"))[0];
    assert.equal((await get(`?subject=${other?.subject}`, bound)).json.code, "forbidden");
    for (const path of ["/export.jsonl", "/export.csv", "/verify", "/checkpoints"])
      assert.equal((await get(path, bound)).json.code, "forbidden", path);
  });

  test("exports JSON Lines from which every link can be made again", async () => {
    const answer = await get("/export.jsonl");
    assert.equal(answer.headers.get("content-type"), "application/jsonl");
    const lines = answer.text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as AuditEvent);
    let prev = "";
    for (const [index, event] of lines.entries()) {
      assert.deepEqual([event.seq, event.prev], [index + 1, prev]);
      const { hash, ...columns } = event;
      const stored = { ...columns, at: Date.parse(event.at), actor: JSON.stringify(event.actor) };
      const text = linkText({ ...stored, details: JSON.stringify(event.details) });
      assert.equal(house.behalf.house.auditLink(text), hash);
      prev = hash;
    }
    const [from = "", to = ""] = [lines[3]?.at, lines[5]?.at];
    const some = await get(`/export.jsonl?since=${from}&until=${to}`);
    const between = lines.filter((event) => event.at >= from && event.at < to);
    assert.deepEqual(some.text, between.map((event) => `${JSON.stringify(event)}\n`).join(""));
  });

  test("exports CSV that reads back as it was, and that no spreadsheet takes for a formula", async () => {
    const answer = await get("/export.csv");
    assert.equal(answer.headers.get("content-type"), "text/csv");
    const [head, ...rows] = readCsv(answer.text);
    assert.deepEqual(head, ["chain", "seq", "at", "id", "name", "actor", "subject", "details", "prev", "hash"]);
    const lines = (await get("/export.jsonl")).text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as AuditEvent);
    assert.equal(rows.length, lines.length);
    for (const [index, row] of rows.entries()) {
      assert.deepEqual(JSON.parse(row[5] ?? ""), lines[index]?.actor);
      assert.deepEqual(JSON.parse(row[7] ?? ""), lines[index]?.details);
      assert.equal(row[9]?.replace(/^'/, ""), lines[index]?.hash);
      for (const cell of row) assert.doesNotMatch(cell, /^[=+\-@\t\r\n]/);
    }
    assert.ok(!answer.text.includes(";"), "a spreadsheet that separates by semicolons would cut here");
  });

  test("signs where the chain ends, and anyone with the public key can check that", async () => {
    const made = await house.call("POST", "/v1/audit/checkpoints", { token: auditor });
    assert.equal(made.status, 201, made.text);
    const again = await house.call("POST", "/v1/audit/checkpoints", { token: auditor });
    assert.deepEqual([again.status, again.json], [200, made.json]);
    const list = await get("/checkpoints");
    assert.deepEqual(list.json.items[0], made.json);
    const { chain, seq, hash, at, signature } = made.json as Record<string, string>;
    const text = JSON.stringify(["behalf-audit-checkpoint-1", chain, seq, hash, at]);
    const key = createPublicKey(list.json.public_key);
    assert.equal(key.asymmetricKeyType, "ed25519");
    assert.ok(verify(null, Buffer.from(text), key, Buffer.from(signature ?? "", "base64url")));
    assert.ok(house.lines.some((line) => line.includes('"audit checkpoint"') && line.includes(signature ?? "-")));
  });

  test("verifies the chain, against checkpoints that the caller kept too", async () => {
    const { json: kept } = await house.call("POST", "/v1/audit/checkpoints", { token: auditor });
    const whole = await get("/verify");
    assert.deepEqual([whole.json.ok, whole.json.chain, whole.json.faults], [true, house.project, []]);
    const verifyWith = async (checkpoints: unknown[]) =>
      house.call("POST", "/v1/audit/verify", { token: auditor, body: { checkpoints } });
    assert.equal((await verifyWith([kept])).json.ok, true);
    const forged = await verifyWith([{ ...kept, seq: kept.seq + 1 }]);
    assert.equal(forged.json.ok, false);
    assert.match(forged.json.faults[0].fault, /forged/);
    assert.equal((await verifyWith([{ ...kept, signature: "short" }])).status, 422);
    const reader = await tokenWith({ name: "reader", scopes: ["audit"], limits: { access: "read" } });
    const asked = await house.call("POST", "/v1/audit/verify", { token: reader, body: { checkpoints: [kept] } });
    assert.equal(asked.status, 200, asked.text);
    assert.equal((await house.call("POST", "/v1/audit/checkpoints", { token: reader })).json.code, "limit_not_allowed");
  });
});

/** RFC 4180, as strictly as it is written. */
function readCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/y;
  while (field.lastIndex < text.length) {
    const match = field.exec(text);
    assert.ok(match, "not RFC 4180");
    rows.at(-1)?.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] === "\r\n") rows.push([]);
  }
  return rows.filter((row) => row.length > 0);
}
