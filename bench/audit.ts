// The audit at work: events appended to one chain of PostgreSQL by many writers, and every read of a million events on SQLite.
// `node bench/audit.ts [seconds] [events]`
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Kysely } from "kysely";
import { makeCheckpointSigner } from "../server/src/crypto/checkpoint-signer.ts";
import { hmac } from "../server/src/crypto/digest.ts";
import { systemRandom } from "../server/src/crypto/random.ts";
import { walkChain } from "../server/src/flows/steps/walk-chain.ts";
import { type Actor, auditNames, headText, linkText } from "../server/src/rules/audit.ts";
import { idFrom } from "../server/src/rules/ids.ts";
import { type AuditPageAsk, type AuditReading, auditReading } from "../server/src/store/audit-reading.ts";
import type { Schema } from "../server/src/store/schema.ts";
import { openSqlite, sqliteDialect } from "../server/src/store/sqlite.ts";
import { openDatabase, type Store } from "../server/src/store/store.ts";
import { choiceOf } from "../server/test/store/replica.ts";
import { scratch } from "../server/test/support/databases.ts";
import { machine } from "./measured.ts";

const seconds = Number(process.argv[2] ?? 10);
const events = Number(process.argv[3] ?? 1_000_000);
const writers = 32;
const eventsGoal = 500;
const queryGoalMs = 50;
const runs = 15;
const key = randomBytes(32);
const link = (text: string): string => hmac(key, text);
const newId = <Kind extends Parameters<typeof idFrom>[0]>(kind: Kind) => idFrom(kind, systemRandom(16));

function verdict(isMet: boolean): string {
  if (!isMet) process.exitCode = 1;
  return isMet ? "met" : "MISSED";
}

async function onPostgres(work: (store: Store) => Promise<void>): Promise<void> {
  const scratched = await scratch("postgres");
  const database = openDatabase(choiceOf(scratched));
  try {
    await database.migrate();
    await work(database.withChain({ link, newId: () => newId("event"), now: () => Date.now() }));
  } finally {
    await database.close();
    await scratched.drop();
  }
}

/** Each writer changes a row of its own and records it: what they share is the chain. */
async function append(store: Store): Promise<void> {
  const project = { id: newId("project"), name: "Bench", environment: "live", created_at: 0 } as const;
  const actor = { kind: "system", task: "bench" } as const;
  await store.change(async (tables, record) => {
    await tables.projects.add(project);
    record({ chain: project.id, name: "project.created", actor, subject: project.id });
  });
  const until = performance.now() + seconds * 1000;
  let done = 0;
  const write = async (): Promise<void> => {
    const subject = newId("account");
    while (performance.now() < until) {
      await store.change(async (tables, record) => {
        await tables.meta.putOnce(`key_added:${subject}${done}`, "x");
        record({ chain: project.id, name: "account.refreshed", actor, subject });
      });
      done += 1;
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: writers }, write));
  const rate = done / ((performance.now() - started) / 1000);
  const signer = { auditLink: link, checkpointSigner: makeCheckpointSigner(link) };
  const { faults } = await walkChain({ ...signer, chains: store.audit }, { chain: project.id });
  console.log("| What | Measured | Goal | |\n| --- | --- | --- | --- |");
  const what = `Changes with an audit event on one project, PostgreSQL, ${writers} writers, one process`;
  console.log(`| ${what} | ${Math.round(rate)} a second | ≥ ${eventsGoal} | ${verdict(rate >= eventsGoal)} |`);
  console.log(`| Faults in the chain afterwards | ${faults.length} | 0 | ${verdict(faults.length === 0)} |\n`);
}

const chain = newId("project");
const accounts = Array.from({ length: 2000 }, () => newId("account"));
const tokens = Array.from({ length: 50 }, () => newId("token"));
const names = Object.keys(auditNames);
const rareAccount = newId("account");
const rareToken = newId("token");
const start = Date.UTC(2026, 0, 1);

function actorAt(seq: number): Actor {
  if (seq === 10) return { kind: "token", id: rareToken, name: "rare" };
  if (seq % 3 === 0) return { kind: "token", id: tokens[seq % tokens.length] ?? rareToken, name: "a token" };
  if (seq % 1000 === 1) return { kind: "person", attempt: newId("attempt") };
  return { kind: "system", task: "refresh" };
}

