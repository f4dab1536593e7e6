// A path in the live log tells where a call went and nothing that would let one go there (promise 1).
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { maskedPath } from "../../src/rules/masks.ts";

const long = "0123456789abcdefABCDEF0123456789abcdef";
const key = `${"A".repeat(42)}k=`;
const secrets: Readonly<Record<string, string>> = {
  "GitHub, OAuth App": `gho_${long}`,
  "GitHub, person": `ghp_${long}`,
  "GitHub, user of an App": `ghu_${long}`,
  "GitHub, installation": `ghs_${long}`,
  "GitHub, refresh": `ghr_${long}`,
  "GitHub, fine-grained": `github_pat_${long}`,
  "a gateway token": `bh_live_${long}`,
  "a gateway token for tests": `bh_test_${long}`,
  "a JSON Web Token": `eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxIn0.${long}`,
  Slack: `xoxb-${long}`,
  "Google, access": `ya29.${long}`,
  GitLab: `glpat-${long}`,
  Notion: `ntn_${long}`,
  Linear: `lin_api_${long}`,
  Atlassian: `ATATT3${long}`,
  "an entry of a key ring": `k1:${key}`,
};
const names = ["access_token", "refresh_token", "client_secret", "code", "password", "api_key", "apikey", "key", "sig"];
names.push("X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "id_token", "device_code", "code_verifier");
names.push("private_token", "client_assertion", "token", "auth", "session_id", "jwt", "auth_request_id", "PASSWORD");

function encodedTwice(text: string): string {
  return encodeURIComponent(encodeURIComponent(text)).replaceAll("_", "%255F");
}

test("every kind of token is masked wherever it stands in a target", () => {
  for (const [kind, secret] of Object.entries(secrets)) {
    const places = [
      `/repos/${secret}/issues`,
      `/x/${secret}`,
      `/x?q=${secret}`,
      `/x?page=1&q=${secret}&per_page=5`,
      `/x?q=a+${secret}`,
      `/x?${secret}`,
      `/x?a=b;c=${secret}`,
      `/x?q=${encodeURIComponent(secret)}`,
      `/x?q=${encodedTwice(secret)}`,
      `/x/${encodedTwice(secret)}/y`,
      `/x?url=${encodeURIComponent(`https://host/?t=${secret}`)}`,
    ];
    for (const place of places) {
      const shown = maskedPath(place);
      assert.equal(shown.includes(long) || shown.includes(key), false, `${kind}: ${place} became ${shown}`);
      assert.match(shown, /\[masked\]/, kind);
    }
  }
});

test("the value of a parameter with the name of a secret is masked, whatever it looks like and however its name is written", () => {
  for (const name of names) {
    const percent = name.replaceAll("_", "%5F").replaceAll("-", "%2D");
    for (const written of [name, percent, name.toUpperCase()]) {
      const shown = maskedPath(`/x?page=2&${written}=hunter2&per_page=5`);
      assert.equal(shown, `/x?page=2&${written}=[masked]&per_page=5`);
    }
    assert.doesNotMatch(maskedPath(`/x?${name}%3Dhunter2`), /hunter2/, name);
  }
});

test("secrets that a path itself is are masked: links, bots, incoming hooks, people in URLs", () => {
  assert.equal(maskedPath("/connect/0123456789abcdefghij"), "/connect/[masked]");
  assert.equal(maskedPath(`/bot123456789:${long}/sendMessage`), "/bot123456789:[masked]/sendMessage");
  assert.equal(maskedPath(`/services/T0123/B0123/${long}`), "/services/T0123/B0123/[masked]");
  assert.equal(maskedPath("/get/https://me:open-sesame@host/x"), "/get/https://me:[masked]@host/x");
});

test("what one looks for in a log stays: pages, states, hashes of commits, ids", () => {
  const plain = [
    "/repos/octo/hello/issues?state=open&per_page=100&page=2&sort=created",
    `/repos/octo/hello/commits/${"0123456789".repeat(4)}?sha=main`,
    "/search/code?q=addClass+in:file+language:js",
    "/repos/octo/hello/contents/src%2Fapp%20one.ts?ref=feature%2Fx",
    "/api/v3/repos/octo/hello/compare/main...dev",
    "/",
    "",
  ];
  for (const path of plain) assert.equal(maskedPath(path), path);
  assert.equal(maskedPath("/oauth?state=q8Zx1-long-random"), "/oauth?state=[masked]");
});

test("at most 2,048 characters stay, and a token at the cut is no half token", () => {
  for (let before = 1990; before < 2060; before += 1) {
    const shown = maskedPath(`/${"a".repeat(before)}/${secrets["GitHub, person"] ?? ""}/x`);
    assert.equal(shown.length <= 2048, true);
    assert.equal(shown.includes("0123"), false, String(before));
  }
  const shown = maskedPath(`/x?q=${"gho_".padEnd(8180, "b")}&z=ghp_${long}`);
  assert.equal(shown.includes("bbb") || shown.includes("0123"), false);
});

test("no text around a token brings it out, masking twice is masking once, and hostile texts cost no time", () => {
  const around = fc.string({ maxLength: 60 });
  fc.assert(
    fc.property(around, around, fc.constantFrom(...Object.values(secrets)), (before, after, secret) => {
      const shown = maskedPath(`/${encodeURI(before.toWellFormed())}/${secret}?${encodeURI(after.toWellFormed())}`);
      assert.equal(shown.includes(long) || shown.includes(key), false, shown);
      assert.equal(maskedPath(shown), shown);
    }),
    { numRuns: 500 },
  );
  const started = performance.now();
  for (const part of ["eyJ-", "://a:", "token ", "%25", "&", "bearer%20", "?", "a:", '"password":"\\']) {
    maskedPath(`/x?q=${part.repeat(16_000 / part.length)}`);
  }
  assert.equal(performance.now() - started < 2000, true);
});
