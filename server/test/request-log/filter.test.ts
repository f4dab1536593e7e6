// The little language of the live log: what it understands, and what it says when it does not.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { logKeys, parseLogFilter } from "../../src/rules/log-filter.ts";
import { logCursorOf, parseLogCursor } from "../../src/rules/request-record.ts";

const now = Date.UTC(2026, 0, 2, 12);

function faultsOf(text: string): readonly string[] {
  const read = parseLogFilter(text, now);
  return read.kind === "faulty" ? read.faults : [];
}

test("keys, quotes, comparisons and words are read as they are meant", () => {
  const read = parseLogFilter('Status:>=500 account:"Ada \\"L\\" Byron" since:15m wo/rd "two words" method:post', now);
  assert.deepEqual(read, {
    kind: "filter",
    filter: {
      clauses: [
        { kind: "status", ranges: [{ least: 500, most: 999 }] },
        { kind: "equal", alternatives: [{ field: "identifier", value: 'Ada "L" Byron' }] },
        { kind: "equal", alternatives: [{ field: "method", value: "POST" }] },
      ],
      since: now - 900_000,
      until: null,
      words: ["wo/rd", "two words"],
    },
  });
});

test("a request id of GitHub is looked for as it is written", () => {
  const read = parseLogFilter("ABCD:E3F2:1A2B3C", now);
  assert.deepEqual(read.kind === "filter" && read.filter.words, ["ABCD:E3F2:1A2B3C"]);
});

test("times are spans before now or ISO 8601, of several the narrowest counts", () => {
  const read = parseLogFilter(
    "since:2h since:2026-01-02T11:00:00Z until:2026-01-02 until:2026-01-02T12:30:00+02:00",
    now,
  );
  assert.deepEqual(read.kind === "filter" && [read.filter.since, read.filter.until], [
    Date.UTC(2026, 0, 2, 11),
    Date.UTC(2026, 0, 2),
  ]);
});

test("an unknown key is refused with the known ones, and is not repeated", () => {
  for (const text of ["hunter:x", "https://host/x", "constructor:x", "hunter:"]) {
    const faults = faultsOf(text);
    assert.equal(faults.length, 1, text);
    assert.doesNotMatch(faults[0] ?? "", /hunter/);
  }
  for (const key of logKeys) assert.match(faultsOf("hunter:x")[0] ?? "", new RegExp(`\\b${key}:`));
});

test("a key without a value, a status, surface or time that is none, and too many parts are refused", () => {
  for (const text of [
    "endpoint:",
    "endpoint: github",
    'tool:""',
    "status:abc",
    "status:",
    "status:>=",
    "surface:web",
  ]) {
    assert.equal(faultsOf(text).length, 1, text);
  }
  for (const text of ["since:yesterday", "until:15", "since:2026-13-40", "a ".repeat(31)]) {
    assert.equal(faultsOf(text).length, 1, text);
  }
});

test("whatever is written is read or refused, and soon", () => {
  const part = fc.constantFrom(
    ...logKeys.map((key) => `${key}:`),
    '"',
    "\\",
    " ",
    ":",
    "4xx",
    ">=",
    "15m",
    "a",
    "\u{1f600}",
  );
  const text = fc.oneof(
    fc.string({ maxLength: 1000 }),
    fc.array(part, { maxLength: 300 }).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(text, (written) => {
      const read = parseLogFilter(written, now);
      if (read.kind === "filter") for (const word of read.filter.words) assert.notEqual(word, "");
    }),
    { numRuns: 500 },
  );
});

test("a cursor comes back as it went, and other texts are none", () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), (at, seq) =>
      assert.deepEqual(parseLogCursor(logCursorOf({ at, seq })), { at, seq }),
    ),
  );
  for (const text of ["", "-", "1-", "1-2-3", "zzzzzzzzzzz-1", "1_2", "A-1"])
    assert.equal(parseLogCursor(text), undefined);
});
