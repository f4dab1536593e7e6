// The trace a request belongs to is read from a well-formed `traceparent`, and from nothing else.
import assert from "node:assert/strict";
import { test } from "node:test";
import { traceIdOf } from "../../src/rules/trace.ts";

const id = "4bf92f3577b34da6a3ce929d0e0e4736";

test("a well-formed traceparent names its trace, of this version and of later ones", () => {
  assert.equal(traceIdOf(`00-${id}-00f067aa0ba902b7-01`), id);
  assert.equal(traceIdOf(`cc-${id}-00f067aa0ba902b7-01-what-comes`), id);
});

test("anything else names none", () => {
  const wrong = [
    undefined,
    "",
    id,
    `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
    `00-${id.toUpperCase()}-00f067aa0ba902b7-01`,
  ];
  const more = [`00-${id}-00f067aa0ba902b7`, `00-${id}x-00f067aa0ba902b7-01`, ` 00-${id}-00f067aa0ba902b7-01`];
  for (const text of [...wrong, ...more, `00-${id}-00f067aa0ba902b7-01x`]) assert.equal(traceIdOf(text), null, text);
});
