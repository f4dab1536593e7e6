// The fences of .oxlintrc.json bite: one poisoned file per fence, one run of the linter, one error each.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { poison, welcome } from "./floor-plan/poison.ts";
import { codeOnly, networkInTransactions } from "./floor-plan/transactions.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const source = join(root, "server/src");
const rooms = ["crypto", "ephemeral", "flows", "http", "pages", "rules", "store", "tools", "upstream", "vault"];
const rootFiles = [
  "admin-token.ts",
  "background.ts",
  "cli.ts",
  "compose.ts",
  "config.ts",
  "demo-agent.ts",
  "demo-github.ts",
  "demo-person.ts",
  "demo-play.ts",
  "demo-screen.ts",
  "demo.ts",
  "doctor.ts",
  "faults.ts",
  "keys-file.ts",
  "log.ts",
  "main-audit.ts",
  "main-keys.ts",
  "main.ts",
  "metrics.ts",
  "nearest.ts",
  "opening.ts",
  "readiness.ts",
  "serve.ts",
  "settings.ts",
  "start.ts",
  "version.ts",
];

const copy = mkdtempSync(join(tmpdir(), "behalf-floor-plan-"));
/** What the linter said, as `file rule`. */
const found: string[] = [];

function write(file: string, text: string): void {
  const path = join(copy, file.startsWith("sdk/") ? "" : "server/src", file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

before(() => {
  cpSync(join(root, ".oxlintrc.json"), join(copy, ".oxlintrc.json"));
  cpSync(join(root, "tsconfig.json"), join(copy, "tsconfig.json"));
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  // The targets are there and typed, so that each poison has one fault only.
  const targets = [...rooms.map((room) => `${room}/x.ts`), "http/proxy/x.ts", "log.ts", "config.ts", "main.ts"];
  for (const file of targets) write(file, "export const x = 1;\n");
  for (const { file, code } of [...poison, ...welcome]) write(file, code);
  const oxlint = join(root, "node_modules/.bin/oxlint");
  const run = spawnSync(oxlint, ["--format=json"], { cwd: copy, encoding: "utf8", maxBuffer: 64 * 2 ** 20 });
  const answer = JSON.parse(run.stdout) as { diagnostics: { code: string; filename: string }[] };
  found.push(...answer.diagnostics.map(({ code, filename }) => `${filename.replace("server/src/", "")} ${code}`));
});

after(() => {
  rmSync(copy, { recursive: true, force: true });
});

test("each fence bites, with exactly the one error it stands for, and nothing else is refused", () => {
  assert.deepEqual(found.toSorted(), poison.map(({ file, rule }) => `${file} ${rule}`).toSorted());
});

const sources = globSync("**/*.ts", { cwd: source }).toSorted();
const inRooms = sources.filter((file) => file.includes("/"));

function textOf(file: string): string {
  return readFileSync(join(source, file), "utf8");
}

/** Files whose code, without comments and strings, has a line like this. */
function filesWith(files: readonly string[], pattern: RegExp): readonly string[] {
  return files.filter((file) =>
    codeOnly(textOf(file))
      .split("\n")
      .some((line) => pattern.test(line)),
  );
}

test("the house has the rooms and root files of the floor plan and no others", () => {
  const entries = readdirSync(source, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const files = entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
  assert.deepEqual(
    folders.filter((name) => !rooms.includes(name)),
    [],
  );
  assert.deepEqual(
    files.filter((name) => !rootFiles.includes(name)),
    [],
  );
});

test("no folder is a drawer", () => {
  const drawers = /(^|\/)(utils?|helpers?|common|shared|misc|lib)\//;
  assert.deepEqual(
    sources.filter((file) => drawers.test(file)),
    [],
  );
});

test("no room keeps state in a module", () => {
  assert.deepEqual(filesWith(inRooms, /^(?:export )?(?:let|var)\b/), []);
  assert.deepEqual(filesWith(inRooms, /^(?:export )?const [^=]*=\s*new (?:Weak)?(?:Map)\b[^[]*\(\)/), []);
});

test("no room reads the clock or its own place in the file system", () => {
  assert.deepEqual(filesWith(inRooms, /\bnew Date\(\)|\bimport\.meta\b/), []);
});

test("no transaction waits for the network", () => {
  const guilty = sources.flatMap((file) => networkInTransactions(textOf(file)).map((line) => `${file}:${line}`));
  assert.deepEqual(guilty, []);
});

test("the search for the network in a transaction bites", () => {
  const bad =
    'await store.inOneStep(async (step) => {\n  // upstream.send(")")\n  await needs.upstream.send(step);\n});\n';
  const worse = "x();\nawait accounts.change(id, () => vault.lend(id));\n";
  const good = 'await store.inOneStep(async (step) => step.log("fetch(upstream.x)"));\nawait needs.upstream.send();\n';
  assert.deepEqual([bad, worse, good].map(networkInTransactions), [[1], [2], []]);
});

test("no source file is longer than 250 lines", () => {
  assert.deepEqual(
    sources.filter((file) => textOf(file).split("\n").length > 251),
    [],
  );
});
