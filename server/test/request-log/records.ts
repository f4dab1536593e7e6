// A live log beside an empty database, and records for it.
import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import type { AccountId, ProjectId } from "../../src/rules/ids.ts";
import type { LogFilter } from "../../src/rules/log-filter.ts";
import { parseLogFilter } from "../../src/rules/log-filter.ts";
import type { LogPosition, RequestRecord } from "../../src/rules/request-record.ts";
import type { OpenedRequestLog } from "../../src/store/request-open.ts";
import type { LogScope } from "../../src/store/request-questions.ts";
import { openDatabase } from "../../src/store/store.ts";
import { choiceOf } from "../store/replica.ts";
import type { ScratchDatabase } from "../support/databases.ts";

const workerModule = new URL("../../src/store/reading-worker.ts", import.meta.url);
export const project = `prj_${"a1".repeat(16)}` as ProjectId;
export const neighbour = `prj_${"b2".repeat(16)}` as ProjectId;
export const whole: LogScope = { project, account: null };

export interface OpenedForTest extends OpenedRequestLog {
  readonly warnings: string[];
}

/** A process of its own, as far as the database sees it. */
export async function openLog(
  scratched: ScratchDatabase,
  options: { readonly now?: () => number; readonly worker?: URL } = {},
): Promise<OpenedForTest> {
  const database = openDatabase(choiceOf(scratched));
  await database.migrate();
  const warnings: string[] = [];
  const opened = database.requestLog({
    worker: options.worker ?? workerModule,
    now: options.now ?? (() => Date.now()),
    warn: (message, fields) => void warnings.push(`${message} ${inspect(fields, { breakLength: Infinity })}`),
  });
  return {
    ...opened,
    warnings,
    async close() {
      await opened.close();
      await database.close();
    },
  };
}

export function account(n: number): AccountId {
  return `acc_${n.toString(16).padStart(32, "0")}` as AccountId;
}

export function record(changes: Partial<RequestRecord> = {}): RequestRecord {
  return {
    id: `rqr_${randomBytes(16).toString("hex")}`,
    projectId: project,
    at: Date.now(),
    surface: "endpoint",
    method: "GET",
    path: "/user/repos?per_page=5",
    endpoint: "github",
    tool: null,
    connection: "github",
    accountId: account(1),
    identifier: "user_1",
    tokenId: `tok_${"0".repeat(32)}`,
    tokenName: "ci",
    agent: null,
    runId: null,
    status: 200,
    upstreamStatus: 200,
    refusal: null,
    bytesIn: 0,
    bytesOut: 512,
    queueMs: 0.1,
    credentialMs: 1.5,
    upstreamMs: 40,
    totalMs: 42,
    upstreamRequestId: "C0DE:1234:ABCD",
    hashedToken: "uZ7G1vxk8fQ0e7pC0Xo8l1l4pZ0n2mQ0y4m1v8n3r5s=",
    rate: { resource: "core", limit: 5000, remaining: 4999, resetAt: Date.now() + 3_600_000 },
    traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
    address: "203.0.113.7",
    ...changes,
  };
}

export function filterOf(text: string, now = Date.now()): LogFilter {
  const read = parseLogFilter(text, now);
  if (read.kind === "faulty") throw new Error(read.faults.join(" "));
  return read.filter;
}

/** Every record that fits, page by page; answers how many pages it took. */
export async function readAll(
  { reading }: OpenedRequestLog,
  ask: { readonly filter: LogFilter; readonly limit?: number; readonly scope?: LogScope },
): Promise<{ readonly records: RequestRecord[]; readonly pages: number }> {
  const records: RequestRecord[] = [];
  let pages = 0;
  let after: LogPosition | null = null;
  do {
    const page: Awaited<ReturnType<typeof reading.requests.page>> = await reading.requests.page(ask.scope ?? whole, {
      filter: ask.filter,
      limit: ask.limit ?? 100,
      after,
    });
    records.push(...page.records);
    pages += 1;
    after = page.next;
  } while (after !== null);
  return { records, pages };
}
