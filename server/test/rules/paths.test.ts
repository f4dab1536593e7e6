// A path cannot climb out (promise 12); what passes comes out byte for byte.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkTarget, isExact, repositoryOf } from "../../src/rules/paths.ts";

const climbing = [
  "",
  "x",
  "https://evil.example/",
  "//evil.example",
  "//",
  "/\\evil.example",
  "/.",
  "/..",
  "/../x",
  "/a/..",
  "/a/./b",
  "/a/../b",
  "/%2e",
  "/%2E%2e/x",
  "/.%2e/x",
  "/a/%2e./b",
  "/..%2fx",
  "/%2e%2e%2fx",
  "/a%2f..%2fb",
  "/a%2F..",
  "/a%2f%2e%2e",
  "/..\\x",
  "/..%5cx",
  "/a%5C..%5Cb",
  "/a\\b",
  "/..;/x",
  "/..;a=b/x",
  "/%2e%2e%3b/x",
  "/..%20/x",
  "/a%0d%0ab",
  "/a%0Ab",
  "/a%00",
  "/a\r\nX: y",
  "/a\0",
  "/a b",
  "/a\tb",
  "/caf\xe9",
  "/é",
  "/%252e%252e/x",
  "/%252E",
  "/%252f",
  "/%255c",
  "/%2500",
  "/%250a",
  "/%250D",
  "/%25252e",
  "/%25%32%65",
  "/%%32%65",
  "/%c0%ae%c0%ae/x",
  "/%c0%af",
  "/%ff",
  "/%",
  "/%2",
  "/%zz",
  "/x#y",
  "/x?a#b",
  "/x?a\r\nb",
  "/x?a b",
  "/x?\0",
  "/x?\x7f",
];

test("targets that could climb out are refused", () => {
  for (const raw of climbing) assert.equal(checkTarget(raw).kind, "refused", JSON.stringify(raw));
});

const passing = [
  "/",
  "/user/repos",
  "/user/repos/",
  "/a//b",
  "/repos/o/r/contents/src%2Fmain.ts",
  "/repos/o/r/git/refs/heads%2Ffeature%2Fx",
  "/repos/o/r/compare/main...feature",
  "/repos/o/r/contents/.github/workflows/ci.yml",
  "/repos/o/r/contents/..x/x../...",
  "/repos/o/r/contents/%2Egithub",
  "/repos/o/r/contents/100%25",
  "/repos/o/r/contents/a%252b",
  "/repos/o/r/contents/caf%C3%A9%20x",
  "/repos/o/r/commits/HEAD^",
  "/repos/o/r/commits/HEAD~1",
  '/x{y}|z`"<>',
  "/search/issues?q=repo:o/r+is:open&x=../..&y=%0a%2e%2e%5c",
  "/x?",
  "/x??a=\\&b=//evil",
  "/x?q=caf\xe9",
];

test("ordinary targets pass byte for byte", () => {
  for (const raw of passing) {
    const decision = checkTarget(raw);
    assert.equal(decision.kind === "ok" && decision.path + decision.query, raw);
    assert.equal(isExact("https://ghe.example/api/v3", raw), true, raw);
  }
});

test("segments are decoded once, for policy", () => {
  const decision = checkTarget("/repos/o/r/contents/src%2Fa%20b.ts/?x=%41");
  assert.deepEqual(decision.kind === "ok" && decision.segments, ["repos", "o", "r", "contents", "src/a b.ts", ""]);
});

const piece = fc.oneof(
  fc.constantFrom(
    ..."/ // . .. ... %2e %2E %2f %5c %25 %252e %25% %32 65 %00 %0a \\ ; ? # @ : x repos %c0%ae %ef%bc%8e".split(" "),
  ),
  fc.string({ unit: "binary-ascii", maxLength: 3 }),
);
const anyTarget = fc.array(piece, { maxLength: 8 }).map((parts) => `/${parts.join("")}`);
const bases = ["https://api.github.com", "https://ghe.example/api/v3", "http://127.0.0.1:9100/a%2Fb"];

/** The path as upstreams may see it that decode any number of times and take backslashes for slashes. */
function paranoid(path: string): string {
  let text = path;
  for (let times = 0; times < 4; times += 1) {
    text = text.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
  return text.replaceAll("\\", "/");
}

test("whatever passes never leaves its base, parsed, decoded twice or four times", () => {
  let passed = 0;
  const property = fc.property(anyTarget, fc.constantFrom(...bases), (raw, base) => {
    const decision = checkTarget(raw);
    if (decision.kind === "refused") return;
    passed += 1;
    assert.equal(decision.path + decision.query, raw);
    assert.equal(isExact(base, raw), true);
    const url = new URL(base + raw);
    assert.equal(url.origin, new URL(base).origin);
    assert.equal(url.pathname.startsWith(`${new URL(base).pathname.replace(/\/$/, "")}/`), true);
    const dots = paranoid(decision.path)
      .split("/")
      .filter((part) => part === "." || part === "..");
    assert.deepEqual(dots, []);
    assert.doesNotMatch(paranoid(decision.path), /[\0\r\n]/);
  });
  fc.assert(property, { numRuns: 20_000 });
  assert.equal(passed > 500, true, `only ${passed} passed`);
});

test("what a parser would resolve is not exact", () => {
  for (const target of ["/../x", "/a/../x", "/%2e%2E/x", "/..\\x", "/a\\b", "/x#y", "/a\tb", "/./"]) {
    assert.equal(isExact("https://ghe.example/api/v3", target), false, target);
    assert.equal(isExact("https://api.github.com", target), false, target);
  }
  assert.equal(isExact("not a url", "/x"), false);
});

test("the repository of a path is told, or said to be unknown", () => {
  const cases: readonly (readonly [string, ReturnType<typeof repositoryOf>])[] = [
    ["/repos/Acme/api", { owner: "Acme", name: "api" }],
    ["/repos/acme/api/contents/a%2Fb", { owner: "acme", name: "api" }],
    ["/Repos/acme/api/", { owner: "acme", name: "api" }],
    ["/networks/acme/api/events", { owner: "acme", name: "api" }],
    ["/repos/acme", "unknown"],
    ["/repos/acme/", "unknown"],
    ["/repos//acme/api", "unknown"],
    ["/repos/acme%2Fapi/issues", "unknown"],
    ["/repos%2Facme%2Fapi/issues", "unknown"],
    ["/repositories/123/issues", "unknown"],
    ["/user/starred/acme/api", "unknown"],
    ["/orgs/acme/teams/x/repos/acme/api", "unknown"],
    ["/user/installations/1/repositories/2", "unknown"],
    ["/graphql", "unknown"],
    ["/user", "none"],
    ["/", "none"],
    ["/orgs/acme/members", "none"],
  ];
  for (const [raw, expected] of cases) {
    const decision = checkTarget(raw);
    assert.deepEqual(decision.kind === "ok" && repositoryOf(decision.segments), expected, raw);
  }
});