/** A chain as the store would have written it, only faster: most events are refreshes, the rest is spread. */
function fill(file: string): void {
  const db = new DatabaseSync(file);
  db.exec("pragma synchronous = off; begin");
  const insert = db.prepare("insert into audit_events values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  let prev = "";
  for (let seq = 1; seq <= events; seq += 1) {
    const name =
      seq === 1
        ? "project.created"
        : seq === 20
          ? "connection.deleted"
          : seq % 4 === 0
            ? nameAt(seq)
            : "account.refreshed";
    const subject = seq === 30 ? rareAccount : (accounts[(seq * 7) % accounts.length] ?? rareAccount);
    const event = {
      chain,
      seq,
      id: newId("event"),
      at: start + seq * 20,
      name,
      actor: JSON.stringify(actorAt(seq)),
      subject,
      details: JSON.stringify({ hashed_token: prev, status: "ACTIVE", status_reason: null }),
      prev,
    };
    const hash = link(linkText(event));
    insert.run(...Object.values(event), hash);
    prev = hash;
  }
  db.prepare("insert into audit_heads values (?, ?, ?, ?)").run(
    chain,
    events,
    link(headText({ chain, seq: events, hash: prev })),
    prev,
  );
  db.exec("commit");
  db.close();
}

function nameAt(seq: number): string {
  const name = names[(seq / 4) % names.length] ?? "";
  return name === "connection.deleted" ? "account.refreshed" : name;
}

const everyName = names.filter((name) => name.startsWith("account."));
const middle = { at: start + events * 10, seq: Math.floor(events / 2) };
const asks: readonly (readonly [string, Omit<AuditPageAsk, "chain" | "limit">])[] = [
  ["no filter", {}],
  ["no filter, page in the middle", { after: middle }],
  ["name, common", { names: ["account.refreshed"] }],
  ["name, once in all", { names: ["connection.deleted"] }],
  ["`account.*`", { names: everyName }],
  ["`account.*`, page in the middle", { names: everyName, after: middle }],
  ["subject", { subject: accounts[5] ?? "" }],
  ["subject, once in all", { subject: rareAccount }],
  ["actor, a token", { actor: { who: tokens[3] ?? "" } }],
  ["actor, once in all", { actor: { who: rareToken } }],
  ["actor `token`", { actor: { kind: "token" } }],
  ["actor `person`", { actor: { kind: "person" } }],
  ["since and until, long ago", { since: start, until: start + 100_000 }],
  ["since, the last minute", { since: start + events * 20 - 60_000 }],
  ["until, long ago", { until: start + 1000 }],
  ["name and until, long ago", { names: ["account.refreshed"], until: start + 1000 }],
  ["name and actor that never met", { names: ["account.refreshed"], actor: { kind: "person" } }],
  ["common name of a common actor", { names: ["account.refreshed"], actor: { who: "refresh" } }],
  [
    "subject, name, actor and time",
    { subject: accounts[9] ?? "", names: everyName, actor: { kind: "token" }, since: start },
  ],
];

async function read(file: string): Promise<void> {
  let last: { readonly sql: string; readonly parameters: readonly unknown[] } | undefined;
  const raw = openSqlite(file);
  const db = new Kysely<Schema>({
    dialect: sqliteDialect(raw),
    log: ({ query: { sql, parameters } }) => void (last ??= { sql, parameters }),
  });
  const reading = auditReading(db);
  const plans: string[] = [];
  console.log(`| Page of 50 of ${events} events, SQLite | Median | Slowest of ${runs} | Goal | |`);
  console.log("| --- | --- | --- | --- | --- |");
  for (const [what, ask] of asks) {
    last = undefined;
    const times = await timesOf(async () => reading.page({ ...ask, chain, limit: 50 }));
    const used = last as unknown as { sql: string; parameters: never[] };
    const plan = raw.prepare(`explain query plan ${used.sql}`).all(...used.parameters);
    plans.push(`| ${what} | ${plan.map((row) => `\`${String(row["detail"])}\``).join("<br>")} |`);
    console.log(`${rowOf(what, times)} < ${queryGoalMs} ms | ${verdict((times.at(-1) ?? 0) < queryGoalMs)} |`);
  }
  console.log(
    rowOf("one part of an export", await timesOf(async () => reading.part({ chain, after: middle.seq }))),
    "| |",
  );
  await verifyAll(reading);
  console.log(`\n| Filter | Plan of its query |\n| --- | --- |\n${plans.join("\n")}`);
  await db.destroy();
}

async function timesOf(work: () => Promise<unknown>): Promise<readonly number[]> {
  const times: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const started = performance.now();
    await work();
    times.push(performance.now() - started);
  }
  return times.toSorted((left, right) => left - right);
}

function rowOf(what: string, times: readonly number[]): string {
  const ms = (value: number | undefined): string => `${(value ?? Number.NaN).toFixed(1)} ms`;
  return `| ${what} | ${ms(times[Math.floor(times.length / 2)])} | ${ms(times.at(-1))} |`;
}

/** How long everybody else would have had to wait, at most. */
async function verifyAll(chains: AuditReading): Promise<void> {
  let longest = 0;
  let before = performance.now();
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - before - 1);
    before = performance.now();
  }, 1);
  const started = performance.now();
  const checkpointSigner = makeCheckpointSigner(link);
  const { faults } = await walkChain({ chains, auditLink: link, checkpointSigner }, { chain });
  clearInterval(timer);
  const took = `${((performance.now() - started) / 1000).toFixed(1)} s`;
  console.log(
    `| verification of all of it, ${faults.length} faults | ${took} | others waited ${longest.toFixed(0)} ms | | |`,
  );
}

console.log(`${machine()}\n`);
await onPostgres(append);
const folder = mkdtempSync(join(tmpdir(), "behalf-bench-audit-"));
try {
  const file = join(folder, "behalf.db");
  const database = openDatabase({ kind: "sqlite", file });
  await database.migrate();
  await database.close();
  fill(file);
  await read(file);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
