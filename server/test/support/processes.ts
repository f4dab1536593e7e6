// The command as an operator runs it: a process of its own, with nothing of ours in its environment.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const command = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Serving {
  readonly origin: string;
  /** What it greeted with: the address, and where it was made the first admin token. */
  readonly greeting: string;
  /** Ends it and waits for that. */
  stop(): Promise<Ended>;
}

interface Started {
  readonly child: ChildProcess;
  readonly said: { stdout: string; stderr: string };
  readonly ended: Promise<Ended>;
}

function begin(args: readonly string[], env: Readonly<Record<string, string>>, cwd: string): Started {
  const bare = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("BEHALF_")));
  const child = spawn(process.execPath, [command, ...args], {
    cwd,
    env: { ...bare, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (said.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said.stderr += chunk.toString()));
  const ended = once(child, "close").then(([code]): Ended => ({ code: code as number | null, ...said }));
  return { child, said, ended };
}

/** Runs `behalf …` to its end. */
export async function runCommand(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd: string,
): Promise<Ended> {
  return begin(args, env, cwd).ended;
}

/** Starts `behalf serve` and waits until it listens; throws what it said when it ends before. */
export async function serveCommand(env: Readonly<Record<string, string>>, cwd: string): Promise<Serving> {
  const { child, said, ended } = begin(["serve"], { BEHALF_PORT: "0", ...env }, cwd);
  const origin = await new Promise<string>((resolve, reject) => {
    child.stdout?.on("data", () => {
      const listening = /Behalf listens on (\S+)[\s\S]*\n$/.exec(said.stdout)?.[1];
      if (listening !== undefined) resolve(listening);
    });
    void ended.then(({ code, stderr }) => reject(new Error(`serve ended with ${code}: ${stderr}`)));
  });
  return {
    origin,
    greeting: said.stdout,
    async stop() {
      child.kill("SIGTERM");
      return ended;
    },
  };
}
