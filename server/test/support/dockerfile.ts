// Reads a Dockerfile and plays its COPY and RUN steps into folders: what the image would hold, where no Docker daemon is.
import { cpSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";

export interface Step {
  readonly word: string;
  /** Everything behind the word, continued lines joined. */
  readonly text: string;
}

export interface Stage {
  readonly base: string;
  readonly name: string;
  readonly steps: readonly Step[];
}

export function readDockerfile(file: string): readonly Stage[] {
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .join("\n")
    .replaceAll(/\\\n\s*/g, " ")
    .split("\n");
  const stages: { base: string; name: string; steps: Step[] }[] = [];
  for (const line of lines) {
    const [, word, text = ""] = /^([A-Z]+)\s+(.*)$/.exec(line.trim()) ?? [];
    if (word === undefined) continue;
    const [base = "", , name = String(stages.length)] = text.split(/\s+/);
    if (word === "FROM") stages.push({ base, name, steps: [] });
    else stages.at(-1)?.steps.push({ word, text });
  }
  return stages;
}

/** The last word of its kind counts. */
export function lastOf(stage: Stage, word: string): string {
  return stage.steps.findLast((step) => step.word === word)?.text ?? "";
}

export function environmentOf(stage: Stage): Record<string, string> {
  const texts = stage.steps.filter(({ word }) => word === "ENV").map(({ text }) => text);
  return Object.fromEntries(
    [...texts.join(" ").matchAll(/(\w+)=(\S+)/g)].map(([, name = "", value = ""]) => [name, value]),
  );
}

export interface Played {
  /** Stands for the root of the stage of this name. */
  rootOf(stage: string): string;
}

export interface Playing {
  /** The build context. */
  readonly context: string;
  readonly folder: string;
  /** Does what a RUN line says, in this folder. */
  readonly run: (command: string, cwd: string) => void;
}

export function play(stages: readonly Stage[], { context, folder, run }: Playing): Played {
  const rootOf = (stage: string): string => join(folder, stage);
  for (const { name, steps } of stages) {
    const root = rootOf(name);
    let workdir = "/";
    mkdirSync(root, { recursive: true });
    for (const { word, text } of steps) {
      if (word === "WORKDIR") {
        workdir = resolve(workdir, text);
        mkdirSync(join(root, workdir), { recursive: true });
      }
      if (word === "RUN") run(text, join(root, workdir));
      if (word === "COPY") copy(text, { context, rootOf, root, workdir });
    }
  }
  return { rootOf };
}

interface Copying {
  readonly context: string;
  readonly rootOf: (stage: string) => string;
  readonly root: string;
  readonly workdir: string;
}

/** A folder's content goes into the target; a file goes into a target that ends in `/`. */
function copy(text: string, { context, rootOf, root, workdir }: Copying): void {
  const [, from] = /^--from=(\S+)\s/.exec(text) ?? [];
  const words = text.replace(/^--from=\S+\s+/, "").split(/\s+/);
  const target = words.pop() ?? "";
  for (const word of words) {
    const source = join(from === undefined ? context : rootOf(from), word);
    const into = join(root, resolve(workdir, target));
    const isFile = statSync(source).isFile();
    cpSync(source, isFile ? join(into, basename(source)) : into, { recursive: true, verbatimSymlinks: true });
  }
}
