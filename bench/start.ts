// From the start of the process to the first `ready`, on SQLite, and what the idle server holds in memory. `node bench/start.ts`
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort, machine, mib, startServer } from "./measured.ts";

const runs = 7;
const idleMs = 10_000;
const readyGoalMs = 1000;
const memoryGoal = 120 * 1_000_000;

const folder = mkdtempSync(join(tmpdir(), "behalf-bench-"));

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function starts(file: (run: number) => string): Promise<readonly number[]> {
  const times: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const server = await startServer(join(folder, file(run)), await freePort());
    times.push(server.readyMs);
    await server.end();
  }
  return times;
}

async function idleBytes(): Promise<number> {
  const server = await startServer(join(folder, "idle", "behalf.db"), await freePort());
  try {
    await sleep(idleMs);
    return server.rssBytes();
  } finally {
    await server.end();
  }
}

function verdict(isMet: boolean): string {
  if (!isMet) process.exitCode = 1;
  return isMet ? "met" : "MISSED";
}

try {
  // A folder of its own each: a database is new only where nothing lies beside it.
  const fresh = await starts((run) => `new-${run}/behalf.db`);
  const existing = await starts(() => "existing/behalf.db");
  const memory = await idleBytes();
  const row = (name: string, times: readonly number[]): string =>
    `| ${name} | ${Math.round(median(times))} ms (${Math.round(Math.min(...times))} to ${Math.round(Math.max(...times))}) | < ${readyGoalMs} ms | ${verdict(median(times) < readyGoalMs)} |`;
  console.log(`Medians of ${runs}; ${machine()}\n`);
  console.log("| What | Measured | Goal | |");
  console.log("| --- | --- | --- | --- |");
  console.log(row("Start to ready, new database", fresh));
  console.log(row("Start to ready, existing database", existing));
  const used = `${(memory / 1_000_000).toFixed(0)} MB (${(memory / mib).toFixed(0)} MiB)`;
  console.log(`| Memory (RSS) after ${idleMs / 1000} s idle | ${used} | < 120 MB | ${verdict(memory < memoryGoal)} |`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
