// The catalogue of refusals says what is: each code is thrown somewhere in the product and seen by some test.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { refusals } from "../src/rules/refusal.ts";

const root = fileURLToPath(new URL("../", import.meta.url));

function textOf(pattern: string, except: readonly string[]): string {
  const files = globSync(pattern, { cwd: root }).filter((file) => !except.includes(file));
  return files.map((file) => readFileSync(root + file, "utf8")).join("\n");
}

test("every code of the catalogue is thrown by the product", () => {
  const source = textOf("src/**/*.ts", ["src/rules/refusal.ts"]);
  const idle = Object.keys(refusals).filter((code) => !source.includes(`"${code}"`));
  assert.deepEqual(idle, []);
});

test("every code of the catalogue is expected by a test", () => {
  const tests = textOf("test/**/*.test.ts", ["test/refusals.test.ts"]);
  const unseen = Object.keys(refusals).filter((code) => !tests.includes(`"${code}"`));
  assert.deepEqual(unseen, []);
});
