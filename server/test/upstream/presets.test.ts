// A preset is a row: every row is complete, and its addresses are the provider's and no others.
import assert from "node:assert/strict";
import { test } from "node:test";
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
