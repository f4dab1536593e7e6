// docs/promises.md and the folder of promise tests say the same; a promise of many parts may have more than one file.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const document = readFileSync(new URL("../../docs/promises.md", import.meta.url), "utf8");
const folder = new URL("./promises/", import.meta.url);

const rows = [...document.matchAll(/^\| (\d+) \| (.+) \| `(.+)` \|$/gm)].map(([, number, sentence, file]) => ({
  number: Number(number),
  sentence: sentence ?? "",
  file: file ?? "",
}));

function testFiles(): readonly string[] {
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".test.ts")) : [];
}

test("every promise has its test, and every test there is a listed promise", () => {
  assert.deepEqual(
    testFiles().toSorted(),
    rows.map(({ file }) => file),
  );
});

test("a promise's file begins with its number, and numbers never fall", () => {
  assert.ok(rows.length > 0);
  for (const [at, { number, file }] of rows.entries()) {
    assert.ok(file.startsWith(`${String(number).padStart(2, "0")}-`), file);
    assert.ok(number >= (rows[at - 1]?.number ?? 0), file);
  }
});

test("no promise is skipped, focused or left to do", () => {
  for (const name of testFiles()) {
    const text = readFileSync(new URL(name, folder), "utf8");
    assert.doesNotMatch(text, /\b(?:test|it|describe|suite)\.(?:skip|only|todo)\b/, name);
  }
});
