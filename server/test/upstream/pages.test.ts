// Lists of a provider are followed from page to page, and nowhere else.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Credential } from "../../src/crypto/credential.ts";
import { nextPage } from "../../src/upstream/next-page.ts";
import { githubProvider, type Said, serving, talking } from "./talking.ts";

const page = new URL("https://api.github.example/user/installations?per_page=100");

test("the next page is found among other links", () => {
  const next = `<${page.origin}/user/installations?per_page=100&page=2>; rel="next"`;
  const last = `<${page.origin}/user/installations?per_page=100&page=9>; rel="last"`;
  assert.equal(nextPage(`${last}, ${next}`, page)?.searchParams.get("page"), "2");
  assert.equal(nextPage(next.replace('"next"', "next"), page)?.searchParams.get("page"), "2");
  assert.equal(nextPage(last, page), null);
  assert.equal(nextPage(undefined, page), null);
});

test("a next page on another origin or another path is not one", () => {
  for (const target of [
    "https://evil.example/user/installations?page=2",
    "http://api.github.example/user/installations?page=2",
    "https://api.github.example:444/user/installations?page=2",
    "//evil.example/user/installations",
    "/login/oauth/authorize",
    "javascript:alert(1)",
  ]) {
    assert.equal(nextPage(`<${target}>; rel="next"`, page), null, target);
  }
});

test("at most ten pages of installations are read", async (t) => {
  const { origin, heard } = await serving(t, ({ url }): Said => {
    const number = Number(new URL(url, "http://x").searchParams.get("page") ?? "1");
    const link = `<${origin}/user/installations?per_page=100&page=${number + 1}>; rel="next"`;
    const installation = { id: number, account: { login: "acme" }, repository_selection: "all", app_slug: "bot" };
    const foreign = { ...installation, html_url: "https://evil.example/settings" };
    return {
      headers: { "content-type": "application/json", link },
      body: JSON.stringify({ installations: [foreign] }),
    };
  });
  const { oauth, close } = talking();
  t.after(close);
  const provider = githubProvider({ web: origin, api: origin }, "github-app");
  const found = await oauth.installations(provider, new Credential("ghu_1"));
  assert.ok(found.kind === "installations");
  assert.equal(found.installations.length, 10);
  assert.equal(heard.length, 10);
  assert.deepEqual(found.installations[0], { id: 1, account: "acme", repository_selection: "all", url: null });
  assert.equal(found.appSlug, "bot");
});
