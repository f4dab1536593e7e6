// Real processes that count together, and can be killed.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Orders } from "../support/limits-main.ts";
import type { Admitted } from "./watch.ts";

const main = fileURLToPath(new URL("../support/limits-main.ts", import.meta.url));

export interface CountingProcess {
  readonly admitted: readonly Admitted[];
  /** Units of the total. */
  counted(): number;
  /** Whether it got the slot it asked for at its start. */
  holds(): boolean | undefined;
  readonly warned: readonly string[];
  isAlive(): boolean;
  /** kill -9, and gone. */
  crash(): Promise<void>;
}

interface Said {
  readonly asked?: number;
  readonly told?: number;
  readonly counted?: number;
  readonly holds?: boolean;
  readonly warned?: string;
}

export async function startCounting(orders: Orders): Promise<CountingProcess> {
  const child: ChildProcess = spawn(process.execPath, [main], { stdio: ["pipe", "pipe", "inherit"] });
  const admitted: Admitted[] = [];
  const warned: string[] = [];
  const { promise: ready, resolve } = Promise.withResolvers<void>();
  let counted = 0;
  let holds: boolean | undefined;
  function hear(line: string): void {
    const said = JSON.parse(line) as Said;
    if (said.asked !== undefined && said.told !== undefined) admitted.push({ asked: said.asked, told: said.told });
    if (said.warned !== undefined) warned.push(said.warned);
    counted += said.counted ?? 0;
    if (said.holds === undefined) return;
    holds = said.holds;
    resolve();
  }
  const isAlive = (): boolean => child.exitCode === null && child.signalCode === null;
  if (child.stdout === null || child.stdin === null) throw new TypeError("No pipes");
  createInterface({ input: child.stdout }).on("line", hear);
  child.stdin.end(`${JSON.stringify(orders)}\n`);
  await Promise.race([ready, once(child, "exit")]);
  return {
    admitted,
    warned,
    counted: () => counted,
    holds: () => holds,
    isAlive,
    async crash() {
      if (!isAlive()) return;
      const gone = once(child, "close");
      child.kill("SIGKILL");
      await gone;
    },
  };
}
