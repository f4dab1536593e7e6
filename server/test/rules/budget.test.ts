// A token carries its own budget and those of all it came from, so that minting children gives nobody more.
import assert from "node:assert/strict";
import { test } from "node:test";
import { budgetsOf, ownBudget } from "../../src/rules/budget.ts";

const parent = [{ token: "tok_parent", requests: 10, bytes: 1000 }];

test("a child inherits every budget and adds its own, a larger one too", () => {
  const child = budgetsOf(parent, "tok_child", { requests: 1_000_000, concurrent: undefined });
  assert.deepEqual(child, [...parent, { token: "tok_child", requests: 1_000_000 }]);
  const grandchild = budgetsOf(child, "tok_grandchild", { requests_per_minute: 3 });
  assert.deepEqual(
    grandchild.map(({ token }) => token),
    ["tok_parent", "tok_child", "tok_grandchild"],
  );
});

test("who asks for none gets only those of its parents, as a list of its own", () => {
  for (const own of [undefined, {}, { requests: undefined }]) {
    const child = budgetsOf(parent, "tok_child", own);
    assert.deepEqual(child, parent);
    assert.notEqual(child, parent);
  }
});

test("what is shown of a token is what it was given itself", () => {
  const child = budgetsOf(parent, "tok_child", { bytes: 5 });
  assert.deepEqual(ownBudget(child, "tok_child"), { bytes: 5 });
  assert.deepEqual(ownBudget(parent, "tok_child"), {});
});
