// Only URLs of the upstream move to our address; a caller's client never takes our token elsewhere because of us.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { rewriteLink, toOurs } from "../../src/rules/links.ts";

const ours = "https://behalf.example/api/prj_1/proxy/github";
const github = "https://api.github.com";
const enterprise = "https://ghe.example/api/v3";

test("a URL of the upstream moves, byte for byte behind the base", () => {
  const cases = {
    "https://api.github.com": ours,
    "https://api.github.com/": `${ours}/`,
    "https://api.github.com/repositories/1?page=2&q=a%20b'c": `${ours}/repositories/1?page=2&q=a%20b'c`,
    "https://api.github.com?x=1": `${ours}?x=1`,
    "https://API.github.com:443/x": `${ours}/x`,
    "https://api.github.com/x{?a,b}": `${ours}/x{?a,b}`,
    "//api.github.com/x": `${ours}/x`,
    "/repositories/1": `${ours}/repositories/1`,
    "https://u:p@api.github.com/x": `${ours}/x`,
  };
  for (const [url, expected] of Object.entries(cases)) assert.equal(toOurs(url, github, ours), expected, url);
});

test("a URL of another host stays", () => {
  const foreign = [
    "https://api.github.com.evil.example/x",
    "https://api.github.com@evil.example/x",
    "https://api.github.computer/x",
    "http://api.github.com/x",
    "https://api.github.com:8443/x",
    "https://codeload.github.com/o/r/zip?token=t",
    "//evil.example/x",
    "?page=2",
    "x/y",
    "mailto:a@b",
    "",
    "https://[",
  ];
  for (const url of foreign) assert.equal(toOurs(url, github, ours), url, url);
});

test("a base with a path holds its whole path", () => {
  const cases = {
    "https://ghe.example/api/v3/repositories/1?page=2": `${ours}/repositories/1?page=2`,
    "https://ghe.example/api/v3": ours,
    "https://ghe.example/api/v30/x": "https://ghe.example/api/v30/x",
    "https://ghe.example/login": "https://ghe.example/login",
    "https://ghe.example/api/v3/../../login": "https://ghe.example/api/v3/../../login",
    "https://ghe.example/api/v3/%2e%2e/x": "https://ghe.example/api/v3/%2e%2e/x",
    "/api/v3/x": `${ours}/x`,
    // As a bare path it would point into our own server.
    "/login": "https://ghe.example/login",
  };
  for (const [url, expected] of Object.entries(cases)) assert.equal(toOurs(url, enterprise, ours), expected, url);
});

test("a dot segment under the base is resolved before it moves", () => {
  assert.equal(toOurs("https://ghe.example/api/v3/a/../b", enterprise, ours), `${ours}/b`);
});

const move = (url: string): string => toOurs(url, github, ours);

test("each target of a Link moves, everything else stays", () => {
  const link =
    '<https://api.github.com/x?page=2>; rel="next", <https://api.github.com/x?page=9>; rel="last",<https://else.example/?a,b>;rel=x';
  const expected = `<${ours}/x?page=2>; rel="next", <${ours}/x?page=9>; rel="last",<https://else.example/?a,b>;rel=x`;
  assert.equal(rewriteLink(link, move), expected);
});

test("brackets, commas and escapes in quotes are no targets", () => {
  const link = String.raw`<https://api.github.com/a>; title="<https://api.github.com/b>, \"<https://api.github.com/c>\""; rel=next`;
  const expected = String.raw`<${ours}/a>; title="<https://api.github.com/b>, \"<https://api.github.com/c>\""; rel=next`;
  assert.equal(rewriteLink(link, move), expected);
});

test("a broken Link passes as it is from where it breaks", () => {
  for (const link of ["<https://api.github.com/x", '"<https://api.github.com/x>', "", ">,<", "x"]) {
    assert.equal(rewriteLink(link, move), link);
  }
});

test("rewriting with nothing to rewrite changes nothing, whatever the value", () => {
  const property = fc.property(
    fc.array(fc.constantFrom("<", ">", '"', "\\", ",", ";", "a"), { maxLength: 20 }),
    (parts) => {
      assert.equal(
        rewriteLink(parts.join(""), (url) => url),
        parts.join(""),
      );
    },
  );
  fc.assert(property, { numRuns: 2000 });
});

test("nothing moves to our address unless its origin is the upstream's, and what moves keeps to our base", () => {
  const part = fc.constantFrom(
    "https://",
    "http://",
    "//",
    "api.github.com",
    "evil.example",
    "@",
    ":",
    "/",
    "..",
    "%2e",
    "\\",
    "?",
    "#",
    ".",
    "x",
  );
  const property = fc.property(fc.array(part, { maxLength: 7 }), (parts) => {
    const url = parts.join("");
    const moved = toOurs(url, github, ours);
    if (moved === url) return;
    assert.equal(new URL(url, `${github}/`).origin, github);
    const found = new URL(moved);
    assert.equal(found.origin, "https://behalf.example");
    assert.equal(`${found.pathname}/`.startsWith("/api/prj_1/proxy/github/"), true, moved);
  });
  fc.assert(property, { numRuns: 20_000 });
});
