// The real server as a process of its own, with what only a test may change: short leases, frequent sweeps, its clock, a stuck resolver.
import { readFileSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { createInterface } from "node:readline";
import { readConfig } from "../../src/config.ts";
import { start, systemWorld } from "../../src/start.ts";

function ms(name: string): number | undefined {
  const text = process.env[`BEHALF_TEST_${name}`] ?? "";
  return text === "" ? undefined : Number(text);
}

// Killed processes leave no compile cache behind, and these tests start a hundred of them.
flushCompileCache();

// Started ahead of its time: the settings come, as one line of JSON, when it is wanted.
for await (const line of createInterface({ input: process.stdin })) {
  Object.assign(process.env, JSON.parse(line));
  break;
}
process.stdin.destroy();

const config = readConfig(process.env, { read: (path) => readFileSync(path, "utf8") });
const leaseMs = ms("LEASE_MS");
const sweepEveryMs = ms("SWEEP_MS");
const aheadMs = ms("CLOCK_AHEAD_MS") ?? 0;
const isStuck = process.env["BEHALF_TEST_RESOLVER"] === "stuck";

const running = await start(config, {
  ...systemWorld(config),
  now: () => Date.now() + aheadMs,
  lookup: async () => (isStuck ? new Promise<string[]>(() => undefined) : Promise.resolve(["127.0.0.1"])),
  ...(leaseMs === undefined ? {} : { leaseMs }),
  ...(sweepEveryMs === undefined ? {} : { sweepEveryMs }),
});
process.on("SIGTERM", () => void running.stop());
