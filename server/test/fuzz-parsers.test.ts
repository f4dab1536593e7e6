// Whatever text comes, the parsers of tokens, envelopes, cursors and names answer; what they take means exactly one thing.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Credential } from "../src/crypto/credential.ts";
import { sameText } from "../src/crypto/digest.ts";
import { isGatewayToken, issueGatewayToken, tokenDigest } from "../src/crypto/gateway-token.ts";
import { systemRandom } from "../src/crypto/random.ts";
import { makeKeyRing, readEnvelope, SealError } from "../src/crypto/seal.ts";
import { authenticate } from "../src/flows/authenticate.ts";
import { cursorOf, parseCursor } from "../src/rules/cursor.ts";
import { idFrom, idPrefixes, isName, parseId, parseIdentifier, parseProjectId, uuidOf } from "../src/rules/ids.ts";
import { Refusal } from "../src/rules/refusal.ts";
import { isAllowedUrl, parseOrigin, parseWebUrl } from "../src/rules/urls.ts";
import { newKey } from "./support/house.ts";

const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: "binary-ascii" }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 }).map((units) => String.fromCharCode(...units)),
);

/** The text with one change: a letter out, in, doubled or of the other case. */
const changed = (text: string) =>
  fc
    .tuple(
      fc.nat({ max: text.length - 1 }),
      fc.constantFrom("out" as const, "in" as const, "double" as const, "case" as const),
      fc.string({ unit: "binary-ascii", minLength: 1, maxLength: 1 }),
    )
    .map(([at, how, letter]) => {
      const char = text.charAt(at);
      const flipped = char === char.toUpperCase() ? char.toLowerCase() : char.toUpperCase();
      const by = { out: "", in: letter, double: char + char, case: flipped }[how];
      return text.slice(0, at) + by + text.slice(at + 1);
    });

const issued = issueGatewayToken("live", systemRandom);
const token = issued.plain.reveal();
const adminToken = "an-admin-token-of-at-least-32-characters";
let asked: string[] = [];
const needs = {
  store: {
    tokens: {
      byDigest: async (digest: string) => {
        asked.push(digest);
        return Promise.resolve(undefined);
      },
    },
  },
  vault: { tokenDigest, same: sameText, isToken: isGatewayToken },
  now: () => 0,
  adminDigest: tokenDigest(adminToken),
  background: () => undefined,
} as unknown as Parameters<typeof authenticate>[0];

test("no header but scheme, blanks and the very token gets in, and look-alikes never reach the database", async () => {
  const scheme = fc.constantFrom("Bearer", "bearer", "TOKEN", "token", "Basic", "Digest", "");
  const glue = fc.constantFrom(" ", "  ", "", "\t", "\u00a0", "\n", ", ");
  const plain = fc.oneof(fc.constant(token), changed(token), fc.constant(adminToken), changed(adminToken), anyText);
  const header = fc.oneof(
    anyText,
    fc.tuple(scheme, glue, plain, fc.constantFrom("", " ", "\r\n", " x")).map((parts) => parts.join("")),
  );
  const property = fc.asyncProperty(header, async (authorization) => {
    asked = [];
    const good = /^(?:bearer|token) +(?<plain>.+)$/i.exec(authorization)?.groups?.["plain"];
    const entry = authenticate(needs, { authorization, project: undefined, address: null });
    if (good === adminToken) return assert.equal((await entry).isInstance, true);
    await assert.rejects(
      entry,
      (error: unknown) => error instanceof Refusal && error.status === 401 && error.context.next !== undefined,
    );
    assert.deepEqual(asked, good !== undefined && isGatewayToken(good) ? [tokenDigest(good)] : []);
  });
  await fc.assert(property, { numRuns: 3000 });
});

test("a token that was mistyped is none: no single change keeps its checksum", () => {
  const property = fc.property(changed(token), (other) => {
    assert.equal(isGatewayToken(other), other === token);
  });
  fc.assert(property, { numRuns: 5000 });
});

const place = { project: "prj_1", table: "accounts", row: "acc_1", column: "credential" };
const ring = makeKeyRing([newKey("k2"), newKey("k1")], systemRandom);

test("an envelope has one spelling; no other text is read as one", () => {
  const sealed = ring.seal(new Credential("secret"), place);
  const base64 = fc.stringMatching(/^[A-Za-z0-9_=+/-]{0,60}$/);
  const nearly = fc
    .tuple(fc.constantFrom("bhs1", "bhs2", "BHS1", ""), fc.stringMatching(/^[a-z0-9A-Z_]{0,18}$/), base64)
    .map((parts) => parts.join("."));
  const property = fc.property(fc.oneof(anyText, nearly, changed(sealed), fc.constant(sealed)), (text) => {
    const envelope = readEnvelope(text);
    if (envelope === undefined) return;
    assert.equal(`bhs1.${envelope.keyId}.${envelope.body.toString("base64url")}`, text);
    assert.equal(envelope.body.length >= 28, true);
  });
  fc.assert(property, { numRuns: 5000 });
});

