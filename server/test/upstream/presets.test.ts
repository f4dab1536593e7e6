// A preset is a row: every row is complete, and its addresses are the provider's and no others.
import assert from "node:assert/strict";
import { test } from "node:test";
import { listPresets } from "../../src/flows/list-presets.ts";
import { endpointOf } from "../../src/upstream/endpoints.ts";
import { presetNamed, presets } from "../../src/upstream/presets.ts";
import { generic, githubProvider } from "./talking.ts";

test("presets have unique names and templates that only know web, api and client_id", () => {
  assert.equal(new Set(presets.map(({ name }) => name)).size, presets.length);
  for (const { name, urls, registrationUrl } of presets) {
    const templates: readonly (string | null)[] = [...Object.values<string | null>({ ...urls }), registrationUrl];
    for (const template of templates) {
      assert.doesNotMatch((template ?? "").replaceAll(/\{(?:web|api|client_id)\}/g, ""), /[{}]/, name);
    }
  }
  assert.equal(presetNamed("github")?.tokenLimit, 10);
  assert.equal(presetNamed("github-app")?.sendsScopes, false);
  assert.equal(presetNamed("generic")?.callback, "own");
  assert.equal(presetNamed("gitlub"), undefined);
});

test("a quick-fill leads nowhere but to the provider's API, and tokens go to https origins only", () => {
  for (const { name, hosts, endpoint, upstreams, defaultScopes, requiredScopes } of presets) {
    for (const origin of upstreams) assert.match(origin, /^https:\/\/(?:\*\.)?[a-z0-9.-]+$/, name);
    assert.equal(endpoint.upstreamUrl === null, hosts === null, name);
    assert.match(endpoint.upstreamUrl ?? "{api}", /^\{api\}(?:\/[\w./]*)?$/, name);
    for (const scope of requiredScopes) assert.ok(defaultScopes.includes(scope), name);
  }
});

test("the list of presets says what a form needs to fill itself in, and no template is left in it", () => {
  const { items } = listPresets({ presets });
  assert.doesNotMatch(JSON.stringify(items), /\{(?:web|api|client_id)\}/);
  const quick = (name: string): unknown => {
    const found = items.find((item) => item.name === name);
    return [found?.token_url, found?.token_auth, found?.revocation, found?.refresh, found?.upstream_url];
  };
  assert.deepEqual(quick("notion"), [
    "https://api.notion.com/v1/oauth/token",
    "basic",
    "own",
    "rotating",
    "https://api.notion.com",
  ]);
  assert.deepEqual(quick("google"), [
    "https://oauth2.googleapis.com/token",
    "body",
    "own",
    "kept",
    "https://www.googleapis.com",
  ]);
  assert.deepEqual(quick("gitlab"), [
    "https://gitlab.com/oauth/token",
    "body",
    "rfc7009",
    "rotating",
    "https://gitlab.com/api/v4",
  ]);
  assert.deepEqual(quick("generic"), [null, "body", "rfc7009", "unknown", null]);
  assert.deepEqual(items.find(({ name }) => name === "notion")?.endpoint_headers, { "Notion-Version": "2025-09-03" });
});

test("GitHub Enterprise Server differs in its hosts only", () => {
  const provider = githubProvider({ web: "https://git.corp", api: "https://git.corp/api/v3" }, "github");
  const at = (purpose: Parameters<typeof endpointOf>[1]): string | undefined => endpointOf(provider, purpose)?.href;
  assert.equal(at("authorize"), "https://git.corp/login/oauth/authorize");
  assert.equal(at("token"), "https://git.corp/login/oauth/access_token");
  assert.equal(at("tokenCheck"), "https://git.corp/api/v3/applications/Ov1.test/token");
  assert.equal(at("installations"), "https://git.corp/api/v3/user/installations");
});

test("a client id cannot change the address it is part of", () => {
  const hosts = { web: "https://github.com", api: "https://api.github.com" };
  const provider = { ...githubProvider(hosts, "github"), clientId: "../../$&/x?y" };
  assert.equal(
    endpointOf(provider, "grant")?.href,
    "https://api.github.com/applications/..%2F..%2F%24%26%2Fx%3Fy/grant",
  );
});

test("settings name addresses only where the preset has none, and only web addresses without credentials", () => {
  const hosts = { web: "https://github.com", api: "https://api.github.com" };
  const github = githubProvider(hosts, "github", { settings: { token_url: "https://evil.example/" } });
  assert.equal(endpointOf(github, "token")?.href, "https://github.com/login/oauth/access_token");
  for (const token_url of ["", "token", "ftp://x/", "javascript:1", "https://u:p@x/"]) {
    assert.equal(endpointOf(generic({ token_url }), "token"), null, token_url);
  }
  assert.equal(endpointOf(generic({ token_url: "https://x.example/token" }), "token")?.href, "https://x.example/token");
  assert.equal(endpointOf(generic({}), "tokenCheck"), null);
});
