// The live log on SQLite: 10,000 records a second beside the data path, then questions to a million rows with their plans. `node bench/request-log.ts [rows]`
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { type CompiledQuery, Kysely } from "kysely";
import { parseLogFilter } from "../server/src/rules/log-filter.ts";
import type { LogPosition, RequestRecord } from "../server/src/rules/request-record.ts";
import type { OpenedRequestLog } from "../server/src/store/request-open.ts";
import type { LogScope } from "../server/src/store/request-questions.ts";
import { requestReading } from "../server/src/store/request-reading.ts";
import type { RequestsSchema } from "../server/src/store/request-rows.ts";
import { openSqlite, sqliteDialect } from "../server/src/store/sqlite.ts";
import { openDatabase } from "../server/src/store/store.ts";
import { machine } from "./measured.ts";
import { account, project, questions, record } from "./request-log-data.ts";

const rows = Number(process.argv[2] ?? "1000000");
const perSecond = 10_000;
const seconds = 30;
const scope: LogScope = { project, account: null };
const spanMs = 6.5 * 86_400_000;
const questionGoalMs = 50;
const statsGoalMs = 200;
const delayGoalMs = 5;
const times = 7;
const wholeTable = "THE WHOLE TABLE";

function filterOf(text: string) {
  const read = parseLogFilter(text, Date.now());
  if (read.kind === "faulty") throw new Error(read.faults.join(" "));
  return read.filter;
}

function verdict(isMet: boolean): string {
  if (!isMet) process.exitCode = 1;
  return isMet ? "met" : "MISSED";
}

interface Flow {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly cpu: number;
  /** Of all threads. */
  readonly allCpu: number;
}

/** The data path as far as it matters here: a thread that makes so many records a second, every few milliseconds some. */
async function flow(take: (made: RequestRecord) => void): Promise<Flow> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const [cpu, all] = [process.threadCpuUsage(), process.cpuUsage()];
  delay.enable();
  const started = performance.now();
  let made = 0;
  while (made < perSecond * seconds) {
    const due = Math.min(((performance.now() - started) / 1000) * perSecond, perSecond * seconds);
    for (; made < due; made += 1) take(record(made, Date.now()));
    await sleep(2);
  }
  delay.disable();
  const [used, allUsed] = [process.threadCpuUsage(cpu), process.cpuUsage(all)];
  const ms = (nanoseconds: number): number => nanoseconds / 1e6;
  return {
    p50: ms(delay.percentile(50)),
    p99: ms(delay.percentile(99)),
    max: ms(delay.max),
    cpu: (used.user + used.system) / 1e6,
    allCpu: (allUsed.user + allUsed.system) / 1e6,
  };
}

async function fill(opened: OpenedRequestLog): Promise<number> {
  const started = performance.now();
  const from = Date.now() - spanMs;
  for (let n = 0; n < rows; n += 1) {
    opened.log.note(record(n, from + Math.floor((n / rows) * spanMs)));
    if (n % 25_000 === 0) await opened.log.flush();
  }
  await opened.log.flush();
  return (performance.now() - started) / 1000;
}

async function timed(work: () => Promise<unknown>): Promise<{ readonly median: number; readonly worst: number }> {
  const measured: number[] = [];
  for (let run = 0; run < times; run += 1) {
    const started = performance.now();
    await work();
    measured.push(performance.now() - started);
  }
  const sorted = measured.toSorted((left, right) => left - right);
  return { median: sorted[Math.floor(times / 2)] ?? Number.NaN, worst: sorted.at(-1) ?? Number.NaN };
}

/** What SQLite says it will do for every statement of a question. */
async function plansOf(file: string, ask: (reading: ReturnType<typeof requestReading>) => Promise<unknown>) {
  const handle = openSqlite(file);
  const statements: CompiledQuery[] = [];
  const db = new Kysely<RequestsSchema>({
    dialect: sqliteDialect(handle),
    log: (event) => void statements.push(event.query),
  });
  await ask(requestReading(db, "sqlite"));
  const lines = statements.flatMap(({ sql, parameters }) => {
    const plan = handle
      .prepare(`explain query plan ${sql}`)
      .all(...(parameters as (string | number)[]))
      .map((row) => String(row["detail"]));
    // What was walked by an index before is a co-routine of the same name.
    const isWhole = plan.includes("SCAN requests") && !plan.includes("CO-ROUTINE requests");
    return isWhole ? [...plan, wholeTable] : plan;
  });
  handle.close();
  return [...new Set(lines)];
}

const shown = (ms: number): string => `${ms.toFixed(1)} ms`;