test("a sealed value opens as it was sealed, and not at all after any change of it or of its place", () => {
  const property = fc.property(
    anyText
      .filter((text) => text.isWellFormed())
      .chain((secret) => {
        const sealed = ring.seal(new Credential(secret), place);
        return fc.tuple(fc.constant(secret), fc.constant(sealed), changed(sealed));
      }),
    fc.constantFrom("project", "table", "row", "column"),
    ([secret, sealed, other], member) => {
      assert.equal(ring.open(sealed, place).reveal(), secret);
      assert.throws(() => ring.open(sealed, { ...place, [member]: `${place[member]}x` }), SealError);
      if (other !== sealed) assert.throws(() => ring.open(other, place), SealError);
    },
  );
  fc.assert(property, { numRuns: 1000 });
});

const kind = fc.constantFrom(...(Object.keys(idPrefixes) as (keyof typeof idPrefixes)[]));
const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 });
const position = fc
  .tuple(fc.maxSafeNat(), kind, bytes)
  .map(([created_at, of, random]) => ({ created_at, id: idFrom(of, random) as string }));

test("cursors: what we give we take back; of other texts only what we could have given", () => {
  fc.assert(fc.property(position, (at) => assert.deepEqual(parseCursor(cursorOf(at)), at)));
  const forged = fc.json({ maxDepth: 2 }).map((text) => Buffer.from(text).toString("base64url"));
  const property = fc.property(
    fc.oneof(
      anyText,
      forged,
      position.chain((at) => changed(cursorOf(at))),
    ),
    (text) => {
      const parsed = parseCursor(text);
      if (parsed === undefined) return;
      assert.deepEqual(parseCursor(cursorOf(parsed)), parsed);
      assert.match(parsed.id, /^[a-z]{3}_[0-9a-f]{32}$/);
      assert.equal(Number.isSafeInteger(parsed.created_at) && parsed.created_at >= 0, true);
    },
  );
  fc.assert(property, { numRuns: 5000 });
});

test("identifiers: what is taken is NFC, without controls, of 1 to 255 characters, and stays what it is", () => {
  let taken = 0;
  const property = fc.property(fc.oneof(anyText, fc.string({ unit: "grapheme", maxLength: 400 })), (text) => {
    const parsed = parseIdentifier(text);
    if (parsed === undefined) return;
    taken += 1;
    assert.equal(parsed, text.normalize("NFC"));
    assert.equal(parseIdentifier(parsed), parsed);
    assert.equal(parsed.isWellFormed(), true);
    assert.doesNotMatch(parsed, /\p{Cc}/u);
    assert.equal([...parsed].length <= 255, true);
    // It survives the way into a path and back.
    assert.equal(decodeURIComponent(encodeURIComponent(parsed)), parsed);
  });
  fc.assert(property, { numRuns: 5000 });
  assert.equal(taken > 1000, true, `only ${taken} were taken`);
});

test("ids: each is read as its own kind only, and never passes for a name", () => {
  const property = fc.property(kind, kind, bytes, (own, other, random) => {
    const id = idFrom(own, random);
    assert.equal(parseId(own, id), id);
    if (own !== other) assert.equal(parseId(other, id), undefined);
    assert.equal(isName(id), false);
  });
  fc.assert(property);
  fc.assert(
    fc.property(bytes, (random) => {
      const id = idFrom("project", random);
      for (const text of [id, uuidOf(id), uuidOf(id).toUpperCase()]) assert.equal(parseProjectId(text), id);
    }),
  );
  const nearly = kind.chain((own) => bytes.map((random) => idFrom(own, random))).chain((id) => changed(id));
  fc.assert(
    fc.property(fc.oneof(anyText, nearly), kind, (text, own) => {
      const parsed = parseId(own, text) ?? parseProjectId(text);
      if (parsed !== undefined) assert.match(parsed, /^[a-z]{3}_[0-9a-f]{32}$/);
      if (isName(text)) assert.match(text, /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/);
    }),
    { numRuns: 5000 },
  );
});

test("URLs: one that is taken says itself where it leads, and a header may carry it", () => {
  const odd = fc.constantFrom(
    "https:",
    "http:",
    "javascript:",
    "//",
    "/",
    "\\",
    "@",
    ":",
    "?",
    "#",
    "app.example",
    "evil.example",
    "127.0.0.1",
    "[::1]",
    "\t",
    "\n",
    "\0",
    " ",
    "%0a",
    "é",
    "💩",
    "\ud800",
    "..",
    ":443",
  );
  const url = fc.oneof(
    fc.webUrl({ withQueryParameters: true, withFragments: true }),
    fc.array(odd, { maxLength: 8 }).map((parts) => parts.join("")),
    fc.array(odd, { maxLength: 4 }).map((parts) => `https://app.example/${parts.join("")}`),
    anyText,
  );
  let taken = 0;
  const property = fc.property(url, (text) => {
    const parsed = parseWebUrl(text);
    if (parsed === undefined) return assert.equal(isAllowedUrl(text, ["https://app.example"]), false);
    taken += 1;
    assert.match(parsed.protocol, /^https?:$/);
    assert.equal(parsed.username + parsed.password + parsed.hash, "");
    assert.doesNotMatch(text, /[\s\p{Cc}]/u);
    assert.equal(new Headers({ location: parsed.href }).get("location"), parsed.href);
    if (isAllowedUrl(text, ["https://app.example"])) assert.equal(new URL(text).host, "app.example");
    const origin = parseOrigin(text);
    if (origin !== undefined) assert.equal(origin, new URL(origin).origin);
  });
  fc.assert(property, { numRuns: 5000 });
  assert.equal(taken > 500, true, `only ${taken} were taken`);
});
