// Everything that must be true of the source before a commit: format, lint, types, dead code, fresh documents.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

interface Step {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

interface Outcome {
  readonly name: string;
  readonly ok: boolean;
  readonly seconds: number;
  readonly output: string;
}

const steps: readonly Step[] = [
  { name: "format", command: ["biome", "check", "--linter-enabled=false", "--colors=off", "."] },
  { name: "lint", command: ["oxlint"] },
  { name: "types", command: ["tsc", "--pretty", "false"] },
  { name: "dead code", command: ["knip", "--no-progress"] },
  { name: "docs fresh", command: ["node", "scripts/docs.ts", "--check"] },
];

function run(step: Step): Promise<Outcome> {
  const [tool, ...args] = step.command;
  const local = fileURLToPath(new URL(`../node_modules/.bin/${tool}`, import.meta.url));
  const started = performance.now();
  return new Promise((resolve) => {
    const child = spawn(existsSync(local) ? local : tool, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const finish = (ok: boolean): void => {
      resolve({ name: step.name, ok, seconds: (performance.now() - started) / 1000, output });
    };
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString("utf8")));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString("utf8")));
    child.on("error", (error) => {
      output += error.message;
      finish(false);
    });
    child.on("close", (code) => {
      finish(code === 0);
    });
  });
}

const started = performance.now();
const outcomes = await Promise.all(steps.map(run));
for (const { name, ok, seconds, output } of outcomes) {
  console.log(`${ok ? "ok  " : "FAIL"} ${name.padEnd(12)} ${seconds.toFixed(1)} s`);
  if (!ok) console.log(output.trimEnd());
}
const failed = outcomes.filter((outcome) => !outcome.ok).map((outcome) => outcome.name);
const total = ((performance.now() - started) / 1000).toFixed(1);
console.log(failed.length === 0 ? `all good in ${total} s` : `${failed.join(", ")} failed (${total} s)`);
process.exitCode = failed.length === 0 ? 0 : 1;