async function measureFlow(opened: OpenedRequestLog): Promise<void> {
  // Code warm, worker started.
  for (let n = 0; n < 2000; n += 1) opened.log.note(record(n, Date.now()));
  await opened.log.flush();
  let kept = 0;
  const without = await flow((made) => (kept += made.status));
  const before = opened.log.dropped;
  const beside = await flow((made) => opened.log.note(made));
  const ended = performance.now();
  await opened.log.flush();
  const lag = performance.now() - ended;
  const dropped = opened.log.dropped - before;
  console.log(`${perSecond} records a second for ${seconds} s; ${machine()}\n`);
  console.log("| Delay of the event loop | p50 | p99 | max | CPU time of the thread | of all |");
  console.log("| --- | --- | --- | --- | --- | --- |");
  for (const [name, { p50, p99, max, cpu, allCpu }] of [
    ["records made, not noted", without],
    ["noted in the live log", beside],
  ] as const) {
    console.log(
      `| ${name} | ${shown(p50)} | ${shown(p99)} | ${shown(max)} | ${cpu.toFixed(2)} s | ${allCpu.toFixed(2)} s |`,
    );
  }
  const isFlat = beside.p99 - without.p99 <= delayGoalMs;
  console.log(`\nDropped: ${dropped} (goal 0: ${verdict(dropped === 0 && kept > 0)}).`);
  console.log(`Written ${shown(lag)} after the last. p99 grows by at most ${delayGoalMs} ms: ${verdict(isFlat)}.\n`);
}

async function measureQuestions(opened: OpenedRequestLog, file: string): Promise<void> {
  const { reading } = opened;
  console.log("| Filter | Rows | Median | Worst | < 50 ms | Walks by |");
  console.log("| --- | --- | --- | --- | --- | --- |");
  for (const text of questions) {
    const ask = { filter: filterOf(text), limit: 100, after: null };
    const { records } = await reading.requests.page(scope, ask);
    const { median, worst } = await timed(async () => reading.requests.page(scope, ask));
    const plan = await plansOf(file, async (own) => own.page(scope, ask));
    const by = plan
      .filter((line) => line.startsWith("SEARCH requests USING"))
      .map((line) => line.slice("SEARCH requests USING ".length));
    if (plan.includes(wholeTable)) process.exitCode = 1;
    console.log(
      `| \`${text}\` | ${records.length} | ${shown(median)} | ${shown(worst)} | ${verdict(worst < questionGoalMs)} | ${[...by, ...plan.filter((line) => line === wholeTable)].join("; ")} |`,
    );
  }
  const deep: LogPosition = { at: Date.now() - spanMs / 2, seq: rows / 2 };
  const ask = { filter: filterOf("endpoint:github"), limit: 100, after: deep };
  const page = await timed(async () => reading.requests.page(scope, ask));
  console.log(
    `| a page half a million rows down | 100 | ${shown(page.median)} | ${shown(page.worst)} | ${verdict(page.worst < questionGoalMs)} | |`,
  );
  const step = { filter: filterOf("status:502"), limit: 200, seq: rows / 2 };
  const run = await timed(async () => reading.requests.after(scope, step));
  console.log(
    `| a step of the stream | | ${shown(run.median)} | ${shown(run.worst)} | ${verdict(run.worst < questionGoalMs)} | |`,
  );
}

async function measureStats({ reading }: OpenedRequestLog, file: string): Promise<void> {
  console.log("\n| `/v1/stats` | Requests | Median | Worst | ≤ 200 ms |");
  console.log("| --- | --- | --- | --- | --- |");
  const bound: LogScope = { project, account: account(77) };
  for (const [name, whose, window] of [
    ["15m", scope, "15m"],
    ["1h", scope, "1h"],
    ["24h", scope, "24h"],
    ["7d", scope, "7d"],
    ["7d of one account", bound, "7d"],
  ] as const) {
    const ask = { window, now: Date.now() };
    const { requests } = await reading.requests.stats(whose, ask);
    const { median, worst } = await timed(async () =>
      Promise.all([reading.requests.stats(whose, ask), reading.requests.headroom(whose, Date.now())]),
    );
    console.log(`| ${name} | ${requests} | ${shown(median)} | ${shown(worst)} | ${verdict(worst <= statsGoalMs)} |`);
  }
  const plan = await plansOf(file, async (own) => own.stats(scope, { window: "7d", now: Date.now() }));
  console.log(`\nPlan: ${plan.join("; ")}.`);
}

const folder = mkdtempSync(join(tmpdir(), "behalf-bench-"));
const database = openDatabase({ kind: "sqlite", file: join(folder, "behalf.db") });
const opened = database.requestLog({
  worker: new URL("../server/src/store/reading-worker.ts", import.meta.url),
  warn: (message, fields) => console.error(message, fields),
  now: () => Date.now(),
});
try {
  await database.migrate();
  const filled = await fill(opened);
  const file = join(folder, "requests.db");
  const megabytes = Math.round(statSync(file).size / 1e6);
  console.log(
    `${rows} rows over ${spanMs / 86_400_000} days in ${filled.toFixed(0)} s (${Math.round(rows / filled)} a second), ${megabytes} MB; ${machine()}\n`,
  );
  await measureQuestions(opened, file);
  await measureStats(opened, file);
  console.log("");
  await measureFlow(opened);
} finally {
  await opened.close();
  await database.close();
  rmSync(folder, { recursive: true, force: true });
}
